/**
 * A benchmark in a process of its own, from the sources of this checkout or of another.
 */
import { fork } from "node:child_process"
import { rm } from "node:fs/promises"
import { compile, home } from "./Bundle.ts"
import type { Result } from "./Report.ts"

/** Compiles the benchmarks of a checkout, whose directory of this package is given. */
export const prepare = async (directory = home): Promise<void> => {
  const outdir = `${directory}.cache/run`
  await rm(outdir, { recursive: true, force: true })
  const entries = ["worker", "origin", "socketOrigin"].map((name) => [name, `${directory}src/${name}.ts`])
  await compile(Object.fromEntries(entries), outdir, {
    missing: directory === home ? "an error" : "an error when it is imported"
  })
}

/** `turned`: measures its contestants in the other order. */
export const measure = (name: string, directory = home, turned = false): Promise<Result> =>
  new Promise((resolve, reject) => {
    const child = fork(`${directory}.cache/run/worker.js`, [name, ...turned ? ["turned"] : []], {
      execArgv: ["--expose-gc"],
      execPath: process.execPath
    })
    child.once("message", (result) => resolve(result as Result))
    child.once("exit", (code) => reject(new Error(`${name} ended with exit code ${code} and no result`)))
  })
