import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { peek } from "../../src/internal/peek.ts"
import { isBodyOutOfBounds } from "../../src/ResponseBody.ts"

const bounds = { size: 10, time: Duration.seconds(10) }
const request = HttpClientRequest.get("https://api.example/a")
const head = HttpClientResponse.fromWeb(request, new Response(null, { status: 200, headers: { "x-a": "1" } }))

/** A response of these chunks, how many of them were read, and whether its connection was given up or has ended. */
const responseOf = (chunks: Stream.Stream<string, HttpClientError.ResponseError>) =>
  Effect.gen(function*() {
    const pulled = yield* Ref.make(0)
    const closed = yield* Ref.make(false)
    const stream = chunks.pipe(
      Stream.rechunk(1),
      Stream.tap(() => Ref.update(pulled, (n) => n + 1)),
      Stream.encodeText,
      Stream.ensuring(Ref.set(closed, true))
    )
    const response: HttpClientResponse.HttpClientResponse = Object.create(head, { stream: { value: stream } })
    return { response, pulled: Ref.get(pulled), closed: Ref.get(closed) }
  })

describe("Peeking at a body", () => {
  it.effect("fails as any reading does where the transport has a defect, and logs no word of it", () =>
    Effect.gen(function*() {
      const detector = yield* LeakDetector.make({ words: "canary-words-of-a-body" })
      const { response } = yield* responseOf(Stream.dieMessage("canary-words-of-a-body"))
      const { exit, leaks } = yield* detector.watch(Effect.flip(peek(response, bounds)))
      assert.isTrue(Exit.isSuccess(exit) && exit.value.reason === "Decode")
      assert.deepStrictEqual(leaks, [])
    }))

  it.effect("reads one that is short, and leaves it to be read in any form and again", () =>
    Effect.gen(function*() {
      const { closed, response } = yield* responseOf(Stream.make("{\"a\":", "12345}"))
      const peeked = yield* peek(response, { ...bounds, size: 11 })
      assert.deepStrictEqual(peeked.whole, Option.some("{\"a\":12345}"))
      yield* Effect.yieldNow()
      assert.isTrue(yield* closed)
      assert.strictEqual(peeked.response.headers["x-a"], "1")
      assert.deepStrictEqual(yield* peeked.response.json, { a: 12345 })
      assert.strictEqual(yield* peeked.response.text, "{\"a\":12345}")
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(peeked.response.stream)), "{\"a\":12345}")
    }))

  it.effect("reads no more of a long one than shows that it is long; its caller reads it whole", () =>
    Effect.gen(function*() {
      for (const accessor of ["text", "stream"] as const) {
        const { closed, pulled, response } = yield* responseOf(Stream.make("12345", "67890", "1", "2", "3"))
        const peeked = yield* peek(response, bounds)
        assert.isTrue(Option.isNone(peeked.whole))
        assert.strictEqual(yield* pulled, 3)
        assert.isFalse(yield* closed)
        const text = accessor === "text"
          ? yield* peeked.response.text
          : yield* Stream.mkString(Stream.decodeText(peeked.response.stream))
        assert.strictEqual(text, "1234567890123")
        assert.isTrue(yield* closed)
      }
    }))

  it.effect("gives the connection of a long one up when its reader stops", () =>
    Effect.gen(function*() {
      const { closed, pulled, response } = yield* responseOf(Stream.repeatValue("123456"))
      const peeked = yield* peek(response, bounds)
      yield* Stream.runDrain(Stream.take(peeked.response.stream, 3))
      assert.isTrue(yield* closed)
      assert.strictEqual(yield* pulled, 3)
    }))

  it.effect("fails with what the connection fails with", () =>
    Effect.gen(function*() {
      const lost = new HttpClientError.ResponseError({ request, response: head, reason: "Decode" })
      const { closed, response } = yield* responseOf(Stream.concat(Stream.make("1"), Stream.fail(lost)))
      assert.strictEqual(yield* Effect.flip(peek(response, bounds)), lost)
      yield* Effect.yieldNow()
      assert.isTrue(yield* closed)
    }))

  it.effect("gives up one that neither ends nor gets long in time, and one whose reader is interrupted", () =>
    Effect.gen(function*() {
      for (const interrupt of [false, true]) {
        const { closed, response } = yield* responseOf(Stream.concat(Stream.make("1"), Stream.never))
        const fiber = yield* Effect.fork(Effect.flip(peek(response, bounds)))
        yield* TestClock.adjust(interrupt ? "1 second" : "10 seconds")
        if (interrupt) {
          yield* Fiber.interrupt(fiber)
        } else {
          const { cause } = yield* Fiber.join(fiber)
          assert.isTrue(isBodyOutOfBounds(cause) && cause.reason === "TooSlow")
        }
        yield* TestClock.adjust("1 second")
        assert.isTrue(yield* closed)
      }
    }))
})
