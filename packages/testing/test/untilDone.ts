/** Time for fibers that wait for the clock and, in between, for a thread of the platform, such as for a signature. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"

/** Lets time pass in small steps until the fiber has ended: a test clock does not wait for threads. */
export const untilDone = <A, E>(
  fiber: Fiber.RuntimeFiber<A, E>,
  step: Duration.DurationInput = "100 millis"
): Effect.Effect<A, E> =>
  Effect.zipRight(
    Effect.repeat(TestClock.adjust(step), { until: () => fiber.unsafePoll() !== null }),
    Fiber.join(fiber)
  )
