/** Five recipes for the tests of a program that authenticates. */
import * as AuthTest from "@effect-auth/testing/AuthTest"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as Fault from "@effect-auth/testing/Fault"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { HttpRouter, HttpServerResponse } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Redacted, Schedule } from "effect"
import { Acme, layer, things } from "./own-api.ts"

// #region authTest
const Authenticated = AuthTest.authenticated(Acme, { as: "ada", answers: [{ json: [1, 2] }] })

it.effect("reads the things", () =>
  Effect.gen(function*() {
    assert.deepStrictEqual(yield* things, [1, 2])
    const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
    assert.deepStrictEqual((yield* requests).map(({ line }) => line), ["GET /things"])
  }).pipe(Effect.provide(Authenticated)))

it.effect("says who was refused", () =>
  Effect.gen(function*() {
    assert.strictEqual((yield* Effect.flip(things))._tag, "CredentialsRejected")
  }).pipe(Effect.provide(AuthTest.rejecting(Acme))))
// #endregion

// #region fault
const server = HttpRouter.empty.pipe(
  HttpRouter.post("/token", HttpServerResponse.json({ access_token: "canary-token", expires_in: 600 })),
  HttpRouter.get("/things", HttpServerResponse.json([1, 2]))
)
const client = { id: "reporting", secret: Redacted.make("canary-secret") }

it.live("logs in again where the connection broke during the login", () =>
  Effect.gen(function*() {
    const { expect, inject } = yield* FakeServer.FakeServer
    yield* inject(Fault.reset, { on: "POST /token" })
    assert.deepStrictEqual(yield* things, [1, 2])
    yield* expect(["POST /token", "POST /token", { line: "GET /things", status: 200 }])
  }).pipe(Effect.provide(layer(client)), Effect.provide(FakeServer.layer(server)), VirtualClock.run))
// #endregion

// #region oauth
const { clientId, clientSecret } = FakeOAuth.canaries
const Live = layer({ id: clientId, secret: Redacted.make(clientSecret) })

it.effect("goes on after its tokens were revoked, and stops after its secret was changed", () =>
  Effect.gen(function*() {
    const server = yield* FakeOAuth.FakeOAuth
    yield* things
    yield* server.revokeAll
    yield* things // refused, logged in again, sent again
    assert.strictEqual((yield* server.stats).logins, 2)

    yield* server.changeSecret(clientId, "canary-another-secret")
    yield* server.revokeAll
    assert.strictEqual((yield* Effect.flip(things))._tag, "CredentialsRejected")
  }).pipe(Effect.provide(Live), Effect.provide(FakeOAuth.layer())))
// #endregion

// #region clock
it.live("logs in once an hour while it polls every half hour, for a day", () =>
  Effect.gen(function*() {
    yield* Effect.repeat(things, Schedule.spaced("30 minutes").pipe(Schedule.upTo("1 day")))
    const { logins } = yield* Effect.flatMap(FakeOAuth.FakeOAuth, ({ stats }) => stats)
    assert.isTrue(logins >= 24 && logins <= 26, `${logins} logins`)
  }).pipe(
    Effect.provide(Live),
    Effect.provide(FakeOAuth.layer({ tokenLifetime: "1 hour" })),
    VirtualClock.run // the layers are within, so that they have its time too
  ))
// #endregion

// #region leaks
it.effect("shows no secret, whether its login is accepted or refused", () =>
  Effect.gen(function*() {
    const secret = "canary-secret-of-the-client"
    const detector = yield* LeakDetector.make({ secret })
    const program = Effect.provide(things, layer({ id: "reporting", secret: Redacted.make(secret) }))
    for (const clients of [{ reporting: secret }, { reporting: "another" }]) {
      const { exit, leaks } = yield* detector.watch(Effect.provide(program, FakeOAuth.layer({ clients })))
      assert.deepStrictEqual(leaks, [])
      assert.strictEqual(Exit.isSuccess(exit), clients.reporting === secret)
    }
  }))
// #endregion
