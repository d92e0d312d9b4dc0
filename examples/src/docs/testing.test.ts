/** Recipes for the tests of a program that authenticates. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as AuthTest from "@effect-auth/testing/AuthTest"
import * as AuthTimeline from "@effect-auth/testing/AuthTimeline"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as Fault from "@effect-auth/testing/Fault"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { HttpRouter, HttpServerResponse } from "@effect/platform"
import { Rpc, RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Layer, Redacted, Schedule, Schema } from "effect"
import { layer as loginLayer, me } from "./oauth.ts"
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

// #region person
it.effect("asks the person once, and says when they refuse", () =>
  Effect.gen(function*() {
    const server = yield* FakeOAuth.FakeOAuth
    const run = Effect.provide(me, loginLayer()) // each run is a new session
    assert.deepInclude(yield* run, { user: "ada" })
    yield* server.person(FakeOAuth.denies)
    assert.include(yield* Effect.flip(run), { _tag: "CredentialsRejected", code: "access_denied" })
    assert.strictEqual((yield* server.stats).prompts, 2)
  }).pipe(Effect.provide(Layer.provideMerge(FakePerson.layer, FakeOAuth.layer()))))
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

// #region rpc
class Rpcs extends RpcGroup.make(Rpc.make("Greet", { success: Schema.String, payload: { name: Schema.String } })) {}

const RpcServerLayer = Layer.unwrapScoped(Effect.map(RpcServer.toHttpApp(Rpcs), FakeServer.layer)).pipe(
  Layer.provide(Rpcs.toLayer({ Greet: ({ name }) => Effect.succeed(`hello, ${name}`) })),
  Layer.provide(RpcSerialization.layerJson)
)

it.scoped("greets", () =>
  Effect.gen(function*() {
    const rpcs = yield* AuthenticatedRpcClient.make(Rpcs, { url: "/rpc", client: Acme })
    assert.strictEqual(yield* rpcs.Greet({ name: "Ada" }), "hello, Ada")
    yield* Effect.flatMap(FakeServer.FakeServer, ({ expect }) => expect(["POST /rpc"]))
  }).pipe(
    Effect.provide(AuthenticatedHttpClient.layer(Authenticator.bearer({ token: Redacted.make("canary-token") }), {
      baseUrl: "https://api.acme.example",
      client: Acme
    })),
    Effect.provide([RpcServerLayer, RpcSerialization.layerJson])
  ))
// #endregion

// #region timeline
it.live("is drawn: what happened, and when", () =>
  Effect.gen(function*() {
    const timeline = yield* AuthTimeline.AuthTimeline
    yield* Effect.repeat(things, Schedule.spaced("30 minutes").pipe(Schedule.upTo("3 hours")))
    const events = yield* timeline.events
    assert.isTrue(events.some(({ event }) => event._tag === "TokenObtained"))
    assert.include(AuthTimeline.svg(events, { title: "Three hours" }), "<svg") // for the report of a failed test
  }).pipe(
    Effect.provide(Live),
    Effect.provide(FakeOAuth.layer({ tokenLifetime: "1 hour" })),
    Effect.provide(Layer.provideMerge(AuthTimeline.layer, AuthEvent.layer)),
    VirtualClock.run
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
