import * as IdToken from "@effect-auth/oauth/IdToken"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import type { JWK } from "jose"
import { CompactSign, exportJWK, generateKeyPair } from "jose"

const issuer = "https://as.acme.example"
const jwksUri = `${issuer}/jwks`
const clientId = "reporting"
const now = 1_750_000_000
const claims: IdToken.Claims = { iss: issuer, sub: "ada", aud: clientId, exp: now + 300, iat: now }
const decoded: IdToken.Decoded = { algorithm: "RS256", isSigned: true, claims }
const expected: IdToken.Expected = { issuer, clientId, nonce: Redacted.make("canary-nonce"), tolerance: "10 seconds" }
const good = { ...claims, nonce: "canary-nonce" }

const checked = (changed: object, options: Partial<IdToken.Expected> = {}, head: Partial<IdToken.Decoded> = {}) =>
  Either.merge(
    Either.map(
      IdToken.check({ ...decoded, ...head, claims: { ...good, ...changed } }, { ...expected, ...options }, now * 1000),
      () => "Good"
    )
  )

describe("IdToken, what it states", () => {
  it.each<[string, object, IdToken.Problem]>([
    ["of another server", { iss: "https://evil.example" }, "Issuer"],
    ["of the same server, spelled otherwise", { iss: `${issuer}/` }, "Issuer"],
    ["for another client", { aud: "other" }, "Audience"],
    ["for nobody", { aud: [] }, "Audience"],
    ["for a client whose id begins with ours", { aud: `${clientId}-2` }, "Audience"],
    ["for several, issued to nobody", { aud: [clientId, "other"] }, "AuthorizedParty"],
    ["for several, issued to another", { aud: [clientId, "other"], azp: "other" }, "AuthorizedParty"],
    ["for this client, issued to another", { azp: "other" }, "AuthorizedParty"],
    ["that has expired", { exp: now - 10 }, "Expired"],
    ["from the future", { iat: now + 11 }, "NotYetValid"],
    ["from the future, valid before", { iat: now + 11, nbf: now }, "NotYetValid"],
    ["that is not valid before long", { nbf: now + 11 }, "NotYetValid"],
    ["with another nonce", { nonce: "canary-other" }, "Nonce"],
    ["without a nonce", { nonce: undefined }, "Nonce"]
  ])("TR15 AC9 refuses one %s", (_, changed, problem) => {
    assert.strictEqual(checked(changed), problem)
  })

  it.each(["none", "None", "NONE"])("TR15 refuses one whose algorithm is %s", (algorithm) => {
    assert.strictEqual(checked({}, {}, { algorithm }), "Unsigned")
  })

  it("TR15 refuses one without a signature, whatever its algorithm", () => {
    assert.strictEqual(checked({}, {}, { isSigned: false }), "Unsigned")
  })

  it.each<[string, object, Partial<IdToken.Expected>]>([
    ["for this client", {}, {}],
    ["for a list of this client alone", { aud: [clientId] }, {}],
    ["for several, issued to this client", { aud: ["other", clientId], azp: clientId }, {}],
    ["that expired within the tolerance", { exp: now - 9 }, {}],
    ["that is from the future by the tolerance", { iat: now + 10, nbf: now + 10 }, {}],
    ["with a nonce that nobody asked for", {}, { nonce: undefined }],
    ["that expired 29 seconds ago", { exp: now - 29 }, { tolerance: undefined }]
  ])("TR15 AC9 takes one %s", (_, changed, options) => {
    assert.strictEqual(checked(changed, options), "Good")
  })

  it("TR15 allows 30 seconds for clocks that differ", () => {
    assert.strictEqual(checked({ exp: now - 30 }, { tolerance: undefined }), "Expired")
  })
})

const encoded = (part: unknown) => Encoding.encodeBase64Url(typeof part === "string" ? part : JSON.stringify(part))
const unsigned = (header: unknown, payload: unknown, signature = "c2ln") =>
  Redacted.make(`${encoded(header)}.${encoded(payload)}.${signature}`)

describe("IdToken, its form", () => {
  it.each<[string, Redacted.Redacted]>([
    ["that is no JWT", Redacted.make("canary")],
    ["of two parts", Redacted.make(`${encoded({ alg: "RS256" })}.${encoded(good)}`)],
    ["that is encrypted", Redacted.make("a.b.c.d.e")],
    ["of four parts", unsigned({ alg: "RS256" }, good, "c2ln.c2ln")],
    ["whose payload is no JSON", unsigned({ alg: "RS256" }, "{")],
    ["whose header is no JSON", unsigned("{", good)],
    ["without an algorithm", unsigned({}, good)],
    ["without a subject", unsigned({ alg: "RS256" }, { ...good, sub: undefined })],
    ["without an expiry", unsigned({ alg: "RS256" }, { ...good, exp: undefined })],
    ["whose expiry is a text", unsigned({ alg: "RS256" }, { ...good, exp: String(now + 300) })],
    ["without an audience", unsigned({ alg: "RS256" }, { ...good, aud: undefined })],
    ["whose payload is a list", unsigned({ alg: "RS256" }, [good])]
  ])("TR15 cannot read one %s", (_, idToken) => {
    assert.deepStrictEqual(IdToken.decode(idToken), Either.left("Malformed"))
  })

  it("TR15 reads the claims, those that are not known too", () => {
    const payload = { ...good, email: "ada@acme.example" }
    assert.deepStrictEqual(
      Either.getOrThrow(IdToken.decode(unsigned({ alg: "RS256", kid: "1" }, payload))),
      { algorithm: "RS256", isSigned: true, claims: payload }
    )
    assert.isFalse(Either.getOrThrow(IdToken.decode(unsigned({ alg: "RS256" }, good, ""))).isSigned)
  })

  it("TR15 takes null for absent, and no claim that others would inherit", () => {
    const claimsOf = (payload: unknown) => Either.getOrThrow(IdToken.decode(unsigned({ alg: "RS256" }, payload))).claims
    const { azp, nbf, nonce } = claimsOf({ ...good, azp: null, nbf: null, nonce: null })
    assert.deepStrictEqual([azp, nbf, nonce], [undefined, undefined, undefined])
    const { nonce: _, ...silent } = good
    const inheriting = claimsOf(`${JSON.stringify(silent).slice(0, -1)},"__proto__":{"nonce":"canary"}}`)
    assert.isUndefined(inheriting.nonce)
  })
})

describe("IdToken, its signature", () => {
  const key = (keyId?: string, algorithm = "ES256") =>
    Effect.promise(async () => {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
      const id: JWK = keyId === undefined ? {} : { kid: keyId }
      return { privateKey, algorithm, jwk: { ...await exportJWK(publicKey), ...id }, id }
    })
  const signedBy = (
    { algorithm, id, privateKey }: Effect.Effect.Success<ReturnType<typeof key>>,
    payload: object = good
  ) =>
    Effect.promise(() =>
      new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
        .setProtectedHeader({ alg: algorithm, ...id })
        .sign(privateKey)
    ).pipe(Effect.map(Redacted.make))
  const verifying = (idToken: Redacted.Redacted, keys?: IdToken.Keys, script: ScriptedHttpClient.Script = []) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(now * 1000)
      const result = yield* Effect.either(IdToken.verify(idToken, { ...expected, mode: "Test", keys }))
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      return {
        code: Either.merge(
          Either.mapBoth(result, {
            onLeft: (error) => error._tag === "MalformedTokenResponse" ? error.code : error._tag,
            onRight: ({ sub }) => `Good ${sub}`
          })
        ),
        result,
        lines: (yield* requests).map(({ line }) => line)
      }
    }).pipe(Effect.provide(ScriptedHttpClient.layer(script)))

  it.effect("TR15 refuses one by another key, one that was changed, and one by a key that the server does not list", () =>
    Effect.gen(function*() {
      const [ours, theirs] = yield* Effect.all([key("1"), key("1")])
      const keys = { keys: [ours.jwk] }
      const [good, forged] = yield* Effect.all([signedBy(ours), signedBy(theirs)])
      const [header, , signature] = Redacted.value(good).split(".")
      const changed = Redacted.make(
        `${header}.${encoded({ ...claims, nonce: "canary-nonce", sub: "eve" })}.${signature}`
      )
      const unlisted = yield* signedBy(yield* key("2"))
      const codes = yield* Effect.all([
        verifying(forged, keys),
        verifying(changed, keys),
        verifying(unlisted, keys),
        verifying(good, { keys: [] }),
        verifying(good, { keys: [{ kty: "EC", kid: "1" }] })
      ])
      assert.deepStrictEqual(codes.map(({ code }) => code), Array(5).fill("Signature"))
      assert.strictEqual((yield* verifying(good, keys)).code, "Good ada")
    }))

  it.effect("TR15 refuses one that is signed with a public key as if it were a secret", () =>
    Effect.gen(function*() {
      const secret = new TextEncoder().encode("canary-secret-of-thirty-two-bytes")
      const idToken = yield* Effect.promise(() =>
        new CompactSign(new TextEncoder().encode(JSON.stringify(good)))
          .setProtectedHeader({ alg: "HS256", kid: "1" })
          .sign(secret)
      )
      const keys = { keys: [{ kty: "oct", kid: "1", alg: "HS256", k: Encoding.encodeBase64Url(secret) }] }
      assert.strictEqual((yield* verifying(Redacted.make(idToken), keys)).code, "Signature")
    }))

  it.effect.each(["ES256", "RS256", "PS256", "EdDSA"])("TR15 takes one with %s, by any of several keys without an id", (
    algorithm
  ) =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.all([key(undefined, algorithm), key(undefined, algorithm)])
      const idToken = yield* signedBy(second)
      assert.strictEqual((yield* verifying(idToken, { keys: [first.jwk, second.jwk] })).code, "Good ada")
      assert.strictEqual((yield* verifying(idToken, { keys: [first.jwk, first.jwk] })).code, "Signature")
    }))

  it.effect("TR15 reads the keys of the server, only for a token that states what it has to", () =>
    Effect.gen(function*() {
      const ours = yield* key("1")
      const script = ScriptedHttpClient.repeatLast({ json: { keys: [ours.jwk] } })
      const [good, expired] = yield* Effect.all([signedBy(ours), signedBy(ours, { ...claims, exp: now - 60 })])
      assert.deepInclude(yield* verifying(good, jwksUri, script), { code: "Good ada", lines: ["GET /jwks"] })
      assert.deepInclude(yield* verifying(expired, jwksUri, script), { code: "Expired", lines: [] })
    }))

  it.effect("TR14 TR15 fails, and does not take the token, where the keys cannot be read", () =>
    Effect.gen(function*() {
      const idToken = yield* signedBy(yield* key("1"))
      const ours = { keys: [(yield* key("1")).jwk], padding: "x".repeat(1_048_576) }
      assert.strictEqual((yield* verifying(idToken, jwksUri, [{ status: 503 }])).code, "TokenEndpointError")
      assert.deepInclude((yield* verifying(idToken, jwksUri, [{ json: ours }])).result, { _tag: "Left" })
      assert.strictEqual((yield* verifying(idToken, "http://as.acme.example/jwks")).code, "InsecureTransport")
      assert.strictEqual(
        (yield* verifying(idToken, jwksUri, [{ status: 302, headers: { location: "/" } }])).code,
        "TokenEndpointError"
      )
    }))

  it.effect("TR15 looks at no signature where no keys are given, and asks nobody", () =>
    Effect.gen(function*() {
      const { code, lines } = yield* verifying(unsigned({ alg: "RS256" }, good))
      assert.deepStrictEqual([code, lines], ["Good ada", []])
      assert.strictEqual((yield* verifying(unsigned({ alg: "none" }, good, ""))).code, "Unsigned")
    }))

  it.effect("TR15 shows nothing of the token in its error", () =>
    Effect.gen(function*() {
      const { result } = yield* verifying(unsigned({ alg: "RS256" }, { ...good, sub: "canary-sub", aud: "canary-aud" }))
      assert.isTrue(Either.isLeft(result) && result.left.message.includes("is for another client"))
      assert.notInclude(JSON.stringify(result), "canary")
    }))
})
