/** Time that the answers of the fakes take. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** No time is none on every clock: a clock that a test moves wakes a sleeper only when it moves. */
export const pass = (duration: Duration.DurationInput): Effect.Effect<void> =>
  Duration.greaterThan(Duration.decode(duration), Duration.zero) ? Effect.sleep(duration) : Effect.void

/**
 * For ever. A platform answers where nothing may interrupt, and some wait for that when they close, so this can be: it
 * ends with the connection of the client.
 */
export const noAnswer: Effect.Effect<never> = Effect.interruptible(Effect.never)
