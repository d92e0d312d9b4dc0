import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Model from "./TokenSourceModel.ts"

describe("TokenSource", () => {
  describe("under random schedules", () => {
    it(
      "never runs two exchanges, loses no rotation, leaves no caller waiting, hands out no expired token (1,000 schedules)",
      () =>
        fc.assert(
          fc.asyncProperty(Model.schedules, async (actions) => {
            assert.deepStrictEqual(await Effect.runPromise(Model.run(actions)), [])
          }),
          { numRuns: 1000 }
        ),
      60_000
    )
  })
})
