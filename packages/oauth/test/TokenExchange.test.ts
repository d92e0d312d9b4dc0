import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Acme, baseUrl, credential, forms, me, server } from "./fixtures.ts"

describe("TokenExchange", () => {
  const exchanging = (answers: ScriptedHttpClient.Script) =>
    Layer.provideMerge(
      Layer.unwrapScoped(Effect.map(
        TokenSource.make({ login: Token.make({ value: "canary-subject", lifetime: "10 minutes" }) }),
        (subject) =>
          TokenExchange.layer({
            client: Acme,
            baseUrl,
            server,
            credential,
            subject,
            audience: "billing",
            requestedTokenType: "urn:ietf:params:oauth:token-type:jwt"
          })
      )),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": answers,
        "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
      }))
    )
  const token = {
    access_token: "canary-1",
    issued_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_type: "bearer"
  }

  it.effect("TX1 TX4 sends the subject's token, and takes its expiry where the answer has none", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual(yield* forms, [[
        ["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
        ["subject_token", "canary-subject"],
        ["subject_token_type", "urn:ietf:params:oauth:token-type:access_token"],
        ["requested_token_type", "urn:ietf:params:oauth:token-type:jwt"],
        ["audience", "billing"]
      ]])
      yield* TestClock.adjust("10 minutes")
      yield* me
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide(exchanging(ScriptedHttpClient.repeatLast({ json: token })))))

  it.effect("TX5 asks for a new subject token once when the first is not accepted", () =>
    Effect.gen(function*() {
      yield* me
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide(exchanging([{ status: 400, json: { error: "invalid_request" } }, { json: token }]))))

  it.effect.each<[string, number]>([["invalid_request", 2], ["invalid_target", 1], ["invalid_client", 1]])(
    "TX5 is over after %s, sent %d times at most",
    ([error, times]) =>
      Effect.gen(function*() {
        assert.deepInclude(yield* Effect.flip(me), { _tag: "CredentialsRejected", code: error })
        assert.lengthOf(yield* forms, times)
      }).pipe(Effect.provide(exchanging(ScriptedHttpClient.repeatLast({ status: 400, json: { error } }))))
  )

  it.scoped("TX1 RI2 names several audiences and resources, and further parameters, each as it is", () =>
    Effect.gen(function*() {
      const tokens = yield* TokenExchange.makeTokens({
        server,
        credential,
        subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) }),
        subjectTokenType: "urn:ietf:params:oauth:token-type:id_token",
        audience: ["billing", "payroll"],
        resource: ["https://one.example", "https://two.example/"],
        scope: ["read", "write"],
        parameters: { requested_token_type: "urn:ietf:params:oauth:token-type:jwt" }
      })
      yield* tokens.get
      assert.deepStrictEqual(yield* forms, [[
        ["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
        ["subject_token", "canary-subject"],
        ["subject_token_type", "urn:ietf:params:oauth:token-type:id_token"],
        ["audience", "billing"],
        ["audience", "payroll"],
        ["scope", "read write"],
        ["resource", "https://one.example"],
        ["resource", "https://two.example/"],
        ["requested_token_type", "urn:ietf:params:oauth:token-type:jwt"]
      ]])
    }).pipe(Effect.provide(ScriptedHttpClient.layer({ json: token }))))

  it.effect("TX2 keeps the type of the issued token, and takes no answer without it", () =>
    Effect.gen(function*() {
      for (const issued_token_type of [undefined, null, "", 7]) {
        const untyped = ScriptedHttpClient.repeatLast({ json: { ...token, issued_token_type } })
        const error = yield* Effect.flip(Effect.provide(me, exchanging(untyped)))
        assert.deepInclude(error, { _tag: "MalformedTokenResponse", detail: "the answer has no issued_token_type" })
      }
      const tokens = yield* TokenExchange.makeTokens({
        baseUrl,
        server,
        credential,
        subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
      })
      assert.deepStrictEqual((yield* tokens.get).extra, { issued_token_type: token.issued_token_type })
    }).pipe(Effect.scoped, Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.repeatLast({ json: token })))))

  it.effect("TX2 TR5 does not send as a bearer what is none", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "MalformedTokenResponse" })
    }).pipe(Effect.provide(exchanging(ScriptedHttpClient.repeatLast({ json: { ...token, token_type: "N_A" } })))))

  it.scoped("TX2 sends none of them with a client by itself, either", () =>
    Effect.gen(function*() {
      const client = yield* TokenExchange.make({
        baseUrl,
        server,
        credential,
        subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
      })
      assert.deepInclude(yield* Effect.flip(client.get("/me")), { _tag: "MalformedTokenResponse" })
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(ScriptedHttpClient.layer({ json: { ...token, token_type: "N_A" } }))))

  it.scoped("TX1 names who acts for the subject, by a token of the actor's own", () =>
    Effect.gen(function*() {
      const tokens = yield* TokenExchange.makeTokens({
        server,
        credential,
        subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) }),
        actor: { tokens: yield* TokenSource.make({ login: Token.make({ value: "canary-actor" }) }) }
      })
      yield* tokens.get
      const [form] = (yield* forms).map(Object.fromEntries)
      assert.deepInclude(form, {
        actor_token: "canary-actor",
        actor_token_type: "urn:ietf:params:oauth:token-type:access_token"
      })
    }).pipe(Effect.provide(ScriptedHttpClient.layer({ json: token }))))

  it.scoped("TX2 gives what is no access token by itself, such as an assertion for another server", () =>
    Effect.gen(function*() {
      const tokens = yield* TokenExchange.makeTokens({
        server,
        credential,
        subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
      })
      assert.strictEqual((yield* tokens.get).type, "N_A")
    }).pipe(Effect.provide(ScriptedHttpClient.layer({ json: { ...token, token_type: "n_a" } }))))

  it.scoped("TX4 redeems a refresh token of the answer only where that is asked for", () =>
    Effect.gen(function*() {
      const grants = (refresh: boolean) =>
        Effect.gen(function*() {
          const tokens = yield* TokenExchange.makeTokens({
            server,
            credential,
            refresh,
            subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
          })
          yield* tokens.get
          yield* TestClock.adjust("2 minutes")
          yield* tokens.get
          return (yield* forms).map((form) => new URLSearchParams(form.map(([k, v]) => [k, v])).get("grant_type"))
        }).pipe(Effect.provide(ScriptedHttpClient.layer(
          ScriptedHttpClient.repeatLast({ json: { ...token, expires_in: 60, refresh_token: "canary-refresh" } })
        )))
      const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
      assert.deepStrictEqual([yield* grants(false), yield* grants(true)], [
        [exchange, exchange],
        [exchange, "refresh_token"]
      ])
    }))
})
