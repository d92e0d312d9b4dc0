/** The time, on both clocks that the life of a token is measured by. */
import * as Effect from "effect/Effect"
import type { Moment } from "./state.ts"

/** Read synchronously, because `Clock.currentTimeNanos` of a TestClock dies between two milliseconds. */
export const now: Effect.Effect<Moment> = Effect.clockWith((clock) =>
  Effect.sync(() => ({
    wall: clock.unsafeCurrentTimeMillis(),
    steady: Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
  }))
)
