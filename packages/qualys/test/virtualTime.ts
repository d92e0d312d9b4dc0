// A clock that jumps to the next sleep as soon as everybody sleeps: hours of many small sleeps pass in a moment.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"

interface Sleeper {
  readonly until: number
  readonly wake: () => void
}

/** Runs the effect under a clock of its own that begins at zero. */
export const inVirtualTime = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    const sleepers = new Set<Sleeper>()
    let now = 0

    const fiber = yield* Effect.fork(Effect.withClock(self, clockOf(() => now, sleepers)))
    while ((yield* Fiber.poll(fiber))._tag === "None") {
      yield* everybodyElse
      if (sleepers.size === 0) continue
      now = Math.max(now, Math.min(...Array.from(sleepers, ({ until }) => until)))
      for (const sleeper of Array.from(sleepers)) {
        if (sleeper.until <= now) {
          sleepers.delete(sleeper)
          sleeper.wake()
        }
      }
    }
    return yield* Fiber.join(fiber)
  })

/** A few turns of the event loop: what does not sleep goes on for that long. A jump that comes early only makes it late. */
const everybodyElse = Effect.repeatN(Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void))), 3)

const clockOf = (now: () => number, sleepers: Set<Sleeper>): Clock.Clock => ({
  [Clock.ClockTypeId]: Clock.ClockTypeId,
  unsafeCurrentTimeMillis: now,
  unsafeCurrentTimeNanos: () => BigInt(Math.round(now() * 1_000_000)),
  currentTimeMillis: Effect.sync(now),
  currentTimeNanos: Effect.sync(() => BigInt(Math.round(now() * 1_000_000))),
  sleep: (duration) =>
    Effect.async((resume) => {
      const sleeper = { until: now() + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      sleepers.add(sleeper)
      return Effect.sync(() => sleepers.delete(sleeper))
    })
})
