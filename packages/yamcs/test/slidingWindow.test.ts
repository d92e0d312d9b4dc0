import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import * as SlidingWindow from "../src/internal/slidingWindow.ts"

describe("A sliding window", () => {
  it("lets as many start at once as it admits", () => {
    assert.strictEqual(SlidingWindow.earliest([0, 0, 0, 0], 10, 5, 1000), 10)
  })

  it("then waits until the oldest is out of the period", () => {
    assert.strictEqual(SlidingWindow.earliest([0, 100, 200, 300, 400], 500, 5, 1000), 1000)
    assert.strictEqual(SlidingWindow.earliest([0, 100, 200, 300, 400, 1000], 500, 5, 1000), 1100)
  })

  it("does not wait for a time before the clock was set back", () => {
    assert.strictEqual(SlidingWindow.earliest([9e6, 9e6, 9e6, 9e6, 9e6], 500, 5, 1000), 500)
  })

  it.effect("holds wherever one begins to count", () =>
    Effect.gen(function*() {
      const delaying = yield* SlidingWindow.make({ starts: 3, within: "1 second" })
      // one early, then many late in the first second: a window that begins anew would let five start around 1000
      const first = yield* delaying(Clock.currentTimeMillis)
      yield* TestClock.adjust("990 millis")
      const rest = yield* Effect.fork(Effect.forEach(
        Array.from({ length: 7 }),
        () => delaying(Clock.currentTimeMillis),
        { concurrency: "unbounded" }
      ))
      for (const step of [10, 990, 10, 990]) yield* TestClock.adjust(step)
      const starts = [first, ...(yield* Fiber.join(rest))]
      assert.deepStrictEqual(starts, [0, 990, 990, 1000, 1990, 1990, 2000, 2990])
    }))
})
