/** What authentication adds to a request on both lines: the same benchmark, made from the same sources, on the same Node. */
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "../scripts/workspace.mjs"
import { rewriter } from "./rewrite.mjs"
import { rules } from "./rules/index.mjs"

const sources = "packages/bench/src"

const modules = ["Measure", "OverheadEffect", "OverheadFamily", "OverheadLine", "stub"]

/** How often each line is measured, in turn. */
const turns = 3

/**
 * @param {string} folder Where the line for Effect 4 was made.
 * @param {string} node The Node that both run on.
 * @returns {Promise<ReadonlyArray<{ readonly name: string; readonly before: number; readonly after: number }>>} In
 * nanoseconds of the processor, the median of the turns.
 */
export const measure = async (folder, node) => {
  const rewrite = rewriter(rules)
  mkdirSync(join(folder, sources), { recursive: true })
  for (const name of modules) {
    const path = `${sources}/${name}.ts`
    writeFileSync(join(folder, path), rewrite(path, readFileSync(join(root, path), "utf8"), undefined))
  }
  const programs = await Promise.all([root, folder].map(compiled))
  const results = Array.from({ length: turns }, () => programs.map((program) => resultOf(node, program)))
  const medianOf = (line, row) => results.map((turn) => turn[line][row].nanoseconds).sort((a, b) => a - b)[1]
  return results[0][0].map(({ name }, row) => ({ name, before: medianOf(0, row), after: medianOf(1, row) }))
}

const compiled = async (workspace) => {
  const outfile = join(workspace, ".cache/overhead.mjs")
  await build({
    bundle: true,
    entryPoints: [join(workspace, sources, "OverheadLine.ts")],
    format: "esm",
    logLevel: "error",
    outfile,
    platform: "node",
    target: "node20"
  })
  return outfile
}

const resultOf = (node, program) => {
  const { status, stderr, stdout } = spawnSync(node, [program], { encoding: "utf8" })
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`)
  return JSON.parse(stdout)
}
