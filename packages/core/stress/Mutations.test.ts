import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type * as Model from "../test/model/TokenSourceModel.ts"
import { mutations } from "./mutations.ts"

const home = fileURLToPath(new URL("..", import.meta.url))
const most = Number(process.env["RUNS"] ?? 3_000)
const seed = Number(process.env["SEED"] ?? 1)

/** The model over a copy of the sources in which each `find` is replaced. */
const mutant = async (directory: string, index: number): Promise<typeof Model> => {
  const copy = join(directory, `${index}`)
  await mkdir(copy)
  for (const part of ["package.json", "src", "test/model"]) {
    await cp(join(home, part), join(copy, part), { recursive: true })
  }
  await symlink(join(home, "node_modules"), join(copy, "node_modules"))
  const mutation = mutations[index]
  if (mutation !== undefined) {
    const path = join(copy, "src", mutation.file)
    const source = await readFile(path, "utf8")
    assert.include(source, mutation.find, "the list of mutations is out of date")
    await writeFile(path, source.replace(mutation.find, () => mutation.replace))
  }
  return import(/* @vite-ignore */ pathToFileURL(join(copy, "test/model/TokenSourceModel.ts")).href)
}

describe("the model of token sources", () => {
  it(`finds each of ${mutations.length} faults in the engine within ${most} schedules (seed ${seed})`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "mutants-"))
    const missed: Array<string> = []
    try {
      for (const [index, { fault }] of mutations.entries()) {
        const model = await mutant(directory, index)
        let sentences: ReadonlyArray<string> = []
        const found = await fc.check(
          fc.asyncProperty(model.schedules, async (schedule) => {
            sentences = (await Effect.runPromise(model.run(schedule))).untrue
            return sentences.length === 0
          }),
          { numRuns: most, seed, endOnFailure: true }
        )
        if (!found.failed) missed.push(fault)
        console.log(found.failed ? `${found.numRuns}: ${fault}: ${sentences.join(", ")}` : `MISSED: ${fault}`)
      }
    } finally {
      await rm(directory, { recursive: true })
    }
    assert.deepStrictEqual(missed, [])
  }, 600_000)
})
