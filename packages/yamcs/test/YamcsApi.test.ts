import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Yamcs from "../src/Yamcs.ts"
import { ApiKey } from "../src/YamcsCredential.ts"
import * as YamcsError from "../src/YamcsError.ts"

const client = (key: string, baseUrl = "https://yamcs.example", options?: FakeYamcs.Options) =>
  Layer.provideMerge(
    Yamcs.layer({ baseUrl, credential: new ApiKey({ key: Redacted.make(key) }) }),
    FakeYamcs.layer(options)
  )

describe("authInfo", () => {
  it.effect("asks without a credential, over plain http too", () =>
    Effect.gen(function*() {
      const info = yield* Yamcs.authInfo({ baseUrl: "http://yamcs.example/ops/" })
      assert.deepInclude(info, { requireAuthentication: true, spnego: false })
      assert.strictEqual((yield* (yield* FakeYamcs.FakeYamcs).stats).refused, 0)
    }).pipe(Effect.provide(FakeYamcs.layer({ contextPath: "/ops" }))))

  it.effect("says what the server says when that is not an answer", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.authInfo({ baseUrl: "yamcs.example/elsewhere" }))
      assert.deepInclude(error, { _tag: "YamcsError", status: 404 })
    }).pipe(Effect.provide(FakeYamcs.layer({ contextPath: "/ops" }))))

  it.effect("does not wait for an answer that has no end", () =>
    Effect.gen(function*() {
      const slow = Stream.schedule(Stream.repeatValue(new TextEncoder().encode("{")), Schedule.spaced("1 second"))
      const server = HttpClient.make((request) => {
        const head = HttpClientResponse.fromWeb(request, new Response(null, { status: 200 }))
        return Effect.succeed(Object.create(head, { stream: { value: slow } }))
      })
      const call = yield* Effect.fork(
        Effect.flip(Yamcs.authInfo({ baseUrl: "yamcs.example" })).pipe(
          Effect.provideService(HttpClient.HttpClient, server)
        )
      )
      yield* TestClock.adjust("10 seconds")
      const error = yield* Fiber.join(call)
      assert.strictEqual(error._tag, "ResponseError")
      assert.include(error.message, "did not end within 10s")
    }))

  it.effect("refuses an address that is none", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.authInfo({ baseUrl: "" }))
      assert.strictEqual(error._tag, "InvalidSetting")
    }).pipe(Effect.provide(FakeYamcs.layer())))
})

describe("user", () => {
  it.effect("tells who the program is", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* Yamcs.user, { name: "operator", active: true, superuser: true })
    }).pipe(Effect.provide(client(FakeYamcs.canaries.apiKey))))

  it.effect("fails with an AuthError when the proof is refused", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401, detail: "Invalid API key" })
    }).pipe(Effect.provide(client("canary-wrong"))))

  it.effect("fails with a YamcsError where the server has no such route, which it says in plain text", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "YamcsError", status: 404, msg: "404 Not Found" })
    }).pipe(Effect.provide(client(FakeYamcs.canaries.apiKey, "https://yamcs.example/api"))))

  for (const wrapErrors of [false, true]) {
    it.effect(`fails with a YamcsError otherwise (${wrapErrors ? "wrapped" : "plain"} JSON)`, () =>
      Effect.gen(function*() {
        const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
        const error = yield* Effect.flip(YamcsError.filterStatusOk(http.get("/api/instances/none")))
        assert.deepInclude(error, {
          _tag: "YamcsError",
          status: 404,
          type: "NotFoundException",
          msg: "No instance named 'none'"
        })
      }).pipe(Effect.provide(client(FakeYamcs.canaries.apiKey, undefined, { wrapErrors }))))
  }
})
