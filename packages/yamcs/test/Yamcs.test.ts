import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Yamcs from "../src/Yamcs.ts"
import { Password } from "../src/YamcsCredential.ts"

const credential = new Password({
  username: FakeYamcs.canaries.username,
  password: Redacted.make(FakeYamcs.canaries.password)
})

const live = (options?: FakeYamcs.Options) =>
  Yamcs.layer({ baseUrl: "https://yamcs.example", credential }).pipe(
    Layer.provideMerge(FakeYamcs.layer(options)),
    Layer.merge(AuthEvent.layer)
  )

describe("Yamcs, password", () => {
  it.effect("logs in once, then refreshes when the token is due", () =>
    Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      const server = yield* FakeYamcs.FakeYamcs
      const response = yield* http.get("/api/user")
      assert.strictEqual(response.status, 200)
      yield* TestClock.adjust("500 seconds")
      yield* http.get("/api/user")
      const stats = yield* server.stats
      assert.deepInclude(stats, { logins: 1, refreshes: 1, requests: 2, refused: 0 })
    }).pipe(Effect.provide(live())))

  it.effect("1,000 fibers on an expired token cause exactly one refresh", () =>
    Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      const server = yield* FakeYamcs.FakeYamcs
      yield* http.get("/api/user")
      yield* TestClock.adjust("501 seconds")
      const responses = yield* Effect.replicateEffect(http.get("/api/user"), 1000, { concurrency: "unbounded" })
      assert.isTrue(responses.every((response) => response.status === 200))
      assert.deepInclude(yield* server.stats, { logins: 1, refreshes: 1, requests: 1001, refused: 0 })
    }).pipe(Effect.provide(live())))
})
