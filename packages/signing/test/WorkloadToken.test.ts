import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as TestClock from "effect/TestClock"
import * as WorkloadToken from "../src/WorkloadToken.ts"

const jwt = (name: string, exp: number) =>
  ["{}", JSON.stringify({ name, exp, iat: 0 }), "canary"].map((part) => Encoding.encodeBase64Url(part)).join(".")

/** A client with the token of a file, and the file. */
const clientOf = (script: ScriptedHttpClient.Script, options: Partial<WorkloadToken.TokenOptions> = {}) =>
  Effect.gen(function*() {
    const file = { content: "", reads: 0 }
    const transport = ScriptedHttpClient.make(script)
    const files = FileSystem.makeNoop({
      readFileString: () =>
        Effect.sync(() => {
          file.reads++
          return file.content
        })
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

  it.scoped("reads the file at once when its token is refused, and sends the request again", () =>
    Effect.gen(function*() {
      const { file, http, sent } = yield* clientOf(
        ({ headers }) => ({ status: headers["authorization"] === "Bearer canary-old" ? 401 : 200 }),
        { lifetime: "1 hour" }
      )
      file.content = "canary-new"
      yield* http.get("/")
      file.content = "canary-old"
      yield* TestClock.adjust("2 hours")
      const fiber = yield* Effect.fork(Effect.zipRight(Effect.ignore(http.get("/")), http.get("/")))
      file.content = "canary-old"
      yield* Effect.yieldNow()
      file.content = "canary-new"
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* fiber).status, 200)
      assert.strictEqual(sent().at(-1), "Bearer canary-new")
    }))
})
