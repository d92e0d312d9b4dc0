/** The log and the metrics of a rate limiter. */
import * as Effect from "effect/Effect"
import type * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import { format, metrics, RateLimitEvent } from "../RateLimitEvent.ts"

/** Logs an event and counts it. */
export const record = (event: RateLimitEvent, level: LogLevel.LogLevel): Effect.Effect<void> =>
  Effect.zipRight(count(event), Effect.logWithLevel(level, format(event)))

const count: (event: RateLimitEvent) => Effect.Effect<void> = RateLimitEvent.$match({
  ApproachingLimit: () => Effect.void,
  WaitingUntil: ({ reason }) => Metric.update(Metric.tagged(metrics.waits, "reason", reason), 1),
  MalformedHeaders: ({ fields }) =>
    Effect.forEach(
      fields,
      (field) => Metric.update(Metric.tagged(metrics.malformedHeaders, "field", field), 1),
      { discard: true }
    )
})
