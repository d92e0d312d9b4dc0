/**
 * The table in docs/runtimes.md, from what each runtime reported: written with `--write`, else compared. Versions are not:
 * another machine may have others.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../workspace.mjs"
import { runtimes } from "./catalogue.mjs"
import { cache } from "./project.mjs"

const page = join(root, "docs/runtimes.md")
const begin = "<!-- written by npm run test:runtimes -- --write -->\n"
const end = "\n<!-- end -->"

const resultOf = ({ id }) => {
  const file = join(cache, "results", `${id}.json`)
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined
}

const row = ({ cannot, name }, { results, version }) => {
  const works = results.filter(({ ok }) => ok).map(({ name }) => name)
  const not = results.filter(({ ok }) => !ok).map(({ name }) => `${name}: ${cannot[name]}`)
  return { name, version, cells: `${works.join("; ")} | ${not.join("; ")}` }
}

const tested = runtimes.flatMap((runtime) => {
  const result = resultOf(runtime)
  return result === undefined || result.absent !== undefined ? [] : [row(runtime, result)]
})

const [before, rest] = readFileSync(page, "utf8").split(begin)
const [table, after] = rest.split(end)

if (process.argv.includes("--write")) {
  if (tested.length < runtimes.length) throw new Error("a runtime is missing here: its row would be lost")
  const rows = tested.map(({ cells, name, version }) => `| ${name} | ${version} | ${cells} |`)
  const head = "| runtime | tested with | works | does not, and why |\n|---|---|---|---|\n"
  writeFileSync(page, `${before}${begin}${head}${rows.join("\n")}${end}${after}`)
  console.log(`${rows.length} rows written`)
} else {
  const isIn = ({ cells, name }) =>
    table.split("\n").some((line) => line.startsWith(`| ${name} | `) && line.endsWith(` | ${cells} |`))
  const missing = tested.filter((row) => !isIn(row))
  for (const { cells, name } of missing) console.log(`docs/runtimes.md does not say: ${name} | ${cells}`)
  console.log(`${tested.length} rows, ${missing.length} out of date (npm run test:runtimes -- --write)`)
  process.exitCode = missing.length === 0 ? 0 : 1
}
