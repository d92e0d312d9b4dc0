import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import {
  Acme,
  baseUrl,
  clientId,
  credential,
  fake,
  forms,
  me,
  password,
  scripted,
  server,
  username
} from "./fixtures.ts"

describe("RefreshToken", () => {
  const begun = Effect.gen(function*() {
    const { httpClient } = yield* fake
    const response = yield* httpClient.post(server.tokenEndpoint, {
      headers: {
        authorization: `Basic ${btoa("reporting:canary+client%2Bsecret%25oauth")}`,
        "content-type": "application/x-www-form-urlencoded"
      },
      body: HttpBody.text(
        new URLSearchParams({ grant_type: "password", username, password }).toString(),
        "application/x-www-form-urlencoded"
      )
    })
    const { refresh_token } = (yield* response.json) as { readonly refresh_token: string }
    return { ...credential, refreshToken: Redacted.make(refresh_token) }
  })

  it.effect("redeems the refresh token before the first request, and each successor once", () =>
    Effect.gen(function*() {
      const { stats } = yield* fake
      const layer = RefreshToken.layer({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* me, { client: clientId, user: username, scope: null })
        yield* TestClock.adjust("1 hour")
        yield* me
      }).pipe(Effect.provide(layer))
      assert.deepInclude(yield* stats, { logins: 1, refreshes: 2, reuses: 0, refused: 0 })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("ER3 is over when the server says invalid_grant, and says so", () =>
    Effect.gen(function*() {
      const { endSessions } = yield* fake
      const layer = RefreshToken.layer({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* endSessions
      const error = yield* Effect.flip(Effect.provide(me, layer))
      assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "OAuth/RefreshToken" })
      assert.include(error.message, "supply the refresh token of a new one")
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("VN5 TR8 redeems one refresh token again and again where no answer has a new one, as Google's", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("1 hour")
      yield* me
      const sent = (yield* forms).map((form) => new URLSearchParams(form).get("refresh_token"))
      assert.deepStrictEqual(sent, ["canary-refresh", "canary-refresh"])
    }).pipe(Effect.provide(Layer.provideMerge(
      RefreshToken.layer({
        client: Acme,
        baseUrl,
        server,
        credential: { ...credential, refreshToken: Redacted.make("canary-refresh") }
      }),
      scripted()
    ))))

  it.effect("VN1 TR11 reads GitHub: no secret, scopes with commas, a refresh token for half a year, and refusals with 200", () =>
    Effect.gen(function*() {
      const tokens = yield* RefreshToken.makeTokens({
        baseUrl,
        server,
        credential: { clientId, refreshToken: Redacted.make("canary-refresh") },
        scopeSeparator: ",",
        logout: false
      })
      const token = yield* tokens.get
      assert.deepStrictEqual(token.scope, ["repo", "gist"])
      assert.strictEqual(
        DateTime.toEpochMillis(Option.getOrThrow(Option.fromNullable(token.refreshExpiresAt))),
        15897600000
      )
      assert.deepStrictEqual(yield* forms, [[
        ["grant_type", "refresh_token"],
        ["refresh_token", "canary-refresh"],
        ["client_id", clientId]
      ]])
      yield* TestClock.adjust("9 hours")
      const error = yield* Effect.flip(tokens.get)
      assert.deepInclude({ ...error }, {
        _tag: "CredentialsRejected",
        status: 200,
        code: "incorrect_client_credentials"
      })
    }).pipe(
      Effect.scoped,
      Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": [
          {
            json: {
              access_token: "canary-1",
              expires_in: 28800,
              refresh_token: "canary-2",
              refresh_token_expires_in: 15897600,
              scope: "repo,gist",
              token_type: "bearer"
            }
          },
          { json: { error: "incorrect_client_credentials" } }
        ]
      })))
    ))

  it.effect("SU3 fails at once where the API demands more: a refresh cannot widen, and nobody can log in", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "AuthenticationFailed", status: 403 })
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(Layer.provideMerge(
      RefreshToken.layer({
        client: Acme,
        baseUrl,
        server,
        credential: { clientId, refreshToken: Redacted.make("canary-refresh") }
      }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1" } }),
        "GET /me": {
          status: 403,
          headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="write"` }
        }
      }))
    ))))

  it.scoped.each<[object, number | undefined]>([
    [{ refresh_token_expires_in: "1800" }, 1_800_000],
    [{ refresh_token_expires_in: null, refresh_expires_in: 1800 }, 1_800_000],
    [{ refresh_expires_in: 0 }, undefined]
  ])("TR16 reads how long the refresh token is good: %j", ([stated, expected]) =>
    Effect.gen(function*() {
      const tokens = yield* RefreshToken.makeTokens({
        server,
        credential: { clientId, refreshToken: Redacted.make("canary-refresh") },
        logout: false
      })
      assert.strictEqual((yield* tokens.get).refreshExpiresAt?.epochMillis, expected)
    }).pipe(Effect.provide(scripted({ refresh_token: "canary-2", ...stated }))))

  it.effect("ER11 TR12 survives a proxy's page, a 404 and a redirect", () =>
    Effect.gen(function*() {
      const { answerNext, stats } = yield* fake
      const layer = RefreshToken.layer({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* answerNext(
        HttpServerResponse.html("<html>log in</html>"),
        HttpServerResponse.empty({ status: 404 }),
        HttpServerResponse.empty({ status: 302, headers: { location: "https://portal.example/" } })
      )
      assert.deepInclude(yield* Effect.provide(me, layer), { user: username })
      assert.deepInclude(yield* stats, { refreshes: 1, reuses: 0 })
    }).pipe(Effect.provide(FakeOAuth.layer()), VirtualClock.run))

  it.effect("ER11 keeps the refresh token, and leaves the server alone for the cool-down, after a page that asks for Basic", () =>
    Effect.gen(function*() {
      const { answerNext, stats } = yield* fake
      const layer = RefreshToken.layer({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* answerNext(
        HttpServerResponse.html("<html>401</html>").pipe(
          HttpServerResponse.setStatus(401),
          HttpServerResponse.setHeader("www-authenticate", "Basic")
        )
      )
      yield* Effect.gen(function*() {
        assert.deepInclude(yield* Effect.flip(me), { _tag: "CredentialsRejected", reason: "Setting" })
        yield* Effect.flip(me)
        assert.deepInclude(yield* stats, { refreshes: 0 })
        yield* TestClock.adjust("1 hour")
        assert.deepInclude(yield* me, { user: username })
      }).pipe(Effect.provide(layer))
      assert.deepInclude(yield* stats, { refreshes: 1, reuses: 0 })
    }).pipe(Effect.provide(FakeOAuth.layer())))
})
