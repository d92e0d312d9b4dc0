import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Model from "../test/sharedModel.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)
const numRuns = Number(process.env["RUNS"] ?? 2000)

describe(`processes that share quotas, for long (seed ${seed})`, () => {
  it(
    "never send more than the server states, however they are killed, pause, and lose what they have in common",
    () => {
      FastCheck.assert(
        FastCheck.property(
          Model.settings,
          Model.steps,
          (setting, steps) => assert.deepStrictEqual(Model.run(setting, steps), [])
        ),
        { numRuns, seed }
      )
    },
    600_000
  )
})
