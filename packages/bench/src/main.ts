/**
 * `npm run bench`: all benchmarks, one after another, each in its own process. `--only overhead,quota` selects some,
 * `--json` ends with one line of JSON, `--readme` writes the tables into this package's README.
 */
import { fork } from "node:child_process"
import { readFile, rm, writeFile } from "node:fs/promises"
import { cpus } from "node:os"
import { parseArgs } from "node:util"
import { compile, dependencies, home } from "./Bundle.ts"
import type { Result } from "./Report.ts"
import { render } from "./Report.ts"

const names = [
  "overhead",
  "loopback",
  "stampede",
  "waiters",
  "revocation",
  "quota",
  "keys",
  "parsers",
  "memory",
  "dpop",
  "import"
]

const main = async (): Promise<void> => {
  const { json, only, readme } = parseArgs({
    options: { json: { type: "boolean" }, only: { type: "string" }, readme: { type: "boolean" } }
  }).values
  const wanted = only === undefined ? names : only.split(",")
  const unknown = wanted.filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    throw new Error(`no benchmark is called ${unknown.join(" or ")}; there are ${names.join(", ")}`)
  }

  await rm(`${home}.cache/run`, { recursive: true, force: true })
  await compile({ worker: `${home}src/worker.ts`, origin: `${home}src/origin.ts` }, `${home}.cache/run`)
  const machine = await describeMachine()
  say(machine.join("\n"))
  const results: Record<string, Result> = {}
  for (const name of wanted) {
    const begun = performance.now()
    const result = await measure(name)
    results[name] = result
    say(`${render(name, result)}\n\n(${((performance.now() - begun) / 1000).toFixed(0)} s)`)
  }
  if (readme === true) await writeReadme([machine.join("\n"), ...Object.entries(results).map(([n, r]) => render(n, r))])
  if (json === true) console.log(JSON.stringify({ machine, results }))
}

const say = (text: string): void => console.log(`${text}\n`)

const measure = (name: string): Promise<Result> =>
  new Promise((resolve, reject) => {
    const child = fork(`${home}.cache/run/worker.js`, [name], { execArgv: ["--expose-gc"], execPath: process.execPath })
    child.once("message", (result) => resolve(result as Result))
    child.once("exit", (code) => reject(new Error(`${name} ended with exit code ${code} and no result`)))
  })

const describeMachine = async (): Promise<ReadonlyArray<string>> => {
  const versions = await Promise.all(dependencies.map(async (name) => {
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
