import * as Assertion from "@effect-auth/oauth/Assertion"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { decodeJwt, generateKeyPair } from "jose"
import { Acme, baseUrl, forms, issuer, me, scripted, server } from "./fixtures.ts"

describe("JwtBearer", () => {
  it.effect("JB1 JB2 exchanges an assertion that is signed anew each time", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("2 minutes")
      yield* me
      const assertions = (yield* forms).map((form) => new Map(form.map(([k, v]) => [k, v])))
      assert.deepStrictEqual(assertions.map((form) => form.get("grant_type")), [
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
      ])
      const [first, second] = assertions.map((form) => decodeJwt(form.get("assertion") ?? ""))
      assert.deepInclude(first, {
        iss: "robot@acme.example",
        sub: "ada@acme.example",
        aud: issuer,
        iat: -30,
        exp: 3570,
        scope: "mail"
      }) // JB7
      assert.notStrictEqual(first?.jti, second?.jti)
      assert.isFalse(assertions[0]?.has("client_id"))
    }).pipe(Effect.provide(Layer.provideMerge(
      Layer.unwrapEffect(Effect.map(Effect.promise(() => generateKeyPair("RS256")), ({ privateKey }) =>
        JwtBearer.layer({
          client: Acme,
          baseUrl,
          server: { ...server, issuer },
          assertion: Assertion.signed({
            key: SigningKey.fromCryptoKey(privateKey, { algorithm: "RS256" }),
            issuer: "robot@acme.example",
            subject: "ada@acme.example",
            lifetime: "1 hour",
            backdate: "30 seconds",
            claims: { scope: "mail" }
          })
        }))),
      scripted()
    ))))

  it.effect("JB1 redeems no refresh token that comes with the answer", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("2 minutes")
      yield* me
      assert.deepStrictEqual((yield* forms).map((form) => new URLSearchParams(form).get("assertion")), [
        "canary-assertion",
        "canary-assertion"
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      JwtBearer.layer({
        client: Acme,
        baseUrl,
        server,
        assertion: () => Effect.succeed(Redacted.make("canary-assertion"))
      }),
      scripted({ refresh_token: "canary-refresh" })
    ))))

  it.effect("JB3 JB8 takes one from elsewhere, and sends a refused one once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "invalid_grant" })
      yield* Effect.flip(me)
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(Layer.provideMerge(
      JwtBearer.layer({
        client: Acme,
        baseUrl,
        server,
        assertion: () => Effect.succeed(Redacted.make("canary-assertion"))
      }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": { status: 400, json: { error: "invalid_grant" } }
      }))
    ))))
})
