/**
 * What an answer says about the server's quotas, as plain data. A dialect reads it, the governor acts on it, the
 * sleeping schedule is fed with it. Times are milliseconds from the answer's arrival, so that a signal means the same
 * whatever the server's clock shows.
 *
 * @since 0.1.0
 */

/**
 * - `none`: the request was served, or failed for another reason
 * - `rate`: it was not executed because too many were sent in a window
 * - `concurrency`: it was not executed because too many are running
 *
 * @since 0.1.0
 * @category models
 */
export type Blocked = "none" | "rate" | "concurrency"

/**
 * One quota: so many calls in a window. A server may state several at once ("100 per minute and 1,000 per day"). What
 * it does not say is `undefined`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quota {
  /** The server's name for it; tells quotas of one server apart. Default: the empty string. */
  readonly name?: string | undefined
  /** Calls in a window. */
  readonly limit?: number | undefined
  /** Calls left now. */
  readonly remaining?: number | undefined
  /** The length of the window in milliseconds. */
  readonly window?: number | undefined
  /** Milliseconds until there is more: the whole quota again (fixed windows) or the next call (sliding windows). */
  readonly reset?: number | undefined
  /** Whom the server counts together, in its own encoding (`pk`). */
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
  /** Calls running when the answer was made, that call included. */
  readonly running?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Signal {
  readonly blocked: Blocked
  readonly quotas: ReadonlyArray<Quota>
  readonly concurrency?: Concurrency | undefined
  /** Milliseconds for which nothing should be sent, in the server's words; wins over any `reset`. */
  readonly retryAfter?: number | undefined
}

/**
 * A signal that says nothing, to build others from.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: Signal = { blocked: "none", quotas: [] }

/**
 * A signal of the given parts.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (parts: Partial<Signal>): Signal => ({ ...empty, ...parts })

/**
 * Both signals as one; where both speak of the same, `that` wins.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (self: Signal, that: Signal): Signal => ({
  blocked: that.blocked === "none" ? self.blocked : that.blocked,
  quotas: [
    ...self.quotas.filter((quota) => !that.quotas.some((other) => nameOf(other) === nameOf(quota))),
    ...that.quotas
  ],
  concurrency: that.concurrency ?? self.concurrency,
  retryAfter: that.retryAfter ?? self.retryAfter
})

/**
 * How long the signal asks to wait before the next call, in milliseconds: `retryAfter` when it is said, else the longest
 * `reset` of a spent quota, else 0.
 *
 * @since 0.1.0
 * @category accessors
 */
export const wait = (self: Signal): number =>
  self.retryAfter ??
    self.quotas.reduce((longest, quota) => quota.remaining === 0 ? Math.max(longest, quota.reset ?? 0) : longest, 0)

/**
 * @since 0.1.0
 * @category accessors
 */
export const nameOf = (quota: Quota): string => quota.name ?? ""
