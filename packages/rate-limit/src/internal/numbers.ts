/** Dialects whose headers carry one number each. */
import type { Names } from "./fields.ts"
import * as Fields from "./fields.ts"
import { fields, onStatus, type RateLimitHeaders } from "./headers.ts"

/** Names of headers that carry one number each. */
export interface Numbers {
  readonly limit?: Names | undefined
  readonly remaining?: Names | undefined
  readonly reset?: Names | undefined
  /** What a `reset` means; its value does not show it. Default: `seconds`. */
  readonly resetUnit?: ResetUnit | undefined
  /** The length of the window in seconds. */
  readonly window?: Names | undefined
  readonly concurrencyLimit?: Names | undefined
  readonly running?: Names | undefined
}

/**
 * What the number in a reset header means. A number that makes no sense in its unit is malformed.
 *
 * - `seconds`: seconds left
 * - `millis`: milliseconds left
 * - `epochSeconds`: the time in seconds since 1970; compared with the response's `Date` header if it has one, so the
 *   clocks of server and client need not agree
 * - `epochMillis`: the same in milliseconds
 */
export type ResetUnit = "seconds" | "millis" | "epochSeconds" | "epochMillis"

export const numbers = ({ resetUnit = "seconds", ...names }: Numbers): RateLimitHeaders =>
  fields(Object.values(names).flatMap((names) => names ?? []), (reader, now) => {
    const limit = Fields.limit(reader, names.limit)
    const remaining = Fields.left(reader, names.remaining, names.limit)
    const window = Fields.seconds(reader, names.window) ?? limit?.window
    const reset = resetOf[resetUnit](reader, names.reset, now)
    const concurrencyLimit = Fields.count(reader, names.concurrencyLimit)
    const running = Fields.count(reader, names.running)
    return {
      quotas: limit === undefined && remaining === undefined ? [] : [{ limit: limit?.limit, remaining, window, reset }],
      concurrency: concurrencyLimit === undefined ? undefined : { limit: concurrencyLimit, running }
    }
  })

export const xRateLimit = (options: { readonly resetUnit: ResetUnit }): RateLimitHeaders =>
  numbers({
    limit: "x-ratelimit-limit",
    remaining: "x-ratelimit-remaining",
    reset: "x-ratelimit-reset",
    resetUnit: options.resetUnit
  })

/** `Retry-After` on 429 and 503. */
export const retryAfter: RateLimitHeaders = onStatus(
  [429, 503],
  fields(["retry-after-ms", "x-ms-retry-after-ms", "retry-after"], (reader, now) => ({
    retryAfter: Fields.millis(reader, ["retry-after-ms", "x-ms-retry-after-ms"]) ??
      Fields.secondsOrDate(reader, "retry-after", now)
  }))
)

const resetOf = {
  seconds: Fields.seconds,
  millis: Fields.millis,
  epochSeconds: Fields.epochSeconds,
  epochMillis: Fields.epochMillis
}
