/** The ladder of `test/tokens.test.ts` for a crowd. */
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Yamcs from "../src/Yamcs.ts"
import { Password } from "../src/YamcsCredential.ts"

const credential = new Password({
  username: FakeYamcs.canaries.username,
  password: Redacted.make(FakeYamcs.canaries.password)
})

const live = (server?: FakeYamcs.Options) =>
  Layer.provideMerge(Yamcs.layer({ baseUrl: "https://yamcs.example", credential }), FakeYamcs.layer(server))

const fibers = 512
const crowd = Effect.replicateEffect(Yamcs.user, fibers, { concurrency: "unbounded" })

describe("Tokens of Yamcs, the ladder", () => {
  it.effect(`${fibers} fibers on an expired token cause one refresh`, () =>
    Effect.gen(function*() {
      const server = yield* FakeYamcs.FakeYamcs
      yield* Yamcs.user
      yield* Effect.sleep("501 seconds")
      yield* crowd
      const expected = { attempts: 2, logins: 1, refreshes: 1, requests: fibers + 1, refused: 0 }
      assert.deepInclude(yield* server.stats, expected)
    }).pipe(Effect.provide(live()), VirtualClock.run))

  it.effect(`${fibers} fibers whose token is rejected cause one refresh`, () =>
    Effect.gen(function*() {
      const server = yield* FakeYamcs.FakeYamcs
      yield* Yamcs.user
      yield* server.revokeAll
      yield* crowd.pipe(Effect.timeout("2 seconds"))
      assert.deepInclude(yield* server.stats, { attempts: 2, logins: 1, refreshes: 1, requests: fibers + 1 })
    }).pipe(Effect.provide(live({ tokenLatency: "1 second" })), VirtualClock.run))
})

describe("Tokens of Yamcs, a day of regular calls", () => {
  for (const tokenLifetime of ["500 seconds", "1 hour", "8 hours"] as const) {
    for (const minutes of [1, 5, 10, 20]) {
      it.effect(
        `one each ${minutes} minutes cost one login where a token lives for ${tokenLifetime}`,
        () =>
          Effect.gen(function*() {
            const server = yield* FakeYamcs.FakeYamcs
            const calls = (24 * 60) / minutes
            yield* Effect.repeat(
              Yamcs.user,
              Schedule.spaced(Duration.minutes(minutes)).pipe(Schedule.intersect(Schedule.recurs(calls)))
            )
            assert.deepInclude(yield* server.stats, { logins: 1, refused: 0, requests: calls + 1 })
          }).pipe(Effect.provide(live({ tokenLifetime })), VirtualClock.run),
        240_000
      )
    }
  }
})
