/**
 * The error of a request that a quota keeps from being sent.
 *
 * @example
 * ```ts
 * import type { RateLimited } from "@effect-auth/rate-limit/RateLimitError"
 * import * as Duration from "effect/Duration"
 * import * as Effect from "effect/Effect"
 *
 * declare const scans: Effect.Effect<number, RateLimited>
 *
 * const program = Effect.catchTag(scans, "RateLimited", ({ retryAfter }) =>
 *   Effect.logInfo(`again in ${Duration.format(retryAfter)}`))
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

const TypeId: unique symbol = Symbol.for("@effect-auth/rate-limit/RateLimitError")

type TypeId = typeof TypeId

/**
 * Raised when a request would have to wait for the server's quota longer than the policy allows, or when the server
 * blocks it and it cannot be sent again. The server did not execute the request.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("@effect-auth/rate-limit/RateLimited")("RateLimited", {
  /** The key whose quota is used up; by default the endpoint. */
  key: Schema.String,
  /** Origin and path of the request: no user information, no query, no fragment. */
  url: Schema.optional(Schema.String),
  /** How long until the quota admits the next request. */
  retryAfter: Schema.DurationFromMillis,
  /** Calls in a window of the scarcest quota, if the server states it. */
  limit: Schema.optional(Schema.Number),
  /** Calls left of the scarcest quota, if the server states it. */
  remaining: Schema.optional(Schema.Number)
}) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const quota = this.limit === undefined ? "" : ` (${this.remaining ?? 0} of ${this.limit} calls left)`
    const about = this.url === undefined || this.key.includes(this.url) ? this.key : `${this.url} (${this.key})`
    return `${about}: the server's quota is used up${quota}; try again in ${Duration.format(this.retryAfter)}`
  }
}

/**
 * Whether a value is a {@link RateLimited} error.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRateLimited = (u: unknown): u is RateLimited => Predicate.hasProperty(u, TypeId)
