import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { compactVerify, exportJWK, exportPKCS8, jwtVerify } from "jose"
import * as NodeSignature from "../../src/internal/nodeSignature.ts"
import * as SigningKey from "../../src/SigningKey.ts"

const short = ["ES256", "EdDSA"] as const
const long = ["ES384", "ES512", "PS256", "RS256"] as const

const unexportable = async (key: CryptoKey) =>
  crypto.subtle.importKey("jwk", await crypto.subtle.exportKey("jwk", key), key.algorithm, false, ["sign"])

afterEach(() => {
  vi.unstubAllGlobals()
})

describe("NodeSignature", () => {
  it.each(short)("signs by a key for %s on the calling thread, as others verify", async (algorithm) => {
    const { privateKey, publicKey } = await SigningKey.generate(algorithm)
    const header = Buffer.from(JSON.stringify({ alg: algorithm })).toString("base64url")
    const input = `${header}.${Buffer.from("proof").toString("base64url")}`
    const sign = Option.getOrThrow(NodeSignature.of(privateKey, algorithm))
    const { payload } = await compactVerify(`${input}.${Option.getOrThrow(sign(input))}`, publicKey)
    assert.strictEqual(Buffer.from(payload).toString(), "proof")
  })

  it.each(short)("signs by a key for %s in text on the calling thread, too", async (algorithm) => {
    const { privateKey, publicKey } = await SigningKey.generate(algorithm)
    const texts = [await exportPKCS8(privateKey), JSON.stringify(await exportJWK(privateKey))]
    for (const text of texts) {
      const key = await Effect.runPromise(SigningKey.fromText(Redacted.make(text), { algorithm }))
      assert.isDefined(key.now)
      const token = await Effect.runPromise(SigningKey.sign(key, {}, { sub: "ada" }, { mode: "Test" }))
      assert.strictEqual((await jwtVerify(Redacted.value(token), publicKey)).payload.sub, "ada")
    }
  })

  it.each(long)("leaves a key for %s to a thread, which its signature is worth", async (algorithm) => {
    const { privateKey } = await SigningKey.generate(algorithm)
    assert.isTrue(Option.isNone(NodeSignature.of(privateKey, algorithm)))
  })

  it("leaves a key that must not leave the Web Cryptography API, or not sign, to that", async () => {
    const { privateKey, publicKey } = await SigningKey.generate("ES256")
    const keys = [await unexportable(privateKey), publicKey]
    assert.deepStrictEqual(keys.map((key) => Option.isSome(NodeSignature.of(key, "ES256"))), [false, false])
  })

  it("takes no key of one kind for an algorithm of another", async () => {
    for (
      const [algorithm, other] of [["ES256", "EdDSA"], ["EdDSA", "ES256"], ["ES384", "ES256"], [
        "RS256",
        "ES256"
      ]] as const
    ) {
      const { privateKey } = await SigningKey.generate(algorithm)
      assert.isTrue(Option.isNone(NodeSignature.of(privateKey, other)), `${algorithm} for ${other}`)
    }
  })

  it.each([
    ["no `process`", undefined],
    ["a `process` that has no modules", {}],
    ["signatures that take as long as a thread's", { ...process, versions: { deno: "2.9.6" } }],
    ["no `node:crypto`", { getBuiltinModule: () => undefined }],
    ["keys of its own", {
      getBuiltinModule: () => ({
        Buffer,
        KeyObject: {
          from: () => {
            throw new TypeError("no key")
          }
        }
      })
    }],
    ["signatures in DER", {
      getBuiltinModule: () => ({ Buffer, KeyObject: { from: () => ({}) }, sign: () => Buffer.alloc(71) })
    }]
  ])("signs by the Web Cryptography API in a runtime with %s", async (_, process) => {
    const { privateKey, publicKey } = await SigningKey.generate("ES256")
    vi.stubGlobal("process", process)
    const key = SigningKey.fromCryptoKey(privateKey, { algorithm: "ES256" })
    vi.unstubAllGlobals()
    assert.isUndefined(key.now)
    const token = await Effect.runPromise(SigningKey.sign(key, {}, { sub: "ada" }, { mode: "Test" }))
    assert.strictEqual((await jwtVerify(Redacted.value(token), publicKey)).payload.sub, "ada")
  })

  it("signs by the `sign` that a copy of a key has, such as one that counts", async () => {
    const { privateKey } = await SigningKey.generate("ES256")
    const made = SigningKey.fromCryptoKey(privateKey, { algorithm: "ES256" })
    let signed = 0
    const counting: SigningKey.SigningKey = {
      ...made,
      sign: (bytes) => Effect.zipLeft(made.sign(bytes), Effect.sync(() => signed++))
    }
    await Effect.runPromise(SigningKey.sign(counting, {}, { sub: "ada" }, { mode: "Test" }))
    assert.strictEqual(signed, 1)
    await Effect.runPromise(SigningKey.sign({ ...made, header: { kid: "1" } }, {}, {}, { mode: "Test" }))
    assert.strictEqual(signed, 1)
  })

  it("signs by the Web Cryptography API what could not be signed at once", async () => {
    const { privateKey, publicKey } = await SigningKey.generate("ES256")
    const made = SigningKey.fromCryptoKey(privateKey, { algorithm: "ES256" })
    const key = { ...made, now: { sign: () => Option.none(), insteadOf: made.sign } }
    const token = await Effect.runPromise(SigningKey.sign(key, {}, { sub: "ada" }, { mode: "Test" }))
    assert.strictEqual((await jwtVerify(Redacted.value(token), publicKey)).payload.sub, "ada")
  })
})
