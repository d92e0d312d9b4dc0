import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { inspect } from "node:util"
import { untilDone } from "../../testing/test/untilDone.ts"
import * as SigningCredential from "../src/SigningCredential.ts"
import * as SigV4 from "../src/SigV4.ts"
import * as AwsServer from "./awsServer.ts"

const baseUrl = "https://service.eu-central-1.amazonaws.com"

const key = (name = "1") => ({
  accessKeyId: `AKID${name}`,
  secretAccessKey: Redacted.make(`canary-secret-${name}`)
})

const settings = { baseUrl, region: "eu-central-1", service: "service" }

const clientOf = <R = never>(
  script: ScriptedHttpClient.Script,
  options: Partial<SigV4.Options> & Partial<SigV4.Credential<R>> = {}
) => {
  const transport = ScriptedHttpClient.make(script)
  return SigV4.make<SigV4.Options, R>({ credential: key(), ...settings, ...options }).pipe(
    Effect.provideService(HttpClient.HttpClient, transport),
    Effect.map((http) => ({ http, transport }))
  )
}

const xml = (status: number, code: string, headers: Readonly<Record<string, string>> = {}) => ({
  status,
  headers,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>The request is refused.</Message></Error>`
})

describe("SigV4", () => {
  it.scoped("signs the request as it is sent: its path, its parameters in any order, its body, and the caller's headers", () =>
    Effect.gen(function*() {
      const server = AwsServer.make()
      const { http } = yield* clientOf(server.handler, { baseUrl: `${baseUrl}/stage one` })
      yield* http.get("/b:c/\u00e4/x//y?z=1&a=%20&a=+&&flag#fragment", { urlParams: [["k", "v w+\u00e4"], ["a", "0"]] })
      yield* http.get("relative?b=2&a=1")
      yield* http.post("/", {
        body: HttpBody.unsafeJson({ a: "\u00e4" }),
        headers: { "x-amz-target": "Do.It", accept: " a   b " }
      })
      yield* http.put("/", { body: HttpBody.uint8Array(new Uint8Array(100_000).fill(7)) })
      yield* http.del("/")
      assert.deepStrictEqual(server.refusals, [])
    }))

  it.scoped("signs for S3 by its rules: the path once, and the hash of the body in a header", () =>
    Effect.gen(function*() {
      const server = AwsServer.make({ service: "s3" })
      const { http, transport } = yield* clientOf(server.handler, { service: "s3" })
      yield* http.put("/bucket/a b//c/\u00e4+(1)$&?x-id=PutObject&acl", { body: HttpBody.text("body") })
      yield* http.post("/bucket", { body: HttpBody.stream(Stream.make(new TextEncoder().encode("body"))) })
      assert.deepStrictEqual(server.refusals, [])
      const [first, second] = transport.unsafeRequests()
      assert.strictEqual(first?.headers["x-amz-content-sha256"], createHash("sha256").update("body").digest("hex"))
      assert.strictEqual(second?.headers["x-amz-content-sha256"], "UNSIGNED-PAYLOAD")
    }))

  it.scoped("signs each chunk of a stream that goes to S3 in the clear, or where it has to cover it", () =>
    Effect.gen(function*() {
      const text = "0123456789".repeat(20_000)
      const parts = [text.slice(0, 7), text.slice(7, 70_000), "", text.slice(70_000)]
      const body = HttpBody.stream(
        Stream.map(Stream.fromIterable(parts), (part) => new TextEncoder().encode(part)),
        "text/plain",
        text.length
      )
      for (const options of [{ payload: "signed" }, { baseUrl: "http://127.0.0.1:9000" }] as const) {
        const server = AwsServer.make({ service: "s3" })
        const { http, transport } = yield* clientOf(server.handler, { service: "s3", ...options })
        const response = yield* http.put("/bucket/key", { body, headers: { "content-encoding": "br" } })
        assert.strictEqual(yield* response.text, text)
        assert.deepStrictEqual(server.refusals, [])
        const [sent] = transport.unsafeRequests()
        assert.strictEqual(sent?.headers["content-encoding"], "aws-chunked,br")
        assert.strictEqual(Number(sent?.headers["content-length"]), sent?.body.length)
        assert.include(sent?.headers["authorization"], "x-amz-decoded-content-length")
      }
    }))

  it.scoped("fails for a body that it cannot cover, and leaves it out where it is told to", () =>
    Effect.gen(function*() {
      const body = HttpBody.stream(Stream.make(new Uint8Array(1)))
      const failing: ReadonlyArray<Partial<SigV4.Options>> = [
        {},
        { service: "s3", payload: "signed" },
        { service: "s3", baseUrl: "http://127.0.0.1:9000" }
      ]
      for (const options of failing) {
        const { http, transport } = yield* clientOf({ body: "ok" }, options)
        const error = yield* Effect.flip(http.post("/", { body }))
        assert.strictEqual(error._tag, "CredentialUnavailable")
        assert.include(error.message, "unsigned")
        assert.lengthOf(transport.unsafeRequests(), 0)
      }
      const server = AwsServer.make()
      const { http } = yield* clientOf(server.handler, { payload: "unsigned" })
      yield* http.post("/", { body })
      assert.deepStrictEqual(server.refusals, [])
    }))

  it.scoped("signs each hop of a redirect for its own host and path, and none beyond the client's origins", () =>
    Effect.gen(function*() {
      const server = AwsServer.make()
      const other = "https://other.eu-central-1.amazonaws.com"
      const { http, transport } = yield* clientOf((request, earlier) => {
        const to = ["/two?b=%20&a=1", `${other}/three`, "https://elsewhere.example/"][earlier.length]
        const { status = 200 } = request.url.hostname === "elsewhere.example" ? { status: 200 } : server.check(request)
        return status === 200 && to !== undefined ? { status: 307, headers: { location: to } } : { status }
      }, { origins: [other], redirects: 5 })
      const response = yield* http.post("/one", { body: HttpBody.text("body") })
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(server.refusals, [])
      const last = transport.unsafeRequests().at(-1)
      assert.strictEqual(last?.url.href, "https://elsewhere.example/")
      assert.deepStrictEqual(Object.keys(last?.headers ?? {}).filter((name) => /^x-amz|authorization/u.test(name)), [])
    }))

  it.scoped("signs by the server's clock after the server has refused its own", () =>
    Effect.gen(function*() {
      const server = AwsServer.make({ ahead: 3_600_000 })
      const { http, transport } = yield* clientOf(server.handler)
      yield* TestClock.adjust("1 day")
      assert.strictEqual((yield* http.get("/")).status, 200)
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* http.get("/")).status, 200)
      assert.lengthOf(transport.unsafeRequests(), 3)
      server.moveClock(-7_200_000)
      assert.strictEqual((yield* http.get("/")).status, 200)
      assert.lengthOf(transport.unsafeRequests(), 5)
    }))

  it.scoped("judges each request by its own time: every one that the server's clock refused is sent once more, whatever others learned", () =>
    Effect.gen(function*() {
      const server = AwsServer.make({ ahead: 3_600_000 })
      const { http, transport } = yield* clientOf((request) => ({ ...server.check(request), after: "1 second" }))
      yield* TestClock.adjust("1 day")
      const many = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 8 }), () => http.get("/"), { concurrency: "unbounded" })
      )
      assert.deepStrictEqual(new Set((yield* untilDone(many)).map(({ status }) => status)), new Set([200]))
      assert.lengthOf(transport.unsafeRequests(), 16)
    }))

  it.scoped("takes a long upload for no wrong clock", () =>
    Effect.gen(function*() {
      const { http, transport } = yield* clientOf({
        ...xml(403, "AccessDenied", { date: new Date(600_000).toUTCString() }),
        after: "10 minutes"
      })
      const upload = yield* Effect.fork(http.put("/", { body: HttpBody.text("long") }))
      assert.strictEqual((yield* untilDone(upload, "1 minute")).status, 403)
      assert.lengthOf(transport.unsafeRequests(), 1)
    }))

  it.scoped("keeps the clocks of several servers apart", () =>
    Effect.gen(function*() {
      const other = "https://other.eu-central-1.amazonaws.com"
      const [early, late] = [AwsServer.make({ ahead: -3_600_000 }), AwsServer.make({ ahead: 3_600_000 })]
      const { http, transport } = yield* clientOf(
        (request) => (request.url.origin === other ? late : early).check(request),
        { origins: [other] }
      )
      yield* TestClock.adjust("1 day")
      for (const url of ["/", `${other}/`, "/", `${other}/`]) assert.strictEqual((yield* http.get(url)).status, 200)
      assert.lengthOf(transport.unsafeRequests(), 6)
    }))

  it.scoped("believes no date of a cache, and tries no more than once", () =>
    Effect.gen(function*() {
      yield* TestClock.adjust("1 day")
      const late = { date: "Thu, 01 Jan 1970 00:00:00 GMT" }
      const { http, transport } = yield* clientOf(() => xml(403, "AccessDenied", { ...late, age: "86400" }))
      assert.strictEqual((yield* http.get("/")).status, 403)
      assert.lengthOf(transport.unsafeRequests(), 1)
      const stubborn = yield* clientOf(() => xml(403, "RequestTimeTooSkewed", late))
      assert.strictEqual((yield* stubborn.http.get("/")).status, 403)
      assert.lengthOf(stubborn.transport.unsafeRequests(), 2)
    }))

  it.scoped("hands out a lack of permission as it is, and fails for a key that is refused, with the service's words", () =>
    Effect.gen(function*() {
      const { http } = yield* clientOf([
        xml(403, "AccessDenied"),
        xml(403, "SignatureDoesNotMatch"),
        {
          status: 400,
          json: { __type: "com.amazon.coral.service#UnrecognizedClientException", message: "Unknown key" }
        },
        { status: 403, headers: { "x-amzn-errortype": "InvalidSignatureException:http://x/" }, json: { message: "No" } }
      ])
      const forbidden = yield* http.get("/")
      assert.include(yield* forbidden.text, "AccessDenied")
      for (const code of ["SignatureDoesNotMatch", "UnrecognizedClientException", "InvalidSignatureException"]) {
        const error = yield* Effect.flip(http.get("/"))
        assert.strictEqual(error._tag, "CredentialsRejected")
        assert.include(error.message, code)
        assert.notInclude(inspect(error, { depth: 20 }), "canary")
      }
    }))

  it.scoped("reads a key once for many requests, again before it expires, and at once when it is refused", () =>
    Effect.gen(function*() {
      const server = AwsServer.make({ requiresToken: true })
      const count = yield* Ref.make(0)
      const read = Effect.gen(function*() {
        const name = String(yield* Ref.updateAndGet(count, (n) => n + 1))
        const expiresAt = DateTime.add(yield* DateTime.now, { hours: 1 })
        return { ...key(name), sessionToken: Redacted.make(`canary-session-${name}`), expiresAt }
      })
      const { http } = yield* clientOf(server.handler, { credential: read })
      const call = Effect.map(http.get("/"), ({ status }) => status)
      const many = yield* Effect.all(Array.from({ length: 20 }, () => call), { concurrency: "unbounded" })
      assert.deepStrictEqual(new Set(many), new Set([200]))
      assert.strictEqual(yield* Ref.get(count), 1)
      yield* TestClock.adjust("3590 seconds")
      yield* call
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* call, 200)
      assert.strictEqual(yield* Ref.get(count), 2)
      server.expire("AKID2")
      assert.strictEqual(yield* call, 200)
      assert.strictEqual(yield* Ref.get(count), 3)
      assert.deepStrictEqual(server.refusals, ["ExpiredToken"])
    }))

  it.scoped("says what is wrong with a key that cannot be used", () =>
    Effect.gen(function*() {
      const expired = Effect.succeed({ ...key(), expiresAt: DateTime.unsafeMake(0) })
      const messageOf = (credential: SigV4.Credential["credential"]) =>
        Effect.gen(function*() {
          const { http } = yield* clientOf({ body: "ok" }, { credential })
          const fiber = yield* Effect.fork(Effect.flip(http.get("/")))
          return (yield* untilDone(fiber, "1 second")).message
        })
      assert.include(yield* messageOf(expired), "the key has expired")
      assert.include(yield* messageOf(Effect.succeed({ ...key(), accessKeyId: "a/b" })), "accessKeyId")
      const unavailable = new CredentialUnavailable({ mode: "SigV4", problem: "no key is set", final: true })
      assert.include(yield* messageOf(unavailable), "no key is set")
      assert.strictEqual(Either.isLeft(yield* Effect.either(clientOf({}, { region: "eu/1" }))), true)
    }))

  it.effect("is a layer, by itself and from Config", () =>
    Effect.gen(function*() {
      class Reports extends Context.Tag("test/Reports")<Reports, AuthenticatedHttpClient.Service>() {}
      const server = AwsServer.make()
      const transport = Layer.sync(HttpClient.HttpClient, () => ScriptedHttpClient.make(server.handler))
      const layers = [
        SigV4.layer({ client: Reports, ...settings, credential: key() }),
        SigV4.layer({ client: Reports, ...settings, credential: Effect.succeed(key()) }),
        SigV4.layerConfig({
          baseUrl: Config.succeed(baseUrl),
          region: Config.string("AWS_REGION"),
          service: Config.succeed("service"),
          credential: SigningCredential.sigV4Config("AWS")
        }, { client: Reports })
      ]
      const config = ConfigProvider.fromMap(
        new Map([
          ["AWS_REGION", "eu-central-1"],
          ["AWS_ACCESS_KEY_ID", "AKID1"],
          ["AWS_SECRET_ACCESS_KEY", "canary-secret-1"],
          ["AWS_SESSION_TOKEN", ""]
        ])
      )
      for (const layer of layers) {
        const response = yield* Effect.flatMap(Reports, (reports) => reports.get("/")).pipe(
          Effect.provide(Layer.provide(layer, transport)),
          Effect.withConfigProvider(config)
        )
        assert.strictEqual(response.status, 200)
      }
    }))

  describe("presign", () => {
    const options = { url: `${baseUrl}/a b/\u00e4?x=1&a=%20`, expiresIn: "1 hour", ...settings } as const

    it.effect("makes a URL that the service takes until it expires, with and without a session token", () =>
      Effect.gen(function*() {
        for (const service of ["s3", "service"]) {
          for (const sessionToken of [undefined, Redacted.make("canary+session/token==")]) {
            const server = AwsServer.make({ service })
            const credential = sessionToken === undefined ? key() : { ...key(), sessionToken }
            const url = yield* SigV4.presign({ ...options, service, credential })
            const http = ScriptedHttpClient.make(server.handler)
            assert.strictEqual((yield* http.get(Redacted.value(url))).status, 200)
            yield* TestClock.adjust("1 hour")
            assert.strictEqual((yield* http.get(Redacted.value(url))).status, 403)
            assert.notInclude(String(url), "Signature")
          }
        }
      }))

    it.effect("refuses what cannot be signed", () =>
      Effect.gen(function*() {
        const problemOf = (change: Partial<Parameters<typeof SigV4.presign>[0]>) =>
          Effect.map(Effect.flip(SigV4.presign({ ...options, credential: key(), ...change })), ({ message }) => message)
        assert.include(yield* problemOf({ expiresIn: "8 days" }), "expiresIn")
        assert.include(yield* problemOf({ expiresIn: "0 seconds" }), "expiresIn")
        assert.include(yield* problemOf({ url: "/relative" }), "url")
        assert.include(yield* problemOf({ service: "a/b" }), "service")
        assert.include(
          yield* problemOf({ credential: { ...key(), expiresAt: DateTime.unsafeMake(0) } }),
          "the key has expired"
        )
      }))
  })
})
