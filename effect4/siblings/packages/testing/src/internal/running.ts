/**
 * By hand for Effect 4, whose scheduler gives each fiber a turn of the event loop: under a clock without time its fibers
 * run in microtasks, so that one turn is enough to see them all wait.
 *
 * How fibers take turns, of which a clock without time has to know when all of them wait.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"

/** Runs the effect under the clock. Its fibers run in microtasks. */
export const forkUnder = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  clock: Clock.Clock
): Effect.Effect<Fiber.Fiber<A, E>, never, R> =>
  effect.pipe(
    Effect.provideService(Clock.Clock, clock),
    Effect.provideService(Scheduler.Scheduler, inMicrotasks),
    Effect.forkChild({ uninterruptible: "inherit" })
  )

const inMicrotasks = new Scheduler.MixedScheduler("async", (task) => {
  const state = { isCancelled: false }
  queueMicrotask(() => {
    if (!state.isCancelled) task()
  })
  return () => {
    state.isCancelled = true
  }
})

/** What a sleep of so many milliseconds is: one of none is a yield, because every repetition without a delay sleeps so. */
export const sleeping = (millis: number, sleep: Effect.Effect<void>): Effect.Effect<void> =>
  millis <= 0 ? Effect.yieldNow : sleep

/** Finishes when every fiber waits: for a clock, for another fiber, or for the outside world. */
export const settled: Effect.Effect<void> = Effect.suspend(() => {
  const nextTurn = typeof setImmediate === "undefined" ? setTimeout : setImmediate
  return Effect.callback<void>((resume) => {
    const wait = (turns: number): void => {
      nextTurn(() => turns === 0 ? resume(Effect.void) : wait(turns - 1))
    }
    wait(turns)
  })
})

/** A fiber that is forked elsewhere than under such a clock takes one, and so does each that it forks. */
const turns = 4

/** Of Node, Bun, Deno and Workers; the types of the Web, for which this is compiled, do not have it. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined
