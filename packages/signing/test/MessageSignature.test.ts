import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import { TokenEndpointError } from "@effect-auth/core/AuthError"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Crypto from "node:crypto"
import { inspect } from "node:util"
import * as MessageSignature from "../src/MessageSignature.ts"
import * as SigningCredential from "../src/SigningCredential.ts"
import * as Rfc from "./fixtures/rfc9421.ts"

const baseUrl = "https://api.example"

const credential = { keyId: "k1", algorithm: "ed25519", key: Redacted.make(Rfc.ed25519) } as const

const clientOf = (
  options: Partial<MessageSignature.Options> & Partial<MessageSignature.Credential> = {},
  script: ScriptedHttpClient.Script = { body: "ok" }
) => {
  const transport = ScriptedHttpClient.make(script)
  return MessageSignature.make({ baseUrl, credential, ...options }).pipe(
    Effect.provideService(HttpClient.HttpClient, transport),
    Effect.map((http) => ({ http, sent: transport.unsafeRequests }))
  )
}

/** The base of the default components, written by hand from what arrived. */
const baseOf = ({ headers, method, url }: ReturnType<ScriptedHttpClient.Service["unsafeRequests"]>[number]) => {
  const input = (headers["signature-input"] ?? "").replace(/^sig=/u, "")
  return [
    `"@method": ${method}`,
    `"@target-uri": ${url.href}`,
    ...["content-digest", "content-type"].filter((name) => input.includes(name)).map((name) =>
      `"${name}": ${headers[name]}`
    ),
    `"@signature-params": ${input}`
  ].join("\n")
}

const signatureOf = (headers: Readonly<Record<string, string>>) =>
  Buffer.from(/^sig=:([^:]+):$/u.exec(headers["signature"] ?? "")?.[1] ?? "", "base64")

describe("MessageSignature", () => {
  it.effect("signs with a key that is somewhere else, and asks it once for each request", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const { http, sent } = yield* clientOf({
        credential: {
          keyId: "far",
          algorithm: "ed25519",
          sign: (bytes) =>
            Effect.sync(() => {
              asked.push(new TextDecoder().decode(bytes))
              return new Uint8Array(Crypto.sign(null, bytes, Rfc.ed25519))
            })
        }
      })
      yield* http.get("/a")
      yield* http.post("/b", { body: HttpBody.text("body") })
      assert.deepStrictEqual(asked, sent().map(baseOf))
      for (const request of sent()) {
        const signature = signatureOf(request.headers)
        assert.isTrue(Crypto.verify(null, Buffer.from(baseOf(request)), Rfc.publicKeys.ed25519, signature))
        assert.include(request.headers["signature-input"], `keyid="far"`)
      }
    }))

  it.effect.each<DurationWithUnit>(["0 seconds", Duration.infinity])(
    "refuses a lifetime that no signature can have: %s",
    (lifetime) =>
      Effect.gen(function*() {
        assert.deepInclude(yield* Effect.flip(clientOf({ lifetime })), { _tag: "InvalidSetting", setting: "lifetime" })
      })
  )

  it.effect("refuses a label that no field can have", () =>
    Effect.gen(function*() {
      for (const label of ["Sig", "", "sig 1", "1"]) {
        const error = yield* Effect.flip(clientOf({ label }))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "label" })
      }
      const { http, sent } = yield* clientOf({ label: "*my-sig.1" })
      yield* http.get("/")
      assert.match(sent()[0]?.headers["signature"] ?? "", /^\*my-sig\.1=:/u)
    }))

  it.effect("fails as its signer does, and says what is wrong with a signature that no server takes", () =>
    Effect.gen(function*() {
      const failureOf = (sign: MessageSignature.Signer["sign"]) =>
        Effect.gen(function*() {
          const { http, sent } = yield* clientOf({ credential: { keyId: "far", algorithm: "ecdsa-p256-sha256", sign } })
          const error = yield* Effect.flip(http.get("/"))
          assert.lengthOf(sent(), 0)
          return error.message
        })
      const unreachable = new TokenEndpointError({ mode: "Kms", reason: "Unreachable", endpoint: "the KMS" })
      assert.include(yield* failureOf(() => unreachable), "the KMS could not be reached")
      assert.include(yield* failureOf(() => Effect.succeed(new Uint8Array(71))), "not DER")
    }))

  it.effect("signs the method, the URL as it is sent, and the digest of the body", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1000 seconds")
      const { http, sent } = yield* clientOf({ lifetime: "5 minutes", nonce: true, tag: "t", statesAlgorithm: true })
      yield* http.get("/a b/\u00e4?z=1&y=%20+&z=0", { urlParams: [["k", "v w"]] })
      yield* http.post("/", { body: HttpBody.unsafeJson({ a: "\u00e4" }) })
      for (const request of sent()) {
        const { headers } = request
        assert.isTrue(Crypto.verify(null, Buffer.from(baseOf(request)), Rfc.publicKeys.ed25519, signatureOf(headers)))
        assert.match(
          headers["signature-input"] ?? "",
          /;created=1000;expires=1300;keyid="k1";alg="ed25519";nonce="[\w-]{32}";tag="t"$/u
        )
      }
      const [get, post] = sent()
      assert.isUndefined(get?.headers["content-digest"])
      const digest = Crypto.createHash("sha256").update(post?.body ?? "").digest("base64")
      assert.strictEqual(post?.headers["content-digest"], `sha-256=:${digest}:`)
    }))

  for (
    const [algorithm, make] of Object.entries({
      "ecdsa-p256-sha256": () => Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }),
      "ecdsa-p384-sha384": () => Crypto.generateKeyPairSync("ec", { namedCurve: "P-384" }),
      "rsa-pss-sha512": () => Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
      "rsa-v1_5-sha256": () => Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }),
      "ed25519": () => Crypto.generateKeyPairSync("ed25519")
    })
  ) {
    it.effect(`signs with ${algorithm}, with a key in PEM and as a JWK`, () =>
      Effect.gen(function*() {
        const { privateKey, publicKey } = make()
        const texts = [
          privateKey.export({ type: "pkcs8", format: "pem" }).toString().replaceAll("\n", "\\n"),
          JSON.stringify(privateKey.export({ format: "jwk" }))
        ]
        for (const text of texts) {
          const given = yield* Effect.orDie(
            SigningCredential.messageSignatureConfig("K").pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
              new Map([["K_KEY_ID", "k"], ["K_KEY", text], ["K_ALGORITHM", algorithm]])
            )))
          )
          const { http, sent } = yield* clientOf({ credential: given })
          yield* http.get("/")
          const [request] = sent()
          if (request === undefined) return assert.fail("nothing was sent")
          const options = algorithm.startsWith("rsa-pss")
            ? { padding: Crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }
            : { dsaEncoding: "ieee-p1363" as const }
          const hash = algorithm === "ed25519" ? null : algorithm.replace(/^.*sha/u, "sha")
          assert.isTrue(
            Crypto.verify(
              hash,
              Buffer.from(baseOf(request)),
              { key: publicKey, ...options },
              signatureOf(request.headers)
            )
          )
        }
      }))
  }

  it.effect("signs each hop of a redirect for its own URL, and none beyond the client's origins", () =>
    Effect.gen(function*() {
      const { http, sent } = yield* clientOf({ redirects: 3 }, [
        { status: 307, headers: { location: "/two?x=1" } },
        { status: 307, headers: { location: "https://elsewhere.example/" } },
        { body: "ok" }
      ])
      yield* http.post("/one", { body: HttpBody.text("body") })
      const [, two, three] = sent()
      if (two === undefined || three === undefined) return assert.fail("no redirect was followed")
      assert.isTrue(Crypto.verify(null, Buffer.from(baseOf(two)), Rfc.publicKeys.ed25519, signatureOf(two.headers)))
      assert.deepStrictEqual(Object.keys(three.headers).filter((name) => /signature|digest/u.test(name)), [])
    }))

  it.effect("stands beside a signature of the caller's", () =>
    Effect.gen(function*() {
      const { http, sent } = yield* clientOf({ label: "own", components: ["@method"] })
      yield* http.get("/", { headers: { signature: "other=:AA==:", "signature-input": "other=()" } })
      assert.match(sent()[0]?.headers["signature"] ?? "", /^other=:AA==:, own=:[\w+/=]+:$/u)
      assert.match(sent()[0]?.headers["signature-input"] ?? "", /^other=\(\), own=\("@method"\);created=0/u)
    }))

  it.effect("says what cannot be signed, and shows no key", () =>
    Effect.gen(function*() {
      const messageOf = (
        options: Partial<MessageSignature.Options> & Partial<MessageSignature.Credential>,
        body: HttpBody.HttpBody = HttpBody.empty
      ) =>
        Effect.gen(function*() {
          const client = yield* Effect.either(clientOf(options))
          const error = Either.isLeft(client) ? client.left : yield* Effect.flip(client.right.http.post("/", { body }))
          if (Either.isRight(client)) assert.lengthOf(client.right.sent(), 0)
          assert.notInclude(inspect(error, { depth: 20 }), "canary")
          return error.message
        })
      const key = Redacted.make("canary-key")
      assert.include(yield* messageOf({ components: ["date"] }), "no date")
      assert.include(yield* messageOf({}, HttpBody.stream(Stream.make(new Uint8Array(1)))), "content-digest")
      assert.include(yield* messageOf({ credential: { ...credential, key } }), "no private key for ed25519")
      assert.include(yield* messageOf({ credential: { ...credential, algorithm: "hmac-sha256", key } }), "Base64")
      assert.include(
        yield* messageOf({ credential: { ...credential, algorithm: "ecdsa-p256-sha256" } }),
        "no private key for ecdsa-p256-sha256"
      )
    }))

  it.effect.each<[string, string]>([
    ["-----BEGIN ENCRYPTED PRIVATE KEY-----\ncanary\n-----END ENCRYPTED PRIVATE KEY-----", "the key is encrypted"],
    ["-----BEGIN PRIVATE KEY-----", "the key ends within a PEM block"],
    ["canary", "the key is no private key for ed25519"]
  ])(
    "fails the layer's start with a key that is given and is none (%#)",
    ([key, said]) =>
      Effect.gen(function*() {
        const layer = MessageSignature.layerConfig({
          baseUrl: Config.succeed(baseUrl),
          credential: SigningCredential.messageSignatureConfig("K")
        })
        const transport = Layer.sync(HttpClient.HttpClient, () => ScriptedHttpClient.make({ body: "ok" }))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(layer, transport))))
        assert.include(String(error), `InvalidSetting: credential.key: ${said}`)
        assert.notInclude(String(error), "canary")
      }).pipe(Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map([["K_KEY_ID", "k"], ["K_KEY", key], ["K_ALGORITHM", "ed25519"]]))
      ))
  )

  it.effect("reads a key in quotes, as a file of variables has it", () =>
    Effect.gen(function*() {
      const quoted = Redacted.make(`"${Redacted.value(credential.key).replaceAll("\n", "\\n")}"`)
      const { http } = yield* clientOf({ credential: { ...credential, key: quoted } })
      assert.strictEqual((yield* http.get("/")).status, 200)
    }))

  it.effect("is a layer, by itself and from Config", () =>
    Effect.gen(function*() {
      const transport = Layer.sync(HttpClient.HttpClient, () => ScriptedHttpClient.make({ body: "ok" }))
      const config = ConfigProvider.fromMap(
        new Map([["K_KEY_ID", "k"], ["K_KEY", Rfc.sharedSecret], ["K_ALGORITHM", "hmac-sha256"]])
      )
      for (
        const layer of [
          MessageSignature.layer({ baseUrl, credential }),
          MessageSignature.layerConfig({
            baseUrl: Config.succeed(baseUrl),
            credential: SigningCredential.messageSignatureConfig("K")
          }, { components: ["@method"] })
        ]
      ) {
        const response = yield* Effect.flatMap(
          AuthenticatedHttpClient.AuthenticatedHttpClient,
          (http) => http.get("/")
        ).pipe(Effect.provide(Layer.provide(layer, transport)), Effect.withConfigProvider(config))
        assert.strictEqual(response.status, 200)
      }
    }))
})
