/** Signatures over what arrives on a socket, on three transports; those of AWS are made once more by botocore. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import { fileURLToPath } from "node:url"
import * as Digest from "../src/Digest.ts"
import * as MessageSignature from "../src/MessageSignature.ts"
import * as SigV4 from "../src/SigV4.ts"
import * as AwsServer from "../test/awsServer.ts"
import * as Rfc from "../test/fixtures/rfc9421.ts"
import * as RawServer from "./fixtures/rawServer.ts"

const transports = {
  "fetch": FetchHttpClient.layer,
  "node:http": NodeHttpClient.layer,
  "undici": NodeHttpClient.layerUndici
}

const key = {
  accessKeyId: "AKID",
  secretAccessKey: Redacted.make("canary-secret"),
  sessionToken: Redacted.make("canary+/=")
}

const hasBotocore = ChildProcess.spawnSync("python3", ["-c", "import botocore"]).status === 0

/** What botocore signs the requests with. */
const signatures = (arrived: ReadonlyArray<RawServer.Arrived>, service: string): Array<string | undefined> =>
  ChildProcess.execFileSync("python3", [fileURLToPath(new URL("fixtures/sign_with_botocore.py", import.meta.url))], {
    input: arrived.map(({ body, headers, ...request }) =>
      JSON.stringify({
        ...request,
        headers,
        body: /^(?:UNSIGNED|STREAMING)-/u.test(headers["x-amz-content-sha256"] ?? "") ? "" : body.toString("hex"),
        signed: /SignedHeaders=([^,]+)/u.exec(headers["authorization"] ?? "")?.[1]?.split(";"),
        service,
        region: "eu-central-1",
        id: key.accessKeyId,
        secret: Redacted.value(key.secretAccessKey),
        token: Redacted.value(key.sessionToken)
      })
    ).join("\n")
  }).toString().trim().split("\n")

/** Paths, parameters, bodies, a redirect: what a signature may be over the wrong one of. */
const requests = (http: HttpClient.HttpClient.With<unknown>) =>
  Effect.gen(function*() {
    yield* http.get("relative/a b/\u00e4:(1)$&'!?z=1&b=%20(2)*&a&b=%2B~'!#fragment")
    yield* http.get("/abs//double/./x?z=1", {
      urlParams: [["y", "\u00e4 /?"], ["a", "1"]],
      headers: { "x-amz-meta-a": " b   c " }
    })
    yield* http.post("/json", { body: HttpBody.unsafeJson({ a: "\u00e4" }) })
    yield* http.put("/bytes", { body: HttpBody.uint8Array(new Uint8Array(50_000).fill(1)) })
    yield* http.post("/form", { body: HttpBody.urlParams([["a", "b c"]]) })
    yield* http.del("/gone%2Fslash/%7E")
    yield* http.post("/redirect", { body: HttpBody.text("again") })
  })

const answer = ({ path }: RawServer.Arrived) =>
  path.endsWith("/redirect")
    ? "HTTP/1.1 307 Temporary Redirect\r\nlocation: /landed%20on?q=%C3%A4&a=1"
    : "HTTP/1.1 200 OK"

describe("what arrives on a socket", () => {
  for (const [name, transport] of Object.entries(transports)) {
    for (const service of ["s3", "execute-api"]) {
      it.scopedLive.skipIf(!hasBotocore)(
        `is signed for ${service} over ${name} as botocore signs it`,
        () =>
          Effect.gen(function*() {
            const { arrived, origin } = yield* RawServer.make(answer)
            const http = yield* SigV4.make({
              baseUrl: `${origin}/base path`,
              redirects: 3,
              region: "eu-central-1",
              service,
              credential: key
            })
            yield* requests(http)
            if (service === "s3") {
              const unsigned = yield* SigV4.make({
                baseUrl: origin,
                region: "eu-central-1",
                service,
                payload: "unsigned",
                credential: key
              })
              yield* unsigned.put("/stream", { body: HttpBody.stream(Stream.make(new Uint8Array(9))) })
            }
            assert.lengthOf(arrived, service === "s3" ? 9 : 8)
            assert.deepStrictEqual(
              arrived.map(({ headers }) => /Signature=(\w+)/u.exec(headers["authorization"] ?? "")?.[1]),
              [...signatures(arrived, service)]
            )
          }).pipe(Effect.provide(transport))
      )
    }

    it.scopedLive(`has a signature in each chunk of a stream that goes to S3 in the clear over ${name}`, () =>
      Effect.gen(function*() {
        const { arrived, origin } = yield* RawServer.make(answer)
        const http = yield* SigV4.make({ baseUrl: origin, region: "eu-central-1", service: "s3", credential: key })
        const text = "0123456789".repeat(20_000)
        const parts = Array.from({ length: 20 }, (_, index) => text.slice(index * 10_000, (index + 1) * 10_000))
        const stream = Stream.map(Stream.fromIterable(parts), (part) => new TextEncoder().encode(part))
        yield* http.put("/bucket/key", { body: HttpBody.stream(stream, "text/plain", text.length) })
        const [request] = arrived
        const { authorization = "", "x-amz-date": time = "" } = request?.headers ?? {}
        const [, scope = ""] = /Credential=AKID\/([^,]+)/u.exec(authorization) ?? []
        const [, seed = ""] = /Signature=(\w+)/u.exec(authorization) ?? []
        if (hasBotocore) assert.deepStrictEqual(signatures(arrived, "s3"), [seed])
        const hmac = (key: string | Buffer, text: string) => Crypto.createHmac("sha256", key).update(text).digest()
        const h = (text: string) => Crypto.createHash("sha256").update(text).digest("hex")
        const signingKey = scope.split("/").reduce<string | Buffer>(
          (key, part) => hmac(key, part),
          `AWS4${Redacted.value(key.secretAccessKey)}`
        )
        const decoded = AwsServer.decoded(request?.body.toString() ?? "", (chunk, previous) =>
          hmac(
            signingKey,
            ["AWS4-HMAC-SHA256-PAYLOAD", time, scope, previous, h(""), h(chunk)].join("\n")
          ).toString("hex"), seed)
        assert.strictEqual(decoded, text)
        assert.strictEqual(request?.headers["x-amz-decoded-content-length"], String(text.length))
      }).pipe(Effect.provide(transport)))

    it.scopedLive(`is what Digest answers for over ${name}`, () =>
      Effect.gen(function*() {
        const { arrived, origin } = yield* RawServer.make(({ headers, ...arrived }) =>
          headers["authorization"] === undefined
            ? "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\", algorithm=SHA-256"
            : answer({ ...arrived, headers })
        )
        const http = yield* Digest.make({
          baseUrl: `${origin}/base path`,
          redirects: 3,
          credential: { username: "u", password: Redacted.make("canary-password") }
        })
        yield* requests(http)
        const h = (data: string | Buffer) => Crypto.createHash("sha256").update(data).digest("hex")
        const counts = arrived.slice(1).map(({ body, headers, method, path, query }) => {
          const field = (name: string) =>
            new RegExp(`[ ,]${name}="?([^",]*)`, "u").exec(headers["authorization"] ?? "")?.[1]
          const uri = query === "" ? path : `${path}?${query}`
          const a2 = h(`${method}:${uri}:${h(body)}`)
          const expected = h(`${h("u:r:canary-password")}:n:${field("nc")}:${field("cnonce")}:auth-int:${a2}`)
          assert.deepStrictEqual([field("uri"), field("response")], [uri, expected])
          return field("nc")
        })
        assert.deepStrictEqual(counts, counts.map((_, index) => (index + 1).toString(16).padStart(8, "0")))
      }).pipe(Effect.provide(transport)))

    it.scopedLive(`is what a message signature covers over ${name}`, () =>
      Effect.gen(function*() {
        const { arrived, origin } = yield* RawServer.make(answer)
        const http = yield* MessageSignature.make({
          baseUrl: `${origin}/base path`,
          redirects: 3,
          components: ["@method", "@authority", "@path", "@query", "content-digest"],
          credential: { keyId: "k", algorithm: "ed25519", key: Redacted.make(Rfc.ed25519) }
        })
        yield* requests(http)
        assert.lengthOf(arrived, 8)
        for (const { body, headers, method, path, query } of arrived) {
          const digest = `sha-256=:${Crypto.createHash("sha256").update(body).digest("base64")}:`
          const base = [
            `"@method": ${method}`,
            `"@authority": ${headers["host"]}`,
            `"@path": ${path}`,
            `"@query": ?${query}`,
            `"content-digest": ${digest}`,
            `"@signature-params": ${headers["signature-input"]?.replace(/^sig=/u, "")}`
          ].join("\n")
          const signature = Buffer.from(headers["signature"]?.slice("sig=:".length, -1) ?? "", "base64")
          assert.isTrue(Crypto.verify(null, Buffer.from(base), Rfc.publicKeys.ed25519, signature), `${method} ${path}`)
        }
      }).pipe(Effect.provide(transport)))
  }
})
