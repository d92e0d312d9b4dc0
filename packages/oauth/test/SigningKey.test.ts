import * as SigningKey from "@effect-auth/oauth/SigningKey"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { decodeProtectedHeader, exportPKCS8, generateKeyPair, jwtVerify } from "jose"
import {} from "./fixtures.ts"

describe("SigningKey", () => {
  const algorithms: ReadonlyArray<SigningKey.Algorithm> = ["ES256", "ES384", "EdDSA", "RS256", "PS256"]
  for (const algorithm of algorithms) {
    it.effect(`CA12 reads a key for ${algorithm} in PEM, with line ends as in a variable, and signs with it`, () =>
      Effect.gen(function*() {
        const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair(algorithm, { extractable: true }))
        const pem = yield* Effect.promise(() => exportPKCS8(privateKey))
        const key = yield* SigningKey.fromText(Redacted.make(pem.replaceAll("\n", "\\n")), { algorithm })
        const token = yield* SigningKey.sign(key, {}, { sub: "ada" }, { mode: "Test" })
        const { payload } = yield* Effect.promise(() => jwtVerify(Redacted.value(token), publicKey))
        assert.strictEqual(payload.sub, "ada")
        assert.strictEqual(decodeProtectedHeader(Redacted.value(token)).alg, algorithm)
      }))
  }

  it.effect.each<[string, string, string]>([
    ["in PKCS#1", "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\n-----END RSA PRIVATE KEY-----", "openssl pkcs8 -topk8"],
    [
      "that is encrypted",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5\n-----END ENCRYPTED PRIVATE KEY-----",
      "is encrypted"
    ],
    ["that is none", "canary-key", "is no private key for RS256"],
    ["that is public", `{"kty":"RSA","n":"canary","e":"AQAB"}`, "is no private key for RS256"]
  ])("says what is wrong with a key %s, and does not quote it", ([, text, said]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(SigningKey.fromText(Redacted.make(text), { algorithm: "RS256" }))
      assert.include(error.message, said)
      assert.notInclude(error.message, "canary")
      assert.notInclude(error.message, "Y2FuYXJ5")
    }))
})
