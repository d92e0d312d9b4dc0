/**
 * A clock whose time passes only when the test says so, or as soon as every fiber sleeps. TestClock sets several real
 * timers for each sleeper; this one sets none, so that thousands of random schedules run in the time TestClock needs
 * for one.
 *
 * It counts running time and keeps the wall clock apart from it. Timers count running time, as those of an operating
 * system do, and so do its nanoseconds, as those of Effect's own Clock; the wall clock can be set on its own, as by a
 * suspend or a corrected clock. Both are whole milliseconds.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Running from "./internal/running.ts"

/**
 * A `Clock` for `Effect.withClock`, with the means to move it. Durations are rounded up to whole milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface VirtualClock extends Clock.Clock {
  /**
   * Lets this much time pass. Sleepers wake in the order of their times, those of one instant together, and every fiber
   * runs until it waits before the clock moves on. Finishes when the last of them waits.
   */
  readonly advance: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Sets the wall clock forward by this much. No running time passes: nothing wakes, as while a computer sleeps. */
  readonly jump: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Sets the wall clock back by this much. No running time passes. */
  readonly jumpBack: (duration: Duration.DurationInput) => Effect.Effect<void>
}

/**
 * A clock that shows `start` (default: the Unix epoch) until it is moved. It holds state: make one for each test.
 *
 * @example
 * ```ts
 * import * as VirtualClock from "@effect-auth/testing/VirtualClock"
 * import * as Clock from "effect/Clock"
 * import * as Effect from "effect/Effect"
 * import * as Fiber from "effect/Fiber"
 *
 * const clock = VirtualClock.make("2026-01-01T00:00:00Z")
 *
 * const test = Effect.gen(function*() {
 *   const fiber = yield* Effect.fork(Effect.zipRight(Effect.sleep("1 hour"), Clock.currentTimeMillis))
 *   yield* clock.jump("1 day") // the fiber still sleeps
 *   yield* clock.advance("1 hour")
 *   return yield* Fiber.join(fiber) // 2026-01-02T01:00:00Z
 * }).pipe(Effect.withClock(clock))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (start: DateTime.DateTime.Input = 0): VirtualClock => makeTimeline(start).clock

/**
 * Runs an effect under a clock of its own that starts at the Unix epoch. Time passes as soon as every fiber sleeps, so
 * that a simulation of days takes milliseconds.
 *
 * The effect may wait for nothing but time and what a few turns of the event loop bring, such as the body of a
 * `Response`. An effect that waits for anything else ends with a defect that says so, instead of hanging.
 *
 * Web Crypto works in threads, which time does not wait for: what sleeps beside a hash or a signature may wake before it
 * is there. Where that matters, as between an exchange and its timeout, replace it by a synchronous one in the test.
 *
 * @example
 * ```ts
 * import * as VirtualClock from "@effect-auth/testing/VirtualClock"
 * import * as Clock from "effect/Clock"
 * import * as Effect from "effect/Effect"
 *
 * const poll = Effect.repeatN(Effect.sleep("1 minute"), 1440)
 *
 * const test = VirtualClock.run(Effect.zipRight(poll, Clock.currentTimeMillis)) // 86,460,000, at once
 * ```
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => runFrom(effect, 0)

/**
 * {@link run} with a clock that starts at a given time.
 *
 * @since 0.1.0
 * @category running
 */
export const runFrom: {
  (start: DateTime.DateTime.Input): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, start: DateTime.DateTime.Input): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(effect: Effect.Effect<A, E, R>, start: DateTime.DateTime.Input): Effect.Effect<A, E, R> =>
    Effect.gen(function*() {
      const { clock, wakeNext } = makeTimeline(start)
      const fiber = yield* Running.forkUnder(effect, clock)
      const passTime = untilDone(fiber, wakeNext)
      // finalizers may sleep too: time passes until the last of them is done
      yield* Effect.onInterrupt(passTime, () => Effect.zipRight(Fiber.interruptFork(fiber), passTime))
      return yield* Fiber.join(fiber)
    })
)

/**
 * Finishes when every fiber waits: for a clock, for another fiber, or for the outside world. {@link VirtualClock} does
 * this by itself; a test needs it where something was forked and no time shall pass.
 *
 * @since 0.1.0
 * @category running
 */
export const settled: Effect.Effect<void> = Running.settled

interface Timeline {
  readonly clock: VirtualClock
  /** Moves to the next instant at which a fiber wakes, if it is not after `until`, and wakes it. */
  readonly wakeNext: (until: number) => boolean
}

interface Sleeper {
  /** In running time, milliseconds. */
  readonly at: number
  readonly wake: () => void
}

const makeTimeline = (start: DateTime.DateTime.Input): Timeline => {
  const running = MutableRef.make(0)
  const begin = DateTime.toEpochMillis(DateTime.unsafeMake(start))
  const offset = MutableRef.make(begin)
  /** By time, and within an instant in the order in which they went to sleep. */
  const sleepers: Array<Sleeper> = []
  const now = () => MutableRef.get(running) + MutableRef.get(offset)
  const nanos = () => BigInt(begin + MutableRef.get(running)) * 1_000_000n
  const shift = (millis: number) => Effect.sync(() => void MutableRef.update(offset, (offset) => offset + millis))

  const wakeNext = (until: number): boolean => {
    const next = sleepers[0]
    if (next === undefined || next.at > until) return false
    MutableRef.set(running, next.at)
    for (const { wake } of sleepers.splice(0, countUntil(sleepers, next.at))) wake()
    return true
  }

  const wakeAllUntil = (target: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (wakeNext(target)) return Effect.zipRight(settled, wakeAllUntil(target))
      MutableRef.update(running, (running) => Math.max(running, target))
      return Effect.void
    })

  return {
    clock: {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: now,
      unsafeCurrentTimeNanos: nanos,
      currentTimeMillis: Effect.sync(now),
      currentTimeNanos: Effect.sync(nanos),
      sleep: (duration) =>
        Running.sleeping(
          millisOf(duration),
          Effect.async<void>((resume) => {
            const at = MutableRef.get(running) + millisOf(duration)
            const sleeper = { at, wake: () => resume(Effect.void) }
            sleepers.splice(countUntil(sleepers, at), 0, sleeper)
            return Effect.sync(() => {
              const index = sleepers.indexOf(sleeper)
              if (index >= 0) sleepers.splice(index, 1)
            })
          })
        ),
      advance: (duration) =>
        Effect.suspend(() => Effect.zipRight(settled, wakeAllUntil(MutableRef.get(running) + millisOf(duration)))),
      jump: (duration) => shift(millisOf(duration)),
      jumpBack: (duration) => shift(-millisOf(duration))
    },
    wakeNext
  }
}

/** How many sleepers, of these in order, wake at `at` or before. */
const countUntil = (sleepers: ReadonlyArray<Sleeper>, at: number): number => {
  const search = (from: number, to: number): number => {
    if (from === to) return from
    const middle = Math.floor((from + to) / 2)
    const sleeper = sleepers[middle]
    return sleeper !== undefined && sleeper.at <= at ? search(middle + 1, to) : search(from, middle)
  }
  return search(0, sleepers.length)
}

const millisOf = (duration: Duration.DurationInput): number => Math.ceil(Duration.toMillis(duration))

const untilDone = (
  fiber: Fiber.Fiber<unknown, unknown>,
  wakeNext: Timeline["wakeNext"],
  idleTurns = 0
): Effect.Effect<void> =>
  Effect.flatMap(Effect.zipRight(settled, Fiber.poll(fiber)), (exit) => {
    if (Option.isSome(exit)) return Effect.void
    // a sleep without end is none that time could end
    if (wakeNext(Number.MAX_SAFE_INTEGER)) return untilDone(fiber, wakeNext)
    if (idleTurns < turnsOfBodies) return untilDone(fiber, wakeNext, idleTurns + 1)
    return idleTurns < turnsOfBodies + turnsOfThreads
      ? Effect.zipRight(realTimerOfThreads, untilDone(fiber, wakeNext, idleTurns + 1))
      : Effect.dieMessage("VirtualClock.run: the effect waits for something other than time, so it would never end")
  })

/** A large body takes as many turns as it has chunks; a thousand are over in 20 milliseconds. */
const turnsOfBodies = 1000

/** A second for a hash in a thread, on a machine that is busy. */
const turnsOfThreads = 100
const realTimerOfThreads = Clock.make().sleep(Duration.millis(10))
