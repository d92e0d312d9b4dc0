/**
 * At most a number of starts within any period of a given length. Unlike a fixed window or a refilled bucket, this holds
 * for every period, wherever it begins.
 */
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

export interface Limit {
  readonly starts: number
  readonly within: DurationWithUnit
}

/** Delays an effect until it may start. */
export type Delaying = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export const make = (limit: Limit): Effect.Effect<Delaying> => {
  const period = Duration.toMillis(limit.within)
  return Effect.map(
    Ref.make<ReadonlyArray<number>>([]),
    (starts) => (self) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.flatMap(
          Ref.modify(starts, (starts) => {
            const counting = recent(starts, now, period)
            const start = earliest(counting, now, limit.starts, period)
            return [start, [...counting, start]]
          }),
          (start) => start > now ? Effect.zipRight(Effect.sleep(start - now), self) : self
        ))
  )
}

/** When the next may start, in milliseconds since the epoch, given when others did or will, in order. */
export const earliest = (starts: ReadonlyArray<number>, now: number, limit: number, period: number): number => {
  const counting = recent(starts, now, period)
  const oldest = counting[counting.length - limit]
  return oldest === undefined ? now : Math.max(now, oldest + period)
}

/** A start further ahead than any waiting one could be dates from before the clock was set back. */
const recent = (starts: ReadonlyArray<number>, now: number, period: number): ReadonlyArray<number> =>
  starts.filter((start) => now - period < start && start <= now + period * starts.length)
