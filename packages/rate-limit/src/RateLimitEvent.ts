/**
 * What a rate limiter reports while it works: quotas that run low, waits, and headers it cannot read. A limiter publishes
 * every event on its stream, logs it, and counts it in the metrics of this module.
 *
 * @example
 * ```ts
 * import * as RateLimitEvent from "@effect-auth/rate-limit/RateLimitEvent"
 * import type { RateLimiter } from "@effect-auth/rate-limit/RateLimiter"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const told = (limiter: RateLimiter, tell: (text: string) => Effect.Effect<void>) =>
 *   Stream.runForEach(limiter.events, (event) => tell(RateLimitEvent.format(event)))
 * ```
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Metric from "effect/Metric"
import * as Predicate from "effect/Predicate"
import type { Blocked } from "./RateLimitStatus.ts"

/**
 * `key` is the key of the policy whose quota the event is about; by default the endpoint.
 *
 * - `ApproachingLimit`: few calls of a quota are left; once they are used, requests wait until `until`
 * - `WaitingUntil`: requests are held back until `until`, said once for each time at which the quota opens; `waiters` is
 *   their number. Logged as a warning if that is longer than a second and the policy's `warnEvery` admits one more
 * - `MalformedHeaders`: the limiter could not understand these rate limit fields of a response and ignored them
 *
 * @since 0.1.0
 * @category models
 */
export type RateLimitEvent = Data.TaggedEnum<{
  ApproachingLimit: {
    readonly key: string
    /** The server's name of the quota; the empty string if it has none. */
    readonly quota: string
    readonly limit: number | undefined
    readonly remaining: number
    readonly until: DateTime.Utc
  }
  WaitingUntil: {
    readonly key: string
    readonly reason: Blocked
    readonly until: DateTime.Utc
    /** How long that is from now. */
    readonly wait: Duration.Duration
    readonly waiters: number
  }
  MalformedHeaders: { readonly key: string; readonly fields: ReadonlyArray<string> }
}>

/**
 * Constructors and matchers of the events.
 *
 * @since 0.1.0
 * @category constructors
 */
export const RateLimitEvent = Data.taggedEnum<RateLimitEvent>()

/**
 * Whether a value is one of the events of this module.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRateLimitEvent = (u: unknown): u is RateLimitEvent =>
  Predicate.isTagged(u, "ApproachingLimit") || Predicate.isTagged(u, "WaitingUntil") ||
  Predicate.isTagged(u, "MalformedHeaders")

/**
 * One sentence about an event, for people.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format: (event: RateLimitEvent) => string = RateLimitEvent.$match({
  ApproachingLimit: ({ key, limit, quota, remaining, until }) => {
    const left = `${remaining}${limit === undefined ? "" : ` of ${limit}`} calls left`
    const of = quota === "" ? "" : ` of the quota "${quota}"`
    const then = remaining === 0 ? "requests wait" : "once they are used, requests wait"
    return `${key}: ${left}${of}; ${then} until ${DateTime.formatIso(until)}`
  },
  WaitingUntil: ({ key, reason, until, waiters }) =>
    `${key}: ${waiters} ${waiters === 1 ? "request waits" : "requests wait"} until ${DateTime.formatIso(until)}, ${
      reason === "concurrency" ? "because too many are running" : "because the quota is used up"
    }`,
  MalformedHeaders: ({ fields, key }) =>
    `${key}: the server's rate limit headers could not be understood: ${fields.join(", ")}`
})

/**
 * Counted from the events. Each metric is tagged with what its description names.
 *
 * @since 0.1.0
 * @category metrics
 */
export const metrics = {
  waits: Metric.counter("effect_auth_rate_limit_waits", {
    description: "Waits until a quota admits requests again, by reason",
    incremental: true
  }),
  malformedHeaders: Metric.counter("effect_auth_rate_limit_malformed_headers", {
    description: "Rate limit headers that could not be understood and were ignored, by field",
    incremental: true
  })
}
