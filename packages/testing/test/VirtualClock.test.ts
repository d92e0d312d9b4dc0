import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"

const start = "2026-01-01T00:00:00Z"
const startMillis = Date.UTC(2026, 0, 1)

/** Runs a test under a clock of its own. */
const withClock = <A, E>(test: (clock: VirtualClock.VirtualClock) => Effect.Effect<A, E>) => {
  const clock = VirtualClock.make(start)
  return Effect.withClock(test(clock), clock)
}

/** Notes what happens, with the milliseconds since the start. */
const diary = Effect.map(Ref.make<ReadonlyArray<string>>([]), (entries) => ({
  note: (text: string) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Ref.update(entries, (entries) => [...entries, `${now - startMillis} ${text}`])
    ),
  entries: Ref.get(entries)
}))

describe("VirtualClock", () => {
  describe("make", () => {
    it.effect("shows the start until it is moved, to Clock and DateTime alike", () =>
      withClock(() =>
        Effect.gen(function*() {
          assert.strictEqual(yield* Clock.currentTimeMillis, startMillis)
          assert.strictEqual(yield* Clock.currentTimeNanos, BigInt(startMillis) * 1_000_000n)
          assert.strictEqual(DateTime.formatIso(yield* DateTime.now), "2026-01-01T00:00:00.000Z")
        })
      ))

    it("starts at the Unix epoch by default", () => {
      assert.strictEqual(VirtualClock.make().unsafeCurrentTimeMillis(), 0)
    })
  })

  describe("advance", () => {
    it.effect("wakes sleepers in the order of their times, and those of one instant in the order they went to sleep", () =>
      withClock((clock) =>
        Effect.gen(function*() {
          const { entries, note } = yield* diary
          for (const [name, millis] of [["c", 30], ["a", 10], ["d", 30], ["b", 20]] as const) {
            yield* Effect.fork(Effect.zipRight(Effect.sleep(millis), note(name)))
          }
          yield* clock.advance("29 millis")
          assert.deepStrictEqual(yield* entries, ["10 a", "20 b"])
          yield* clock.advance("1 millis")
          assert.deepStrictEqual(yield* entries, ["10 a", "20 b", "30 c", "30 d"])
        })
      ))

    it.effect("lets what a sleeper starts go to sleep, and wakes it within the same step", () =>
      withClock((clock) =>
        Effect.gen(function*() {
          const { entries, note } = yield* diary
          yield* Effect.fork(Effect.repeatN(Effect.zipRight(Effect.sleep("1 second"), note("tick")), 9))
          yield* clock.advance("3500 millis")
          assert.deepStrictEqual(yield* entries, ["1000 tick", "2000 tick", "3000 tick"])
        })
      ))

    it.effect("waits for a chain of a thousand hand-overs before time moves on", () =>
      withClock((clock) =>
        Effect.gen(function*() {
          const { entries, note } = yield* diary
          yield* Effect.fork(
            Effect.sleep("1 second").pipe(
              Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 1000)),
              Effect.zipRight(note("end of the chain"))
            )
          )
          yield* Effect.fork(Effect.zipRight(Effect.sleep("2 seconds"), note("next timer")))
          yield* clock.advance("2 seconds")
          assert.deepStrictEqual(yield* entries, ["1000 end of the chain", "2000 next timer"])
        })
      ))

    it.effect("wakes no fiber that was interrupted", () =>
      withClock((clock) =>
        Effect.gen(function*() {
          const { entries, note } = yield* diary
          const fiber = yield* Effect.fork(Effect.zipRight(Effect.sleep("1 second"), note("woke")))
          yield* VirtualClock.settled
          yield* Fiber.interrupt(fiber)
          yield* clock.advance("1 minute")
          assert.deepStrictEqual(yield* entries, [])
        })
      ))

    it.effect("rounds durations up to whole milliseconds, so that no timer fires early", () =>
      withClock((clock) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.sleep("1500 micros"))
          yield* clock.advance("1 millis")
          assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
          yield* clock.advance("1 micros")
          assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
          assert.strictEqual(yield* Clock.currentTimeMillis, startMillis + 2)
        })
      ))
  })

  describe("jump and jumpBack", () => {
    it.effect("move the wall clock and wake nothing: timers count running time", () =>
      withClock((clock) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.zipRight(Effect.sleep("1 hour"), Clock.currentTimeMillis))
          yield* VirtualClock.settled
          const nanos = yield* Clock.currentTimeNanos
          yield* clock.jump("1 day")
          assert.strictEqual(yield* Clock.currentTimeMillis, Date.UTC(2026, 0, 2))
          yield* clock.jumpBack("2 days")
          assert.strictEqual(yield* Clock.currentTimeNanos, nanos)
          assert.strictEqual(yield* Clock.currentTimeMillis, Date.UTC(2025, 11, 31))
          yield* VirtualClock.settled
          assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
          yield* clock.advance("1 hour")
          assert.strictEqual(yield* Fiber.join(fiber), Date.UTC(2025, 11, 31, 1))
        })
      ))
  })

  describe("run", () => {
    it.effect("lets days pass at once", () =>
      Effect.gen(function*() {
        const polls = Effect.repeatN(Effect.sleep("1 minute"), 3 * 1440 - 1)
        const now = yield* VirtualClock.run(Effect.zipRight(polls, Clock.currentTimeMillis))
        assert.strictEqual(now, 3 * 86_400_000)
      }))

    it.effect("gives the result, the failure or the defect of the effect", () =>
      Effect.gen(function*() {
        const later = Effect.delay("1 hour")
        assert.deepStrictEqual(yield* VirtualClock.run(later(Effect.succeed(1))), 1)
        assert.deepStrictEqual(yield* Effect.exit(VirtualClock.run(later(Effect.fail("no")))), Exit.fail("no"))
        assert.deepStrictEqual(yield* Effect.exit(VirtualClock.run(later(Effect.die("bug")))), Exit.die("bug"))
      }))

    it.effect("serves timeouts, schedules and many fibers", () =>
      VirtualClock.run(Effect.gen(function*() {
        assert.isTrue(Option.isNone(yield* Effect.timeoutOption(Effect.never, "1 hour")))
        const ticks = yield* Ref.make(0)
        const tick = Ref.update(ticks, (n) => n + 1)
        yield* Effect.forEach(
          Array.from({ length: 100 }, (_, n) => n),
          (n) => Effect.schedule(tick, Schedule.addDelay(Schedule.recurs(3), () => n * 1000)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(yield* Ref.get(ticks), 300)
        assert.strictEqual(yield* Clock.currentTimeMillis, 3_600_000 + 3 * 99_000)
      })))

    it.effect("waits for the body of a response", () =>
      Effect.gen(function*() {
        const chunks = 64
        const body = () =>
          new Response(
            new ReadableStream({
              start: (controller) => {
                for (let i = 0; i < chunks; i++) controller.enqueue(new Uint8Array(16_384))
                controller.close()
              }
            })
          )
        const read = Effect.promise(() => body().arrayBuffer())
        assert.strictEqual((yield* VirtualClock.run(read)).byteLength, chunks * 16_384)
      }))

    it.effect("dies with a message where the effect waits for something other than time", () =>
      Effect.gen(function*() {
        const cause = yield* Effect.flip(Effect.sandbox(VirtualClock.run(Effect.never)))
        assert.include(Cause.pretty(cause), "waits for something other than time")
        const endless = yield* Effect.exit(VirtualClock.run(Effect.sleep(Duration.infinity)))
        assert.isTrue(Exit.isFailure(endless))
      }))

    it.live("interrupts the effect when it is interrupted itself, and time passes for its finalizers", () =>
      Effect.gen(function*() {
        const finalized = yield* Ref.make(0)
        const effect = Effect.onInterrupt(
          Effect.async<void>(() => {}),
          () =>
            Effect.zipRight(
              Effect.sleep("1 hour"),
              Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(finalized, now))
            )
        )
        const fiber = yield* Effect.fork(VirtualClock.run(effect))
        yield* VirtualClock.settled
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* Ref.get(finalized), 3_600_000)
      }))
  })

  describe("runFrom", () => {
    it.effect("starts the clock at the given time", () =>
      Effect.gen(function*() {
        const now = Effect.zipRight(Effect.sleep("1 hour"), DateTime.now)
        assert.strictEqual(DateTime.formatIso(yield* VirtualClock.runFrom(now, start)), "2026-01-01T01:00:00.000Z")
        assert.strictEqual(DateTime.formatIso(yield* VirtualClock.runFrom(start)(now)), "2026-01-01T01:00:00.000Z")
      }))
  })
})
