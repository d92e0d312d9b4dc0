import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as OAuthCredential from "@effect-auth/oauth/OAuthCredential"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import {
  Acme,
  baseUrl,
  clientId,
  clientSecret,
  credential,
  fake,
  forms,
  me,
  revoking,
  scripted,
  server
} from "./fixtures.ts"

describe("ClientCredentials", () => {
  const layer = ClientCredentials.layer({
    client: Acme,
    baseUrl,
    server: revoking,
    credential,
    scope: ["read", "write"]
  })

  it.effect("CC1 logs in for the scope, and is the client itself", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* me, { client: clientId, user: null, scope: "read write" })
    }).pipe(Effect.provide(Layer.provideMerge(layer, FakeOAuth.layer()))))

  it.effect("logs in again when the token has expired, and revokes the last one at the end", () =>
    Effect.gen(function*() {
      const { stats } = yield* fake
      yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(layer)
        yield* Effect.provide(me, context)
        yield* TestClock.adjust("1 hour")
        yield* Effect.provide(me, context)
        assert.deepInclude(yield* stats, { logins: 2, refreshes: 0, revocations: 0 })
      }))
      assert.deepInclude(yield* stats, { revocations: 1 })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("a wrong secret is sent once in a cool-down", () =>
    Effect.gen(function*() {
      const { changeSecret, stats } = yield* fake
      yield* changeSecret(clientId, "canary-changed")
      for (const _ of [1, 2, 3]) {
        const error = yield* Effect.flip(me)
        assert.deepInclude(error, {
          _tag: "CredentialsRejected",
          mode: "OAuth/ClientCredentials",
          code: "invalid_client"
        })
      }
      assert.deepInclude(yield* stats, { attempts: 1 })
    }).pipe(Effect.provide(Layer.provideMerge(layer, FakeOAuth.layer()))))

  it.effect("a wrong secret is sent once in a cool-down, also where a web server says so with its page", () =>
    Effect.gen(function*() {
      for (const _ of [1, 2, 3]) {
        const error = yield* Effect.flip(me)
        assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting", status: 401 })
      }
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(Layer.provideMerge(
      layer,
      ScriptedHttpClient.layer(ScriptedHttpClient.repeatLast({
        status: 401,
        headers: { "www-authenticate": `Basic realm="acme"`, "content-type": "text/html" },
        body: "<!doctype html><title>401 Unauthorized</title>"
      }))
    ))))

  it.effect("CC2 does not redeem a refresh token that comes with the answer", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("1 hour")
      yield* me
      assert.deepStrictEqual((yield* forms).map(([first]) => first), [
        ["grant_type", "client_credentials"],
        ["grant_type", "client_credentials"]
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      ClientCredentials.layer({ client: Acme, baseUrl, server, credential }),
      scripted({ refresh_token: "canary-refresh" })
    ))))

  it.scoped("CC2 keeps no refresh token, which a store would hold and nobody would redeem, and ends the access token", () =>
    Effect.gen(function*() {
      const token = yield* Effect.scoped(
        Effect.flatMap(ClientCredentials.makeTokens({ server: revoking, credential }), ({ get }) => get)
      )
      assert.doesNotHaveAnyKeys(token, ["refreshToken", "refreshExpiresAt"])
      assert.deepInclude(Object.fromEntries((yield* forms)[1] ?? []), {
        token: "canary-1",
        token_type_hint: "access_token"
      })
    }).pipe(Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({
      "POST /token": {
        json: { access_token: "canary-1", expires_in: 60, refresh_token: "canary-refresh", refresh_expires_in: 60 }
      },
      "POST /revoke": {}
    })))))

  it.effect("TR1 RI1 sends what was asked for: scope, resources as they are spelled, further parameters; nothing empty", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual(yield* forms, [[
        ["grant_type", "client_credentials"],
        ["scope", "a b"],
        ["resource", "https://api.acme.example"],
        ["resource", "https://api.acme.example/two"],
        ["audience", "https://tenant.example"]
      ]])
    }).pipe(Effect.provide(Layer.provideMerge(
      ClientCredentials.layer({
        client: Acme,
        baseUrl,
        server,
        credential,
        scope: ["a", "b"],
        resource: ["https://api.acme.example", "https://api.acme.example/two"],
        parameters: { audience: "https://tenant.example", empty: "", grant_type: "magic" }
      }),
      scripted()
    ))))

  it.effect("CC1 is no client of everybody's: without a secret it says how it authenticates", () =>
    Effect.gen(function*() {
      const made = (options: object) =>
        Effect.scoped(ClientCredentials.makeTokens({ baseUrl, server, credential: { clientId }, ...options }))
      assert.deepInclude(yield* Effect.flip(made({})), {
        _tag: "InvalidSetting",
        setting: "credential.clientSecret"
      })
      for (const authentication of [ClientAuthentication.certificate, ClientAuthentication.none]) {
        assert.isTrue(Either.isRight(yield* Effect.either(made({ authentication }))))
      }
    }).pipe(Effect.provide(scripted())))

  it.effect("reads its settings from Config", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* me, { client: clientId, user: null, scope: null })
    }).pipe(
      Effect.provide(Layer.provide(
        ClientCredentials.layerConfig(
          {
            baseUrl: Config.succeed(baseUrl),
            server: Config.succeed(server),
            credential: OAuthCredential.clientCredentialsConfig("ACME")
          },
          { client: Acme }
        ),
        FakeOAuth.layer()
      )),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map([["ACME_CLIENT_ID", clientId], ["ACME_CLIENT_SECRET", clientSecret]]))
      )
    ))

  it.effect("SU3 asks for the scope that the API demands, together with its own", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual((yield* forms).map((form) => new Map(form.map(([k, v]) => [k, v])).get("scope")), [
        "read",
        "read write"
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      ClientCredentials.layer({ client: Acme, baseUrl, server, credential, scope: ["read"] }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": [{ json: { access_token: "canary-1" } }, { json: { access_token: "canary-2" } }],
        "GET /me": [
          { status: 403, headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="write"` } },
          { json: "me" }
        ]
      }))
    ))))
})
