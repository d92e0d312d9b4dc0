import { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import type { Service } from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as AuthTest from "@effect-auth/testing/AuthTest"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

class Acme extends Context.Tag("test/Acme")<Acme, Service>() {}

const status = (http: Service) => Effect.map(http.get("/things"), ({ status }) => status)

/** What a call comes to: a status, or the tag of an error. */
const outcome = Effect.flatMap(
  AuthenticatedHttpClient,
  (http) => Effect.catchAll(status(http), ({ _tag }) => Effect.succeed(_tag))
)

const sent = Effect.flatMap(ScriptedHttpClient.ScriptedHttpClient, ({ requests }) => requests)

describe("AuthTest", () => {
  it.effect("provides what a system's layer provides: its client, its evidence and the shared client", () =>
    Effect.gen(function*() {
      const clients = [
        yield* Yamcs.YamcsClient,
        yield* AuthMode.client("Yamcs/Password"),
        yield* AuthenticatedHttpClient
      ]
      for (const client of clients) assert.strictEqual(yield* status(client), 200)
      assert.lengthOf(yield* sent, 3)
    }).pipe(Effect.provide(AuthTest.authenticated({ mode: "Yamcs/Password", client: Yamcs.YamcsClient }))))

  it.effect("stands for a tag of one's own, or for a mode alone", () =>
    Effect.gen(function*() {
      const own = Effect.provide(Effect.flatMap(Acme, status), AuthTest.authenticated(Acme))
      const mode = Effect.provide(
        Effect.flatMap(AuthMode.client("Acme/Key"), status),
        AuthTest.authenticated("Acme/Key")
      )
      assert.deepStrictEqual(yield* Effect.all([own, mode]), [200, 200])
    }))

  describe("authenticated", () => {
    it.effect("sends the token of whom it is for, and gets the answers of the script", () =>
      Effect.gen(function*() {
        const http = yield* Acme
        assert.deepStrictEqual(yield* Effect.flatMap(http.get("/things"), ({ json }) => json), [1, 2])
        const [request] = yield* sent
        assert.strictEqual(request?.line, "GET /things")
        assert.strictEqual(request?.headers["authorization"], "Bearer canary-ada")
      }).pipe(Effect.provide(AuthTest.authenticated(Acme, {
        as: "ada",
        answers: ScriptedHttpClient.routes({ "GET /things": { json: [1, 2] } })
      }))))
  })

  describe("rejecting", () => {
    it.effect("fails every call with CredentialsRejected, which names the mode", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.flatMap(Acme, status))
        assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Acme/Key" })
        assert.strictEqual(yield* outcome, "CredentialsRejected")
      }).pipe(Effect.provide(AuthTest.rejecting({ mode: "Acme/Key", client: Acme }))))
  })

  describe("expiring", () => {
    it.effect("accepts requests until the session has expired", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* outcome, 200)
        yield* TestClock.adjust("59 minutes")
        assert.strictEqual(yield* outcome, 200)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* outcome, "CredentialsRejected")
        yield* TestClock.adjust("1 day")
        assert.strictEqual(yield* outcome, "CredentialsRejected")
      }).pipe(Effect.provide(AuthTest.expiring(Acme, { after: "1 hour" }))))

    it.effect("is renewed as often as is said", () =>
      Effect.gen(function*() {
        yield* outcome
        for (const expected of [200, 200, "CredentialsRejected"]) {
          yield* TestClock.adjust("1 hour")
          assert.strictEqual(yield* outcome, expected)
        }
        assert.deepStrictEqual((yield* sent).map(({ headers }) => headers["authorization"]), [
          "Bearer canary-1",
          "Bearer canary-2",
          "Bearer canary-3"
        ])
      }).pipe(Effect.provide(AuthTest.expiring(Acme, { after: "1 hour", renewals: 2 }))))
  })

  describe("rateLimited", () => {
    it.effect("fails at once with RateLimited by default", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* outcome, "RateLimited")
      }).pipe(Effect.provide(AuthTest.rateLimited(Acme, { retryAfter: "7 seconds" }))))

    it.effect("waits on the Clock where it may, and gets its answer after that", () =>
      Effect.gen(function*() {
        const call = yield* Effect.fork(outcome)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Fiber.join(call), 201)
        assert.deepStrictEqual((yield* sent).map(({ status }) => status), [429, 201])
      }).pipe(Effect.provide(
        AuthTest.rateLimited(Acme, {
          retryAfter: "7 seconds",
          times: 1,
          maxWait: "1 minute",
          answers: [{ status: 201 }]
        })
      )))
  })
})
