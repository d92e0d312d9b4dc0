/**
 * `npm run test:runtimes`: one program under every runtime that can be had on this machine (Node, Bun, Deno, workerd and
 * Chromium, all from the npm registry), with the packages as they are published, against servers on loopback. What works
 * where is the table in docs/runtimes.md.
 *
 *     node scripts/runtimes.mjs               installs what is missing first
 *     node scripts/runtimes.mjs --installed   does not; the runtimes themselves are always installed
 *     node scripts/runtimes.mjs --write       writes the table
 */
import { runtimes } from "./runtimes/catalogue.mjs"
import { main } from "./stages.mjs"

const last = (output) => output.trimEnd().split("\n").slice(-1)

/** "22.23.3: 7 of 7 scenarios, 0 faults", or "not to be had here: Bun, ...". */
const counts = (output) => {
  const absent = /^not to be had here: (.*?), /m.exec(output)?.[1]
  if (absent !== undefined) return { passed: 0, failed: 0, skipped: 1, absent: [absent] }
  const [, passed, faults] = /: (\d+) of \d+ scenarios, (\d+) faults\s*$/.exec(output) ?? []
  // one that says nothing has not tried anything
  return { passed: Number(passed ?? 0), failed: Number(faults ?? 1) }
}

await main([
  { name: "build", command: ["node", "node_modules/typescript/bin/tsc", "--build", "tsconfig.build.json"] },
  { name: "bundles", command: ["node", "scripts/runtimes/prepare.mjs"], after: ["build"] },
  ...runtimes.map(({ id, name }) => ({
    name,
    command: ["node", "scripts/runtimes/run.mjs", id],
    after: ["bundles"],
    summary: last,
    counts
  })),
  {
    name: "table",
    command: ["node", "scripts/runtimes/table.mjs", ...process.argv.includes("--write") ? ["--write"] : []],
    after: runtimes.map(({ name }) => name),
    summary: last
  }
], { label: "runtimes" })
