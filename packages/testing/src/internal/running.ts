/** How fibers take turns, of which a clock without time has to know when all of them wait. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/** Runs the effect under the clock. Its fibers run in microtasks. */
export const forkUnder = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  clock: Clock.Clock
): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R> => Effect.fork(Effect.withClock(effect, clock))

/** What a sleep of so many milliseconds is: one of none ends when time passes at all, because a program asked for it. */
export const sleeping = (_millis: number, sleep: Effect.Effect<void>): Effect.Effect<void> => sleep

/** Finishes when every fiber waits: for a clock, for another fiber, or for the outside world. */
export const settled: Effect.Effect<void> = Effect.suspend(() => {
  // Fibers run in microtasks, and the event loop takes its next turn when none is left. One turn would do for Effect
  // alone; streams of the platform take another one for each chunk. Measured on Node 20: 8 microseconds, against 65 for
  // 30 times Effect.yieldNow, which covers shorter chains only. After 2,048 yields in a row Effect schedules a fiber by a
  // timer, so that a fiber that yields that often counts as waiting.
  const nextTurn = typeof setImmediate === "undefined" ? undefined : setImmediate
  return nextTurn === undefined
    ? Effect.zipRight(realTimerOfZero, realTimerOfZero)
    : Effect.async<void>((resume) => {
      nextTurn(() => nextTurn(() => resume(Effect.void)))
    })
})

/** Where there is no `setImmediate`, as in browsers: one to four milliseconds. */
const realTimerOfZero = Clock.make().sleep(Duration.zero)

/** Of Node, Bun, Deno and Workers; the types of the Web, for which this is compiled, do not have it. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined
