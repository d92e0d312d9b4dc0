import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash, createHmac } from "node:crypto"
import { inspect } from "node:util"
import * as Hmac from "../src/Hmac.ts"
import * as SigningCredential from "../src/SigningCredential.ts"

const baseUrl = "https://api.example/v1"

const key = "canary-key-for-hmac!"

const clientOf = (
  template: Hmac.Template,
  credential: Hmac.Credential["credential"] = { keyId: "id", key: Redacted.make(key) }
) => {
  const transport = ScriptedHttpClient.make({ body: "ok" })
  return Hmac.make({ baseUrl, credential, template }).pipe(
    Effect.provideService(HttpClient.HttpClient, transport),
    Effect.map((http) => ({ http, last: () => transport.unsafeRequests().at(-1) }))
  )
}

const mac = (
  text: string,
  encoding: "hex" | "base64" | "base64url" = "hex",
  algorithm = "sha256",
  secret: string | Buffer = key
) => createHmac(algorithm, secret).update(text).digest(encoding)

describe("Hmac", () => {
  it.effect("signs as payment services do: a time and the body in one header", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1000 seconds")
      const { http, last } = yield* clientOf({
        signed: ["timestamp", "body"],
        separator: ".",
        headers: { "X-Signature": [{ text: "t=" }, "timestamp", { text: ",v1=" }, "signature"] }
      })
      yield* http.post("/", { body: HttpBody.text("b\u00e4") })
      assert.strictEqual(last()?.headers["x-signature"], `t=1000,v1=${mac("1000.b\u00e4")}`)
    }))

  it.effect("signs as exchanges do: a key in Base64, and the request as it is sent", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1500 millis")
      const { http, last } = yield* clientOf({
        key: "base64",
        algorithm: "SHA-512",
        signed: ["timestamp", "method", "target", "body"],
        timestamp: "milliseconds",
        encoding: "base64",
        headers: { "x-key": ["keyId"], "x-time": ["timestamp"], "x-sign": ["signature"] }
      }, { keyId: "id", key: Redacted.make(Buffer.from(key).toString("base64")) })
      yield* http.post("/a b?z=1&y=%20", { urlParams: [["k", "v w"]], body: HttpBody.unsafeJson({ a: 1 }) })
      const { headers, url } = last() ?? assert.fail("nothing was sent")
      assert.strictEqual(headers["x-sign"], mac(`1500POST${url.pathname}${url.search}{"a":1}`, "base64", "sha512"))
      assert.deepStrictEqual([headers["x-key"], headers["x-time"]], ["id", "1500"])
    }))

  it.effect("signs the query that is sent, and adds to it what it writes", () =>
    Effect.gen(function*() {
      const { http, last } = yield* clientOf({
        signed: ["query"],
        query: { key: ["keyId"], signature: ["signature"] }
      })
      const cases: ReadonlyArray<readonly [string, ReadonlyArray<readonly [string, string]>]> = [
        ["/x?a=%20&b=+&flag", []],
        ["/x?a=%20", [["c", "d e"], ["f", "1"]]],
        ["/x", [["c", "d"]]],
        ["/x", []]
      ]
      for (const [url, urlParams] of cases) {
        yield* http.get(url, { urlParams })
        const sent = last()?.url.search.slice(1) ?? ""
        const [, signed = "", , signature] = /^((?:.*?&)??)(&?key=id)&signature=(\w+)$/u.exec(sent) ?? []
        assert.strictEqual(signature, mac(signed.replace(/&$/u, "")), sent)
      }
    }))

  it.effect("signs lines with the hash of the body, a header, a nonce and a date", () =>
    Effect.gen(function*() {
      const { http, last } = yield* clientOf({
        signed: [
          "method",
          "host",
          "path",
          { header: "Content-Type" },
          { header: "missing" },
          "bodyHash",
          "nonce",
          "timestamp",
          "url"
        ],
        separator: "\n",
        timestamp: "http-date",
        bodyHash: { algorithm: "MD5", encoding: "base64" },
        encoding: "base64url",
        headers: { "x-nonce": ["nonce"], authorization: [{ text: "HMAC " }, "keyId", { text: ":" }, "signature"] }
      })
      yield* http.put("/a", { body: HttpBody.text("body", "text/x") })
      const headers = last()?.headers ?? {}
      const lines = [
        "PUT",
        "api.example",
        "/v1/a",
        "text/x",
        "",
        createHash("md5").update("body").digest("base64"),
        headers["x-nonce"],
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "https://api.example/v1/a"
      ]
      assert.strictEqual(headers["authorization"], `HMAC id:${mac(lines.join("\n"), "base64url")}`)
      yield* http.put("/a", { body: HttpBody.text("body", "text/x") })
      assert.notStrictEqual(last()?.headers["x-nonce"], headers["x-nonce"])
    }))

  it.effect("says what stands in the way, and shows no key", () =>
    Effect.gen(function*() {
      const messageOf = (
        template: Hmac.Template,
        credential?: Hmac.Credential["credential"],
        body = HttpBody.empty as HttpBody.HttpBody
      ) =>
        Effect.gen(function*() {
          const { http } = yield* clientOf(template, credential)
          const error = yield* Effect.flip(http.post("/", { body }))
          assert.notInclude(inspect(error, { depth: 20 }), "canary")
          return error.message
        })
      const stream = HttpBody.stream(Stream.make(new Uint8Array(1)))
      assert.include(yield* messageOf({ signed: ["body"] }, undefined, stream), "not known before it is sent")
      assert.include(yield* messageOf({ signed: ["bodyHash"] }, undefined, stream), "not known before it is sent")
      assert.include(yield* messageOf({ signed: ["keyId"] }, { key: Redacted.make(key) }), "id of the key")
      assert.include(yield* messageOf({ signed: [], key: "hex" }), "not in hex")
    }))

  it.effect("reads its key from Config", () =>
    Effect.gen(function*() {
      const transport = ScriptedHttpClient.make({ body: "ok" })
      const layer = Hmac.layerConfig({
        baseUrl: Config.succeed(baseUrl),
        credential: SigningCredential.hmacConfig("K")
      }, { template: { signed: ["path"], headers: { "x-signature": ["signature"] } } })
      yield* Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get("/")).pipe(
        Effect.provide(layer),
        Effect.provideService(HttpClient.HttpClient, transport),
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["K_KEY", key]])))
      )
      assert.strictEqual(transport.unsafeRequests()[0]?.headers["x-signature"], mac("/v1/"))
    }))
})
