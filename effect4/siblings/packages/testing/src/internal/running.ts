/**
 * By hand for Effect 4, whose scheduler gives each fiber a turn of the event loop. The turns that fibers wait for are
 * counted; where a clock without time runs an effect itself, its fibers run in microtasks instead.
 *
 * How fibers take turns, of which a clock without time has to know when all of them wait.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
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
    const wait = (turns: number, quiet: number): void =>
      void nextTurn(() => {
        const left = queued.size === 0 ? quiet - 1 : quietTurns
        if (left === 0 || turns === 0) resume(Effect.void)
        else wait(turns - 1, left)
      })
    wait(mostTurns, quietTurns)
  })
})

/** In a row: streams of the platform take a turn for each chunk, in which no fiber waits for one. */
const quietTurns = 2

/** Some tenths of a second. A fiber that yields for ever counts as waiting, as on Effect 3. */
const mostTurns = 100_000

/**
 * The turns that fibers wait for, of all that have the scheduler of the runtime: each takes one when it is forked, and when
 * it yields. The scheduler tells nobody, so they are counted from here on.
 */
const queued: ReadonlySet<unknown> = (() => {
  const queued = new Set<unknown>()
  const scheduler = Context.get(Context.empty(), Scheduler.Scheduler)
  if (!(scheduler instanceof Scheduler.MixedScheduler)) return queued
  const { setImmediate } = scheduler
  Object.assign(scheduler, {
    setImmediate: (task: () => void) => {
      queued.add(task)
      const cancel = setImmediate(() => {
        queued.delete(task)
        task()
      })
      return () => {
        queued.delete(task)
        cancel()
      }
    }
  })
  return queued
})()

/** Of Node, Bun, Deno and Workers; the types of the Web, for which this is compiled, do not have it. */
declare const setImmediate: ((callback: () => void) => unknown) | undefined
