/** Tokens that are bound to a key (RFC 9449), at the fake server: what it takes and what it refuses. */
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"

const { publicClientId: clientId } = FakeOAuth.canaries
const tokenUrl = "https://as.example/token"
const apiUrl = "https://as.example/me"
const { password, username } = FakeOAuth.canaries

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")

interface Key extends CryptoKeyPair {
  readonly jwk: JsonWebKey
}

const newKey: Effect.Effect<Key> = Effect.promise(async () => {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
  return { ...pair, jwk: await crypto.subtle.exportKey("jwk", pair.publicKey) }
})

interface Statements {
  readonly header?: Readonly<Record<string, unknown>>
  readonly claims?: Readonly<Record<string, unknown>>
}

const ids = { next: 0 }

/** A proof for the token endpoint at the epoch, but for what is stated otherwise. */
const proof = ({ jwk: { crv, kty, x, y }, privateKey }: Key, { claims, header }: Statements = {}) =>
  Effect.promise(async () => {
    const input = [
      { typ: "dpop+jwt", alg: "ES256", jwk: { kty, crv, x, y }, ...header },
      { jti: `id-${ids.next++}`, htm: "POST", htu: tokenUrl, iat: 0, ...claims }
    ].map(encoded).join(".")
    const algorithm = { name: "ECDSA", hash: "SHA-256" }
    const signature = await crypto.subtle.sign(algorithm, privateKey, Buffer.from(input))
    return `${input}.${Buffer.from(signature).toString("base64url")}`
  })

const hashOf = (text: string) => createHash("sha256").update(text).digest("base64url")

const Answer = Schema.Struct({
  access_token: Schema.optional(Schema.String),
  token_type: Schema.optional(Schema.String),
  refresh_token: Schema.optional(Schema.String),
  error: Schema.optional(Schema.String)
})

const ask = (dpop: string | undefined, form: Record<string, string> = { grant_type: "password", username, password }) =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const request = HttpClientRequest.post(tokenUrl, { headers: dpop === undefined ? {} : { dpop } }).pipe(
      HttpClientRequest.bodyUrlParams({ client_id: clientId, ...form })
    )
    const { headers, json, status } = yield* http.execute(request)
    return { status, nonce: headers["dpop-nonce"], ...Schema.decodeUnknownSync(Answer)(yield* json) }
  })

const call = (authorization: string, dpop?: string) =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const { headers, status } = yield* http.get(apiUrl, {
      headers: { authorization, ...(dpop === undefined ? undefined : { dpop }) }
    })
    return { status, challenge: headers["www-authenticate"], nonce: headers["dpop-nonce"] }
  })

/** A proof for the API. */
const forApi = (key: Key, token: string, statements: Statements = {}) =>
  proof(key, { ...statements, claims: { htm: "GET", htu: apiUrl, ath: hashOf(token), ...statements.claims } })

describe("FakeOAuth > proofs of possession", () => {
  it.effect("gives a token that is bound to the key, and a bearer token without a proof", () =>
    Effect.gen(function*() {
      const key = yield* newKey
      const answer = yield* ask(yield* proof(key))
      assert.deepInclude(answer, { status: 200, token_type: "DPoP" })
      assert.isUndefined(answer.nonce)
      assert.deepInclude(yield* ask(undefined), { status: 200, token_type: "Bearer" })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  const wrong: ReadonlyArray<readonly [string, Statements]> = [
    ["for another method", { claims: { htm: "GET" } }],
    ["for another URL", { claims: { htu: "https://as.example/other" } }],
    ["with the query of a URL", { claims: { htu: `${tokenUrl}?a=b` } }],
    ["of six minutes ago", { claims: { iat: -360 } }],
    ["of six minutes from now", { claims: { iat: 360 } }],
    ["without a time", { claims: { iat: undefined } }],
    ["that nothing tells from others", { claims: { jti: "" } }],
    ["with the hash of a token that is not there", { claims: { ath: hashOf("canary") } }],
    ["of another type", { header: { typ: "JWT" } }],
    ["that is not signed", { header: { alg: "none" } }],
    ["by a shared secret", { header: { alg: "HS256" } }],
    ["that shows a private key", { header: { jwk: { kty: "EC", crv: "P-256", x: "x", y: "y", d: "canary" } } }],
    ["without a key", { header: { jwk: undefined } }]
  ]
  it.effect.each(wrong)("refuses a proof %s", ([, statements]) =>
    Effect.gen(function*() {
      const answer = yield* ask(yield* proof(yield* newKey, statements))
      assert.deepInclude(answer, { status: 400, error: "invalid_dpop_proof" })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("refuses a proof that was changed, signed by another key, repeated or written twice", () =>
    Effect.gen(function*() {
      const [key, other] = [yield* newKey, yield* newKey]
      const good = yield* proof(key)
      const foreign = yield* proof({ ...key, privateKey: other.privateKey })
      assert.propertyVal(yield* ask(good), "status", 200)
      for (const bad of [good, `${good}x`, foreign, `${yield* proof(key)}, ${yield* proof(key)}`, "", "a.b", "a.b.c"]) {
        assert.deepInclude(yield* ask(bad), { status: 400, error: "invalid_dpop_proof" }, bad)
      }
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("opens its API for a bound token only with a proof of its key, for it, and as DPoP", () =>
    Effect.gen(function*() {
      const [key, other] = [yield* newKey, yield* newKey]
      const { access_token: token = "" } = yield* ask(yield* proof(key))
      const { access_token: bearer = "" } = yield* ask(undefined)
      assert.propertyVal(yield* call(`DPoP ${token}`, yield* forApi(key, token)), "status", 200)
      assert.propertyVal(yield* call(`Bearer ${bearer}`), "status", 200)
      const refused: ReadonlyArray<readonly [string, string | undefined, string]> = [
        [`Bearer ${token}`, undefined, `Bearer error="invalid_token"`],
        [`Bearer ${token}`, yield* forApi(key, token), `Bearer error="invalid_token"`],
        [`DPoP ${token}`, undefined, `DPoP error="invalid_token"`],
        [`DPoP ${token}`, yield* forApi(other, token), `DPoP error="invalid_token"`],
        [`DPoP ${token}`, yield* forApi(key, bearer), `DPoP error="invalid_dpop_proof"`],
        [`DPoP ${token}`, yield* proof(key), `DPoP error="invalid_dpop_proof"`],
        [`DPoP ${bearer}`, yield* forApi(key, bearer), `DPoP error="invalid_token"`],
        [`DPoP ${bearer}`, undefined, `DPoP error="invalid_token"`]
      ]
      for (const [authorization, dpop, challenge] of refused) {
        assert.deepInclude(yield* call(authorization, dpop), { status: 401, challenge })
      }
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("redeems a public client's refresh token for the key that it is bound to, and keeps it from others", () =>
    Effect.gen(function*() {
      const [key, other] = [yield* newKey, yield* newKey]
      const { refresh_token = "" } = yield* ask(yield* proof(key))
      const form = { grant_type: "refresh_token", refresh_token }
      assert.deepInclude(yield* ask(yield* proof(other), form), { status: 400, error: "invalid_grant" })
      assert.deepInclude(yield* ask(undefined, form), { status: 400, error: "invalid_grant" })
      assert.deepInclude(yield* ask(yield* proof(key), form), { status: 200, token_type: "DPoP" })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("redeems a code for the key that was named when it was asked for", () =>
    Effect.gen(function*() {
      const [key, other] = [yield* newKey, yield* newKey]
      const http = yield* HttpClient.HttpClient
      const { crv, kty, x, y } = key.jwk
      const code_verifier = "canary-verifier-of-more-than-forty-three-letters"
      const redirect_uri = "http://127.0.0.1/callback"
      const { headers } = yield* http.get("https://as.example/authorize", {
        urlParams: {
          response_type: "code",
          client_id: clientId,
          redirect_uri,
          code_challenge: hashOf(code_verifier),
          code_challenge_method: "S256",
          dpop_jkt: hashOf(JSON.stringify({ crv, kty, x, y }))
        }
      })
      const code = new URL(headers["location"] ?? "").searchParams.get("code") ?? ""
      const form = { grant_type: "authorization_code", code, redirect_uri, code_verifier }
      assert.deepInclude(yield* ask(yield* proof(other), form), { status: 400, error: "invalid_grant" })
      assert.deepInclude(yield* ask(undefined, form), { status: 400, error: "invalid_grant" })
      assert.deepInclude(yield* ask(yield* proof(key), form), { status: 200, token_type: "DPoP" })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("asks for the nonce of the minute, and says the next one with each answer", () =>
    Effect.gen(function*() {
      const key = yield* newKey
      const first = yield* ask(yield* proof(key))
      assert.deepInclude(first, { status: 400, error: "use_dpop_nonce" })
      const claims = { nonce: first.nonce }
      const { access_token: token = "", nonce } = yield* ask(yield* proof(key, { claims }))
      assert.strictEqual(nonce, first.nonce)
      assert.propertyVal(yield* call(`DPoP ${token}`, yield* forApi(key, token, { claims })), "status", 200)
      yield* TestClock.adjust("1 minute")
      const late = yield* call(`DPoP ${token}`, yield* forApi(key, token, { claims }))
      assert.deepInclude(late, { status: 401, challenge: `DPoP error="use_dpop_nonce"` })
      assert.notStrictEqual(late.nonce, first.nonce)
    }).pipe(Effect.provide(FakeOAuth.layer({ nonces: true }))))
})
