/**
 * A clock that moves only when told, without the real timers of TestClock: thousands of random schedules run in the
 * time that TestClock needs for one. Timers count running time, as those of an operating system do; the wall clock can
 * be set apart from them.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface VirtualClock extends Clock.Clock {
  /** Moves on by `millis`, waking sleepers in order and letting everything that follows from it happen. */
  readonly advance: (millis: number) => Effect.Effect<void>
  /** Sets the wall clock while no timer runs: a suspend, or a clock set back. */
  readonly jump: (millis: number) => Effect.Effect<void>
}

export const make = (start: number): VirtualClock => {
  let running = 0
  let offset = start
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  const now = () => running + offset

  const wakeUntil = (target: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const [next] = [...sleepers].sort((a, b) => a.at - b.at)
      if (next === undefined || next.at > target) {
        running = target
        return Effect.void
      }
      running = next.at
      sleepers.delete(next)
      next.wake()
      return Effect.zipRight(settled, wakeUntil(target))
    })

  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: now,
    unsafeCurrentTimeNanos: () => BigInt(now()) * 1_000_000n,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanos: Effect.sync(() => BigInt(now()) * 1_000_000n),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        const sleeper = { at: running + Math.ceil(Duration.toMillis(duration)), wake: () => resume(Effect.void) }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      }),
    advance: (millis) => Effect.suspend(() => Effect.zipRight(settled, wakeUntil(running + millis))),
    jump: (millis) =>
      Effect.sync(() => {
        offset += millis
      })
  }
}

/** Lets every fiber run until it waits; no chain of hand-overs here is longer than this. */
export const settled: Effect.Effect<void> = Effect.asVoid(Effect.replicateEffect(Effect.yieldNow(), 30))
