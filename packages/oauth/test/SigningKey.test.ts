import * as SigningKey from "@effect-auth/oauth/SigningKey"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { decodeProtectedHeader, exportPKCS8, generateKeyPair as generateWebKeyPair, jwtVerify } from "jose"
import type { KeyObject } from "node:crypto"
import { generateKeyPair } from "node:crypto"
import { promisify } from "node:util"

const generated = (
  algorithm: string
): Effect.Effect<{ readonly privateKey: KeyObject; readonly publicKey: KeyObject }> =>
  Effect.promise(() =>
    algorithm.startsWith("ES")
      ? promisify(generateKeyPair)("ec", { namedCurve: algorithm.replace("ES", "P-").replace("512", "521") })
      : promisify(generateKeyPair)("rsa", { modulusLength: 2048 })
  )

const pemOf = (key: KeyObject, type: "pkcs1" | "sec1" | "pkcs8") => String(key.export({ type, format: "pem" }))

const signs = (pem: string, algorithm: SigningKey.Algorithm, publicKey: KeyObject) =>
  Effect.gen(function*() {
    const key = yield* SigningKey.fromText(Redacted.make(pem), { algorithm })
    const token = yield* SigningKey.sign(key, {}, { sub: "ada" }, { mode: "Test" })
    const { payload } = yield* Effect.promise(() => jwtVerify(Redacted.value(token), publicKey))
    return payload.sub
  })

describe("SigningKey.make", () => {
  const failing: Record<string, () => Effect.Effect<never>> = {
    throws: () => {
      throw new Error("canary-key")
    },
    dies: () => Effect.dieMessage("canary-key")
  }
  for (const [how, sign] of Object.entries(failing)) {
    it.effect(`says that a key cannot sign that ${how}, without its words`, () =>
      Effect.gen(function*() {
        const key = SigningKey.make(sign, { algorithm: "ES256" })
        const error = yield* Effect.flip(SigningKey.sign(key, {}, {}, { mode: "Test" }))
        assert.deepInclude(error, { _tag: "CredentialUnavailable", problem: "the private key could not sign" })
      }))
  }
})

describe("SigningKey, older forms of PEM", () => {
  const forms: ReadonlyArray<[SigningKey.Algorithm, "pkcs1" | "sec1"]> = [
    ["RS256", "pkcs1"],
    ["PS256", "pkcs1"],
    ["ES256", "sec1"],
    ["ES384", "sec1"],
    ["ES512", "sec1"]
  ]
  it.effect.each(forms)(
    "CA12 signs with %s by a key in the form of %s, with line ends of any kind",
    ([algorithm, form]) =>
      Effect.gen(function*() {
        const { privateKey, publicKey } = yield* generated(algorithm)
        const pem = pemOf(privateKey, form)
        assert.include(pem, form === "pkcs1" ? "BEGIN RSA PRIVATE KEY" : "BEGIN EC PRIVATE KEY")
        const parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        for (const text of [pem, pem.replaceAll("\n", "\\n"), pem.replaceAll("\n", "\r\n"), parameters + pem]) {
          assert.strictEqual(yield* signs(text, algorithm, publicKey), "ada")
        }
      })
  )

  it.effect("CA12 does not take a key of one kind for an algorithm of another, and does not quote it", () =>
    Effect.gen(function*() {
      const [rsa, ec] = yield* Effect.all([generated("RS256"), generated("ES256")])
      const wrong: ReadonlyArray<[string, SigningKey.Algorithm]> = [
        [pemOf(rsa.privateKey, "pkcs1"), "ES256"],
        [pemOf(rsa.privateKey, "pkcs1"), "EdDSA"],
        [pemOf(ec.privateKey, "sec1"), "RS256"],
        [pemOf(ec.privateKey, "sec1"), "ES384"],
        [pemOf(rsa.privateKey, "pkcs8"), "ES256"],
        [pemOf(rsa.privateKey, "pkcs1").slice(0, 800) + "\n-----END RSA PRIVATE KEY-----", "RS256"]
      ]
      for (const [pem, algorithm] of wrong) {
        const error = yield* Effect.flip(SigningKey.fromText(Redacted.make(pem), { algorithm }))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "key" })
        assert.include(error.problem, `is no private key for ${algorithm}`)
        assert.notInclude(JSON.stringify(error), pem.split("\n")[1] ?? pem)
      }
    }))

  it.effect("CA12 says of an encrypted key of the older form that it is encrypted", () =>
    Effect.gen(function*() {
      const { privateKey } = yield* generated("RS256")
      const pem = String(
        privateKey.export({ type: "pkcs1", format: "pem", cipher: "aes-128-cbc", passphrase: "canary" })
      )
      const error = yield* Effect.flip(SigningKey.fromText(Redacted.make(pem), { algorithm: "RS256" }))
      assert.include(error.problem, "is encrypted: decrypt it with `openssl pkey")
    }))
})

describe("SigningKey", () => {
  const algorithms: ReadonlyArray<SigningKey.Algorithm> = ["ES256", "ES384", "EdDSA", "RS256", "PS256"]
  for (const algorithm of algorithms) {
    it.effect(`CA12 reads a key for ${algorithm} in PEM, with line ends as in a variable, and signs with it`, () =>
      Effect.gen(function*() {
        const { privateKey, publicKey } = yield* Effect.promise(() =>
          generateWebKeyPair(algorithm, { extractable: true })
        )
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
