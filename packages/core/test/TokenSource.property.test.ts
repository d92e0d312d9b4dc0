import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Model from "./model/TokenSourceModel.ts"

describe("TokenSource", () => {
  describe("under random schedules of requests, servers, networks, stores and clocks", () => {
    it(
      "never runs two exchanges, loses no rotation, gives up no refresh token, leaves no caller waiting (100 schedules)",
      () =>
        fc.assert(
          fc.asyncProperty(Model.schedules, async (schedule) => {
            const { untrue } = await Effect.runPromise(Model.run(schedule))
            assert.strictEqual(untrue.join("; "), "")
          }),
          // a random seed is for the long run
          { numRuns: 100, seed: 1 }
        ),
      60_000
    )
  })
})
