import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify } from "jose"
import { Acme, baseUrl, clientId, clientSecret, credential, issuer, me, scripted, secret, server } from "./fixtures.ts"

describe("ClientAuthentication", () => {
  const sentWith = (authentication: ClientAuthentication.ClientAuthentication) =>
    Effect.gen(function*() {
      yield* me
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      const [request] = yield* requests
      return { authorization: request?.headers["authorization"], form: new URLSearchParams(request?.body) }
    }).pipe(Effect.provide(Layer.provideMerge(
      ClientCredentials.layer({
        client: Acme,
        baseUrl,
        server: { ...server, issuer },
        credential,
        authentication
      }),
      scripted()
    )))

  it.effect("CA1 form-encodes id and secret before Base64", () =>
    Effect.gen(function*() {
      const { authorization, form } = yield* sentWith(ClientAuthentication.basic(secret))
      assert.strictEqual(authorization, `Basic ${btoa("reporting:canary+client%2Bsecret%25oauth")}`)
      assert.isFalse(form.has("client_secret")) // CA4
    }))

  it.effect("CA1 form-encodes each of them by itself, as UTF-8", () =>
    Effect.gen(function*() {
      const { prove } = ClientAuthentication.basic(Redacted.make("canary: é~"))
      const { authorization } = yield* prove({ mode: "Test", server, clientId: "acme:web ü/1" })
      assert.strictEqual(authorization, `Basic ${btoa("acme%3Aweb+%C3%BC%2F1:canary%3A+%C3%A9%7E")}`)
    }))

  it.effect("CA8 names the algorithm of the key, whatever else its header is given", () =>
    Effect.gen(function*() {
      const { privateKey } = yield* Effect.promise(() => generateKeyPair("ES256"))
      const key = SigningKey.fromCryptoKey(privateKey, {
        algorithm: "ES256",
        keyId: "2026-01",
        header: { alg: "none", x5t: "canary" }
      })
      const { prove } = ClientAuthentication.privateKeyJwt(key)
      const { form } = yield* prove({ mode: "Test", server, clientId })
      assert.deepStrictEqual(decodeProtectedHeader(form["client_assertion"] ?? ""), {
        typ: "JWT",
        alg: "ES256",
        kid: "2026-01",
        x5t: "canary"
      })
    }))

  it.effect("CA2 sends them as they are, where that is asked for", () =>
    Effect.gen(function*() {
      const { authorization } = yield* sentWith(ClientAuthentication.basic(secret, { raw: true }))
      assert.strictEqual(authorization, `Basic ${btoa(`${clientId}:${clientSecret}`)}`)
    }))

  it.effect("CA3 CA10 puts the secret, or the id alone, into the form", () =>
    Effect.gen(function*() {
      const post = yield* sentWith(ClientAuthentication.post(secret))
      assert.deepStrictEqual(
        [post.authorization, post.form.get("client_id"), post.form.get("client_secret")],
        [undefined, clientId, clientSecret]
      )
      for (const method of [ClientAuthentication.none, ClientAuthentication.certificate]) { // CA10
        const { authorization, form } = yield* sentWith(method)
        assert.deepStrictEqual([authorization, form.get("client_id"), form.get("client_secret")], [
          undefined,
          clientId,
          null
        ])
      }
    }))

  it.effect("CA5 CA6 CA7 CA8 signs an assertion about itself, for the issuer, good for a minute", () =>
    Effect.gen(function*() {
      const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair("ES256", { extractable: true }))
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const key = SigningKey.fromCryptoKey(privateKey, {
        algorithm: "ES256",
        keyId: "key-1",
        header: { x5t: "canary" }
      })
      const { authorization, form } = yield* sentWith(ClientAuthentication.privateKeyJwt(key))
      assert.isUndefined(authorization)
      assert.strictEqual(form.get("client_id"), clientId)
      assert.strictEqual(
        form.get("client_assertion_type"),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
      )
      const assertion = form.get("client_assertion") ?? ""
      const { payload, protectedHeader } = yield* Effect.promise(() =>
        jwtVerify(assertion, publicKey, { currentDate: new Date(Date.UTC(2026, 0, 1)) })
      )
      assert.deepInclude(protectedHeader, { alg: "ES256", kid: "key-1", x5t: "canary" })
      const now = Date.UTC(2026, 0, 1) / 1000
      assert.deepInclude(payload, { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + 60 })
      const again = yield* sentWith(ClientAuthentication.privateKeyJwt(key, { audience: server.tokenEndpoint }))
      const second = decodeJwt(again.form.get("client_assertion") ?? "")
      assert.notStrictEqual(second.jti, payload.jti)
      assert.strictEqual(second.aud, server.tokenEndpoint)
    }))

  it("CA11 takes the method for a secret from the metadata", () => {
    const methodFor = (clientAuthentications: ReadonlyArray<string> | undefined, given = true) =>
      ClientAuthentication.forSecret(given ? secret : undefined, { ...server, clientAuthentications })._tag
    assert.deepStrictEqual([
      methodFor(undefined),
      methodFor(["client_secret_post", "client_secret_basic"]),
      methodFor(["client_secret_post"]),
      methodFor(["private_key_jwt", "none"]),
      methodFor(["client_secret_jwt"]),
      methodFor(["none"], false)
    ], ["Basic", "Basic", "Post", "None", "Basic", "None"])
  })

  it.effect("CA6 CA9 signs anew for each attempt, by the time of that attempt", () =>
    Effect.gen(function*() {
      const key = SigningKey.make(() => Effect.succeed(new Uint8Array(64)), { algorithm: "ES256" })
      const client = ScriptedHttpClient.make([
        { status: 503, headers: { "retry-after": "7" } },
        { json: { access_token: "canary-1" } }
      ])
      const token = yield* ClientCredentials.makeTokens({
        baseUrl,
        server,
        credential,
        authentication: ClientAuthentication.privateKeyJwt(key),
        logout: false
      }).pipe(
        Effect.flatMap(({ get }) => get),
        Effect.scoped,
        Effect.provideService(HttpClient.HttpClient, client),
        VirtualClock.run
      )
      assert.strictEqual(Redacted.value(token.value), "canary-1")
      const [first, second] = (yield* client.requests).map(({ body }) =>
        decodeJwt(new URLSearchParams(body).get("client_assertion") ?? "")
      )
      assert.notStrictEqual(first?.jti, second?.jti)
      assert.isAtLeast((second?.iat ?? 0) - (first?.iat ?? 0), 7)
    }))

  it.effect.each([
    ClientAuthentication.basic(secret),
    ClientAuthentication.post(secret),
    ClientAuthentication.privateKeyJwt(
      SigningKey.make(() => Effect.succeed(new Uint8Array(1)), { algorithm: "ES256" })
    )
  ])("says that a client that authenticates has to say who it is: $_tag", (authentication) =>
    Effect.gen(function*() {
      const error = yield* JwtBearer.makeTokens({
        baseUrl,
        server,
        authentication,
        assertion: () => Effect.succeed(Redacted.make("canary-assertion"))
      }).pipe(Effect.flatMap(({ get }) => get), Effect.flip, Effect.scoped)
      assert.include(error.message, "credential.clientId: is needed to authenticate")
      assert.lengthOf(yield* (yield* ScriptedHttpClient.ScriptedHttpClient).requests, 0)
    }).pipe(Effect.provide(scripted())))
})
