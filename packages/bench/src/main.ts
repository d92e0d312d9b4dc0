/**
 * `npm run bench`: all benchmarks, one after another, each in its own process. `--only overhead,quota` selects some,
 * `--json` ends with one line of JSON, `--readme` writes the tables into this package's README, `--compare commit` runs
 * them beside those of another commit, `--pairs 3` times each.
 */
import { readFile, writeFile } from "node:fs/promises"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { dependencies, home } from "./Bundle.ts"
import { checkout, compared } from "./Compare.ts"
import { measure, prepare } from "./Process.ts"
import type { Result } from "./Report.ts"
import { render, summary } from "./Report.ts"

const names = [
  "overhead",
  "loopback",
  "stampede",
  "waiters",
  "revocation",
  "quota",
  "quotaCost",
  "principals",
  "machines",
  "sockets",
  "keys",
  "parsers",
  "memory",
  "exchange",
  "dpop",
  "coldStart",
  "import",
  "sizes"
]

const main = async (): Promise<void> => {
  const { compare, json, only, pairs, readme } = parseArgs({
    options: {
      compare: { type: "string" },
      json: { type: "boolean" },
      only: { type: "string" },
      pairs: { type: "string", default: "3" },
      readme: { type: "boolean" }
    }
  }).values
  const wanted = only === undefined ? names : only.split(",")
  const unknown = wanted.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw new Error(`no benchmark is called ${unknown.join(" or ")}; there are ${names.join(", ")}`)
  }

  await prepare()
  const machine = await describeMachine()
  say(machine.join("\n"))
  const other = compare === undefined ? undefined : await checkout(compare)
  const results: Record<string, Result> = {}
  try {
    for (const name of wanted) {
      const begun = performance.now()
      const result = await (other === undefined ? measure(name) : compared(name, other, Number(pairs))).catch(failed)
      results[name] = result
      say(`${render(name, result)}\n\n(${((performance.now() - begun) / 1000).toFixed(0)} s)`)
    }
  } finally {
    await other?.remove()
  }
  if (other === undefined) say(summary(results))
  if (readme === true) {
    await writeReadme([
      machine.join("\n"),
      summary(results),
      ...Object.entries(results).map(([name, result]) => render(name, result))
    ])
  }
  if (json === true) console.log(JSON.stringify({ machine, results }))
}

/** What the others find is not lost for it. */
const failed = (error: unknown): Result => {
  process.exitCode = 1
  return { title: `**failed**: ${String(error)}`, columns: [], rows: [], goals: [], notes: [] }
}

const say = (text: string): void => console.log(`${text}\n`)

const describeMachine = async (): Promise<ReadonlyArray<string>> => {
  const named = dependencies.filter((name) => !name.startsWith("@types/"))
  const versions = await Promise.all(named.map(async (name) => {
    const { version } = JSON.parse(await readFile(`${home}node_modules/${name}/package.json`, "utf8"))
    return `${name} ${version}`
  }))
  return [
    `- machine: ${cpus().length} cores, ${process.platform} ${process.arch}`,
    `- Node.js ${process.versions.node}`,
    `- ${versions.join(", ")}`
  ]
}

const writeReadme = async (sections: ReadonlyArray<string>): Promise<void> => {
  const file = `${home}README.md`
  const [before] = (await readFile(file, "utf8")).split(marker)
  const command = ["npm run bench --", ...process.argv.slice(2)].join(" ")
  await writeFile(file, `${before}${marker}\n\n\`${command}\`\n\n${sections.join("\n\n")}\n`)
}

const marker = "## Last result"

await main()
