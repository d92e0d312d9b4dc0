/** The time, on both clocks that the life of a token is measured by. */
import * as Effect from "effect/Effect"

/**
 * A time on both clocks, in milliseconds: the one on the wall, which is set now and then, and one that nobody sets, which
 * may stand still while the machine sleeps.
 */
export interface Moment {
  readonly wall: number
  readonly steady: number
}

/** Before any other. */
export const never: Moment = { wall: -Infinity, steady: -Infinity }

/** Read synchronously, because `Clock.currentTimeNanos` of a TestClock dies between two milliseconds. */
export const now: Effect.Effect<Moment> = Effect.clockWith((clock) =>
  Effect.sync(() => ({
    wall: clock.unsafeCurrentTimeMillis(),
    steady: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }))
)

/** Until one of the clocks says that the period is over, so that none that is set or stands still prolongs it. */
export const within = (since: Moment, period: number, now: Moment): boolean =>
  isWithin(since.wall, period, now.wall) && isWithin(since.steady, period, now.steady)

/** A clock that was set back tells nothing, so the period is over; not if it was only corrected. */
export const isWithin = (since: number, period: number, now: number): boolean =>
  now >= since - correction && now - since < period

/** In milliseconds: what time synchronisation sets a clock back by while nothing is wrong. */
const correction = 1_000
