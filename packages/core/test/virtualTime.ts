// A clock whose time passes as soon as everybody sleeps. TestClock makes sure of that with several timers for each
// sleeper; a simulation of days has too many of them.
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

interface Sleeper {
  readonly at: number
  readonly wake: () => void
}

/** Runs the effect from time 0 on; only for effects that wait for nothing but time. */
export const run = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.gen(function*() {
    let now = 0
    let sleepers: ReadonlyArray<Sleeper> = []
    const clock: Clock.Clock = {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      unsafeCurrentTimeMillis: () => now,
      unsafeCurrentTimeNanos: () => BigInt(Math.round(now * 1e6)),
      currentTimeMillis: Effect.sync(() => now),
      currentTimeNanos: Effect.sync(() => BigInt(Math.round(now * 1e6))),
      sleep: (duration) =>
        Effect.async<void>((resume) => {
          const sleeper = { at: now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
          sleepers = [...sleepers, sleeper]
          return Effect.sync(() => {
            sleepers = sleepers.filter((other) => other !== sleeper)
          })
        })
    }
    const fiber = yield* Effect.fork(Effect.withClock(effect, clock))
    while (Option.isNone(yield* Fiber.poll(fiber))) {
      yield* settled
      const next = Math.min(...sleepers.map(({ at }) => at))
      if (!Number.isFinite(next)) continue
      now = Math.max(now, next)
      const due = sleepers.filter(({ at }) => at <= now)
      sleepers = sleepers.filter(({ at }) => at > now)
      due.forEach(({ wake }) => wake())
    }
    return yield* Fiber.join(fiber)
  })

/** Every fiber that could go on has done so. */
const settled = Effect.async<void>((resume) => {
  setImmediate(() => setImmediate(() => resume(Effect.void)))
})
