/** The log and the metrics of a rate limiter. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { format, metrics, RateLimitEvent } from "../RateLimitEvent.ts"

/** A wait that is longer is worth a line in a log. */
const noticeable = Duration.seconds(1)

/** Logs an event and counts it. */
export const record: (event: RateLimitEvent) => Effect.Effect<void> = RateLimitEvent.$match({
  ApproachingLimit: (event) => Effect.logWarning(format(event)),
  WaitingUntil: (event) =>
    Effect.zipRight(
      Metric.update(Metric.tagged(metrics.waits, "reason", event.reason), 1),
      Duration.greaterThan(event.wait, noticeable) ? Effect.logWarning(format(event)) : Effect.logDebug(format(event))
    ),
  MalformedHeaders: (event) =>
    Effect.zipRight(
      Effect.forEach(
        event.fields,
        (field) => Metric.update(Metric.tagged(metrics.malformedHeaders, "field", field), 1),
        {
          discard: true
        }
      ),
      Effect.logDebug(format(event))
    )
})
