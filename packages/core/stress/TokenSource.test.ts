import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Model from "../test/TokenSourceModel.ts"

const runs = Number(process.env["RUNS"] ?? 20_000)
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("TokenSource", () => {
  describe("under many random schedules", () => {
    it(`keeps every promise in ${runs} schedules (seed ${seed})`, async () => {
      console.log(`seed ${seed}: SEED=${seed} repeats this run`)
      await fc.assert(
        fc.asyncProperty(Model.schedules, async (actions) => {
          assert.deepStrictEqual(await Effect.runPromise(Model.run(actions)), [])
        }),
        { numRuns: runs, seed }
      )
    }, 300_000)
  })
})
