import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Model from "../test/model/TokenSourceModel.ts"

const runs = Number(process.env["RUNS"] ?? 20_000)
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("TokenSource", () => {
  describe("under many random schedules", () => {
    it(`keeps every promise in ${runs} schedules (seed ${seed})`, async () => {
      console.log(`seed ${seed}: SEED=${seed} repeats this run`)
      const reached = new Map<string, number>()
      await fc.assert(
        fc.asyncProperty(Model.schedules, async (schedule) => {
          const { states, untrue } = await Effect.runPromise(Model.run(schedule))
          for (const state of states) reached.set(state, (reached.get(state) ?? 0) + 1)
          assert.strictEqual(untrue.join("; "), "")
        }),
        // shrunk where it can be looked at, by fewer runs with this seed
        { numRuns: runs, seed, endOnFailure: process.env["SEED"] === undefined }
      )
      const rates = [...reached].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count}\t${state}`)
      console.log(["schedules\tthat reach", ...rates].join("\n"))
      // several times what it takes: a bound against hangs
    }, 1_800_000)
  })
})
