/**
 * `npm run check:packages`: what the packages are once they are published, and what their documentation says. Lint, a clean
 * build, the tarballs from outside and inside, the pages as a reader follows them, the examples, and what a release does.
 *
 *     node scripts/check-packages.mjs               installs what is missing first
 *     node scripts/check-packages.mjs --installed   does not
 */
import { rmSync } from "node:fs"
import { join } from "node:path"
import { main } from "./stages.mjs"
import { packages } from "./workspace.mjs"

// What a source left behind that is there no more would be published.
for (const { folder } of packages()) {
  rmSync(join(folder, "dist"), { recursive: true, force: true })
  rmSync(join(folder, ".cache"), { recursive: true, force: true })
}

/** The last line of a script: "38 documented examples, 1 failed". */
const counts = (output) => {
  const [, total, failed] = /(\d+) [a-z ]+, (?:\d+ not run, )?(\d+) (?:failed|faults)\s*$/.exec(output) ?? []
  return total === undefined ? undefined : { passed: Math.max(0, total - failed), failed: Number(failed) }
}
const last = (output) => output.trimEnd().split("\n").slice(-1)

await main([
  { name: "build", command: ["node", "node_modules/typescript/bin/tsc", "--build", "tsconfig.build.json"] },
  {
    name: "lint",
    command: ["eslint", ".", "--cache", "--cache-location", ".cache/eslint", "--cache-strategy", "content"]
  },
  { name: "diagnostics of Effect", command: ["node", "scripts/diagnostics.mjs"], summary: last, counts },
  { name: "pages", command: ["node", "scripts/docs.mjs", "--check"], summary: last, counts },
  { name: "conformance", command: ["node", "scripts/conformance.mjs", "--check"], summary: last, counts },
  { name: "documented examples", command: ["node", "scripts/documented-examples.mjs"], summary: last, counts },
  { name: "reference", command: ["node", "scripts/reference.mjs"], summary: last, counts },
  { name: "tarballs", command: ["node", "scripts/tarballs.mjs"], after: ["build"], summary: last, counts },
  {
    name: "packages as installed",
    command: ["node", "scripts/packed.mjs"],
    after: ["tarballs"],
    summary: last,
    counts
  },
  {
    name: "pages as followed",
    command: ["node", "scripts/check-install.mjs"],
    after: ["tarballs"],
    processors: 2,
    summary: last,
    counts
  },
  { name: "bundle sizes", command: ["node", "scripts/sizes.mjs"], summary: last, counts },
  { name: "files on a GET's way", command: ["tsx", "scripts/getPath.mjs"], summary: last, counts },
  { name: "unused code and dependencies", command: ["knip", "--no-progress"] },
  { name: "release", command: ["node", "scripts/check-release.mjs"], summary: last, counts },
  { name: "examples", command: ["node", "scripts/examples.mjs"], summary: last, counts },
  { name: "picture", command: ["node", "scripts/timeline.mjs"], summary: last, counts }
], { label: "packages" })
