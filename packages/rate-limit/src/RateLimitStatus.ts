/**
 * What a response says about the server's quotas, as plain data. `RateLimitHeaders` reads it, the limiter acts on it,
 * and the schedules of a policy take it as input. Every time is a Duration from the arrival of the response, so a status
 * means the same whatever the server's clock shows.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * - `none`: the request was served, or failed for another reason
 * - `rate`: the server did not execute the request, because too many were sent in a window
 * - `concurrency`: the server did not execute the request, because too many are running
 *
 * @since 0.1.0
 * @category models
 */
export type Blocked = "none" | "rate" | "concurrency"

/**
 * One quota: a number of calls in a window. A server may state several at once ("100 per minute and 1,000 per day").
 * What the server does not state is `undefined`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quota {
  /**
   * The server's name for the quota, which tells the quotas of one server apart. Default: the empty string. The parsers of
   * this package give one line of at most 80 visible characters: of a longer name its two ends.
   */
  readonly name?: string | undefined
  /** Calls in a window. */
  readonly limit?: number | undefined
  /** Calls left now. */
  readonly remaining?: number | undefined
  /** The length of the window. */
  readonly window?: Duration.Duration | undefined
  /** How long until there is more: the whole quota again (fixed windows) or the next call (sliding windows). */
  readonly reset?: Duration.Duration | undefined
  /**
   * Which callers the server counts together, in its own encoding (the `pk` parameter of the IETF fields); of one longer
   * than 80 characters its two ends.
   */
  readonly partition?: string | undefined
}

/**
 * How many calls may run at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Concurrency {
  readonly limit: number
  /** Calls that ran when the server wrote the response, this call included. */
  readonly running?: number | undefined
}

/**
 * What one response says about the server's quotas.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitStatus {
  readonly blocked: Blocked
  readonly quotas: ReadonlyArray<Quota>
  readonly concurrency?: Concurrency | undefined
  /** How long the server asks clients to send nothing. It wins over every `reset`. */
  readonly retryAfter?: Duration.Duration | undefined
  /** Whether `retryAfter` is only the first of the waits: it doubles with each block that follows. */
  readonly isGrowing?: boolean | undefined
}

/**
 * A status that says nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: RateLimitStatus = { blocked: "none", quotas: [] }

/**
 * A status with the given parts.
 *
 * @example
 * ```ts
 * import * as RateLimitStatus from "@effect-auth/rate-limit/RateLimitStatus"
 * import * as Duration from "effect/Duration"
 *
 * const status = RateLimitStatus.make({ quotas: [{ limit: 300, window: Duration.hours(1) }], concurrency: { limit: 2 } })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (parts: Partial<RateLimitStatus>): RateLimitStatus => ({ ...empty, ...parts })

/**
 * Combines two statuses of one response. Where both state the same thing, `that` wins.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (self: RateLimitStatus, that: RateLimitStatus): RateLimitStatus => ({
  blocked: that.blocked === "none" ? self.blocked : that.blocked,
  quotas: [
    ...self.quotas.filter((quota) => !that.quotas.some((other) => nameOf(other) === nameOf(quota))),
    ...that.quotas
  ],
  concurrency: that.concurrency ?? self.concurrency,
  retryAfter: that.retryAfter ?? self.retryAfter,
  ...((that.retryAfter === undefined ? self : that).isGrowing === true ? { isGrowing: true } : undefined)
})

/**
 * How long the status asks to wait before the next call: `retryAfter` if it is stated, else the longest `reset` of a
 * quota with no calls left, else zero.
 *
 * @since 0.1.0
 * @category accessors
 */
export const wait = (self: RateLimitStatus): Duration.Duration =>
  self.retryAfter ??
    self.quotas.reduce(
      (longest, { remaining, reset }) =>
        remaining === 0 && reset !== undefined ? Duration.max(longest, reset) : longest,
      Duration.zero
    )

/** The name of a quota; the empty string if the server does not name it. */
const nameOf = (quota: Quota): string => quota.name ?? ""
