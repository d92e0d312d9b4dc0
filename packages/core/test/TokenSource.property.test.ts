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

    // both share the store, and the second still holds what the first has refreshed
    it("lets a process redeem its refresh token again once another account's token has taken the place of the newer one", async () => {
      const { states, untrue } = await Effect.runPromise(Model.run({
        world: {
          processes: 2,
          store: true,
          strictStore: false,
          accounts: true,
          refreshTokens: "rotate",
          accessTokens: "new",
          grace: 0,
          lifetime: 500,
          refreshLifetime: undefined,
          renewal: "always",
          endReplaced: false,
          initial: false
        },
        actions: [
          { _tag: "Request", process: 0, callers: 1, latency: 45_000 },
          { _tag: "Request", process: 1, callers: 1, latency: 0 },
          { _tag: "Advance", millis: 29 },
          { _tag: "RevokeAccess" },
          { _tag: "Request", process: 0, callers: 1, latency: 0 },
          { _tag: "Advance", millis: 7 },
          { _tag: "SwitchAccount" },
          { _tag: "Advance", millis: 44_987 },
          { _tag: "SwitchAccount" },
          { _tag: "Request", process: 1, callers: 1, latency: 0 }
        ]
      }))
      assert.deepStrictEqual([...untrue], [])
      assert.include([...states], "a redeemed refresh token comes back")
    })
  })
})
