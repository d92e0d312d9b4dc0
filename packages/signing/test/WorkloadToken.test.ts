import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as WorkloadToken from "../src/WorkloadToken.ts"
import * as Files from "./files.ts"

const jwt = (name: string, exp: number) =>
  ["{}", JSON.stringify({ name, exp, iat: 0 }), "canary"].map((part) => Encoding.encodeBase64Url(part)).join(".")

/** A client with the token of a file, and the file. */
const clientOf = (script: ScriptedHttpClient.Script, options: Partial<WorkloadToken.TokenOptions> = {}) =>
  Effect.gen(function*() {
    const file = { content: "", reads: 0 }
    const transport = ScriptedHttpClient.make(script)
    const files = Files.make(() => {
      file.reads++
      return file.content
    })
    const http = yield* WorkloadToken.make({
      baseUrl: "https://acme.example",
      token: Effect.provideService(WorkloadToken.fromFile("/token"), FileSystem.FileSystem, files),
      ...options
    }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
    const sent = () => transport.unsafeRequests().map(({ headers }) => headers["authorization"])
    return { file, http, sent }
  })

describe("WorkloadToken", () => {
  it.scoped("reads a file anew after a minute, without its line end", () =>
    Effect.gen(function*() {
      const { file, http, sent } = yield* clientOf({ body: "ok" })
      file.content = "canary-1\n"
      yield* http.get("/")
      file.content = "canary-2\n"
      yield* http.get("/")
      yield* TestClock.adjust("2 minutes")
      yield* http.get("/")
      assert.deepStrictEqual(sent(), ["Bearer canary-1", "Bearer canary-1", "Bearer canary-2"])
      assert.strictEqual(file.reads, 2)
    }))

  it.scoped("keeps a JWT for as long as it says", () =>
    Effect.gen(function*() {
      const { file, http, sent } = yield* clientOf({ body: "ok" })
      file.content = jwt("one", 3600)
      yield* http.get("/")
      file.content = jwt("two", 7200)
      yield* TestClock.adjust("30 minutes")
      yield* http.get("/")
      yield* TestClock.adjust("31 minutes")
      yield* http.get("/")
      assert.deepStrictEqual(new Set(sent()), new Set([`Bearer ${jwt("one", 3600)}`, `Bearer ${jwt("two", 7200)}`]))
      assert.strictEqual(sent()[1], `Bearer ${jwt("one", 3600)}`)
    }))

  it.scoped("reads the file at once when its token is refused, as one is that was read half-written, and sends the request again", () =>
    Effect.gen(function*() {
      const { file, http, sent } = yield* clientOf(
        ({ headers }) => {
          const isWhole = headers["authorization"] === "Bearer canary-whole"
          file.content = "canary-whole"
          return { status: isWhole ? 200 : 401 }
        },
        { lifetime: "1 hour" }
      )
      file.content = "canary-wh"
      assert.strictEqual((yield* http.get("/")).status, 200)
      assert.deepStrictEqual(sent(), ["Bearer canary-wh", "Bearer canary-whole"])
    }))

  it.scoped("waits for a file that is empty while it is replaced", () =>
    Effect.gen(function*() {
      const { file, http, sent } = yield* clientOf({ body: "ok" })
      const request = yield* Effect.fork(http.get("/"))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(sent(), [])
      file.content = "canary-whole"
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* request).status, 200)
    }))

  it.effect("says what is wrong with a file, without its content", () =>
    Effect.gen(function*() {
      const problemOf = (content: string | undefined) =>
        WorkloadToken.fromFile("/token").pipe(
          Effect.provideService(FileSystem.FileSystem, Files.make(() => content)),
          Effect.flip,
          Effect.map(({ message }) => message)
        )
      assert.include(yield* problemOf(undefined), "/token cannot be read: NotFound")
      assert.include(yield* problemOf(" \n"), "/token is empty")
      const long = yield* problemOf("canary".repeat(100_000))
      assert.include(long, "/token is longer than a secret")
      assert.notInclude(long, "canary")
    }))

  it.live("reads no device without an end", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(WorkloadToken.fromFile("/dev/zero"))
      assert.include(error.message, "longer than a secret")
    }).pipe(Effect.provide(NodeContext.layer)))

  it.effect("waits ten seconds for a file, such as a pipe that nobody writes into, also where it cannot be interrupted", () =>
    Effect.gen(function*() {
      const opening: Stream.Stream<Uint8Array> = Stream.unwrap(Effect.uninterruptible(Effect.never))
      const fiber = yield* WorkloadToken.fromFile("/token").pipe(
        Effect.provideService(FileSystem.FileSystem, FileSystem.makeNoop({ stream: () => opening })),
        Effect.flip,
        Effect.fork
      )
      yield* TestClock.adjust("10 seconds")
      assert.include((yield* Fiber.join(fiber)).message, "/token cannot be read within 10s")
    }))

  describe("of an endpoint", () => {
    const asked = (options: Parameters<typeof WorkloadToken.fromEndpoint>[0], script: ScriptedHttpClient.Script) =>
      Effect.gen(function*() {
        const transport = ScriptedHttpClient.make(script)
        const result = yield* Effect.either(
          Effect.provideService(WorkloadToken.fromEndpoint(options), HttpClient.HttpClient, transport)
        )
        return { result: Either.mapBoth(result, { onLeft: String, onRight: Redacted.value }), transport }
      })

    it.effect("is not waited for longer than ten seconds", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(asked({ url: "http://169.254.169.254/token" }, Effect.never))
        yield* TestClock.adjust("10 seconds")
        assert.include(String((yield* fiber).result), "the endpoint did not answer within 10s")
      }))

    it.effect("is its text, or a member of its JSON, asked for with what it wants", () =>
      Effect.gen(function*() {
        const text = yield* asked({
          url: "http://metadata.google.internal/identity?audience=acme",
          headers: { "metadata-flavor": "Google" }
        }, { body: "canary-token\n" })
        assert.deepStrictEqual(text.result, Either.right("canary-token"))
        assert.strictEqual(text.transport.unsafeRequests()[0]?.headers["metadata-flavor"], "Google")
        const json = yield* asked({
          url: "https://ci.example/token?api=1&audience=acme",
          bearer: Redacted.make("canary-request"),
          member: "value"
        }, { json: { count: 1, value: "canary-token" } })
        assert.deepStrictEqual(json.result, Either.right("canary-token"))
        assert.strictEqual(json.transport.unsafeRequests()[0]?.headers["authorization"], "Bearer canary-request")
      }))

    it.effect("says what is wrong with an answer, quotes nothing of it, and sends nothing in the clear to another machine", () =>
      Effect.gen(function*() {
        const bearer = Redacted.make("canary-request")
        const cases: ReadonlyArray<readonly [string, ScriptedHttpClient.Reply, string, requests: number]> = [
          ["https://ci.example/", { json: { other: "canary-other" } }, "the JSON lacks what is needed", 1],
          ["https://ci.example/", { body: "canary" }, "not JSON", 1],
          ["https://ci.example/", { status: 403, body: "canary" }, "HTTP 403", 1],
          ["https://ci.example/", { status: 404, body: "canary" }, "HTTP 404", 1],
          ["http://ci.example/", {}, "over http", 0],
          ["/relative", {}, "not an absolute URL", 0]
        ]
        for (const [url, reply, expected, requests] of cases) {
          const { result, transport } = yield* asked({ url, bearer, member: "value" }, reply)
          const message = Either.isLeft(result) ? result.left : "taken"
          assert.include(message, expected)
          assert.notInclude(message, "canary")
          assert.lengthOf(transport.unsafeRequests(), requests)
        }
      }))
  })

  it.live(
    "is that of a command, which gets no input and is ended, whether it wants to or not",
    () =>
      Effect.gen(function*() {
        const sh = (script: string, timeout: DurationWithUnit = "1 minute") =>
          WorkloadToken.fromCommand({ command: ["/bin/sh", "-c", script], allow: ["/bin/sh"], timeout }).pipe(
            Effect.match({ onFailure: String, onSuccess: Redacted.value })
          )
        assert.strictEqual(yield* sh("cat; echo canary-token"), "canary-token")
        assert.include(yield* sh("trap '' TERM; exec sleep 60", "100 millis"), "took longer than 100ms")
        assert.include(yield* sh("yes canary | head -c 100000"), "printed more than a secret")
      }).pipe(Effect.provide(NodeContext.layer)),
    30_000
  )
})
