import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as ResponseBody from "../src/ResponseBody.ts"

const request = HttpClientRequest.get("https://api.example/a")

const responseOf = (body: BodyInit | ArrayBuffer, headers: Record<string, string> = {}) =>
  HttpClientResponse.fromWeb(request, new Response(body, { status: 409, headers }))

const bytes = (length: number) => new Uint8Array(length)

/** A response whose body is this stream. */
const streaming = (stream: Stream.Stream<Uint8Array>): HttpClientResponse.HttpClientResponse =>
  Object.create(responseOf(""), { stream: { value: stream } })

describe("ResponseBody", () => {
  describe("discard", () => {
    it.effect("reads at most 64 kB", () =>
      Effect.gen(function*() {
        const read = yield* Ref.make(0)
        const response = responseOf("")
        const endless = Stream.tap(Stream.repeatValue(new Uint8Array(1024)), (chunk) =>
          Ref.update(read, (n) => n + chunk.length))
        yield* ResponseBody.discard(Object.create(response, { stream: { value: endless } }))
        assert.strictEqual(yield* Ref.get(read), 65_536)
      }))

    it.effect("ignores a body that was read already, and a transport that dies of that", () =>
      Effect.gen(function*() {
        const response = responseOf("text")
        yield* response.text
        yield* ResponseBody.discard(response)
        yield* ResponseBody.discard(
          Object.create(response, { stream: { value: Stream.dieMessage("a body is read once") } })
        )
      }))
  })

  describe("discard, of a body that never ends", () => {
    it.effect("gives up after a second", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(
          ResponseBody.discard(streaming(Stream.concat(Stream.make(bytes(39)), Stream.never)))
        )
        yield* TestClock.adjust("999 millis")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(fiber)
      }))

    it.effect("does not wait for a connection that cannot be given up", () =>
      Effect.gen(function*() {
        const stubborn = Stream.ensuring(Stream.never, Effect.never)
        const fiber = yield* Effect.fork(ResponseBody.discard(streaming(stubborn)))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
      }))
  })

  describe("bounded", () => {
    it.effect("can be read in any form and again, and reads the body once", () =>
      Effect.gen(function*() {
        const text = "{\"code\":2003}"
        const response = ResponseBody.bounded(responseOf(text, { "content-type": "application/json", "x-a": "1" }))
        assert.strictEqual(response.status, 409)
        assert.strictEqual(response.headers["x-a"], "1")
        assert.strictEqual(response.request, request)
        assert.strictEqual(yield* response.text, text)
        assert.deepStrictEqual(yield* response.json, { code: 2003 })
        assert.strictEqual((yield* response.arrayBuffer).byteLength, text.length)
        const streamed = yield* Stream.runCollect(Stream.decodeText(response.stream))
        assert.strictEqual(Chunk.join(streamed, ""), text)
      }))

    it.effect("reads a form and URL parameters", () =>
      Effect.gen(function*() {
        const form = new FormData()
        form.set("a", "1")
        const type = new Response(form).headers.get("content-type") ?? ""
        const body = yield* Effect.promise(() => new Response(form).arrayBuffer())
        const boundary = new TextDecoder().decode(body).split("\r\n")[0]?.slice(2) ?? ""
        const typed = type.replace(/boundary=.*/u, `boundary=${boundary}`)
        assert.strictEqual(
          (yield* ResponseBody.bounded(responseOf(body, { "content-type": typed })).formData).get("a"),
          "1"
        )
        assert.deepStrictEqual(Array.from(yield* ResponseBody.bounded(responseOf("a=1&b=2")).urlParamsBody), [[
          "a",
          "1"
        ], ["b", "2"]])
      }))

    it.effect("reads nothing where a fetch has null in the place of a body", () =>
      Effect.gen(function*() {
        const response = ResponseBody.bounded(HttpClientResponse.fromWeb(request, new Response(null, { status: 401 })))
        assert.strictEqual(yield* response.text, "")
        assert.strictEqual((yield* response.arrayBuffer).byteLength, 0)
      }))

    it.effect("reads a body of exactly the bound, and fails for one byte more, every time it is asked", () =>
      Effect.gen(function*() {
        const bounds = { ...ResponseBody.readingBounds, size: 1000 }
        const read = (size: number) =>
          ResponseBody.bounded(streaming(Stream.make(bytes(600), bytes(size - 600))), bounds).arrayBuffer
        assert.strictEqual((yield* read(1000)).byteLength, 1000)
        const long = ResponseBody.bounded(streaming(Stream.make(bytes(600), bytes(401))), bounds)
        for (const accessor of [long.text, long.json, long.arrayBuffer, Stream.runDrain(long.stream)]) {
          const error = yield* Effect.flip(accessor)
          assert.deepInclude(error, { _tag: "ResponseError", reason: "Decode" })
          assert.isTrue(ResponseBody.isBodyOutOfBounds(error.cause) && error.cause.reason === "TooLong")
          assert.include(error.message, "longer than 1000 bytes")
        }
      }))

    it.effect("holds no more of an endless body than the bound and one chunk", () =>
      Effect.gen(function*() {
        const pulled = yield* Ref.make(0)
        const endless = Stream.tap(Stream.repeatValue(bytes(65_536)), () => Ref.update(pulled, (n) => n + 1))
        yield* Effect.flip(ResponseBody.bounded(streaming(endless)).text)
        assert.isAtMost(yield* Ref.get(pulled), 17)
      }))

    it.effect("gives up on a body that does not end, and gives its stream up", () =>
      Effect.gen(function*() {
        const closed = yield* Ref.make(false)
        const slow = Stream.ensuring(
          Stream.schedule(Stream.repeatValue(bytes(1)), Schedule.spaced("1 second")),
          Ref.set(closed, true)
        )
        const fiber = yield* Effect.fork(Effect.flip(ResponseBody.bounded(streaming(slow)).text))
        yield* TestClock.adjust("10 seconds")
        const error = yield* Fiber.join(fiber)
        assert.isTrue(ResponseBody.isBodyOutOfBounds(error.cause) && error.cause.reason === "TooSlow")
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* Ref.get(closed))
      }))

    it.effect("reads nothing until it is asked, and again if its reader was interrupted", () =>
      Effect.gen(function*() {
        const pulled = yield* Ref.make(0)
        const body = Stream.tap(Stream.make(bytes(1)), () => Ref.update(pulled, (n) => n + 1))
        const response = ResponseBody.bounded(
          streaming(Stream.concat(body, Stream.fromEffect(Effect.as(Effect.sleep("1 second"), bytes(1)))))
        )
        assert.strictEqual(yield* Ref.get(pulled), 0)
        const reader = yield* Effect.fork(response.text)
        yield* TestClock.adjust("10 millis")
        yield* Fiber.interrupt(reader)
        const second = yield* Effect.fork(response.arrayBuffer)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(second)).byteLength, 2)
        assert.strictEqual(yield* Ref.get(pulled), 2)
      }))
  })
})
