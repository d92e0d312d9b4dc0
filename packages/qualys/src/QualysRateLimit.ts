/**
 * What a subscription admits, asked of Qualys itself. It costs a call; what a program has learned from its own calls is
 * to be had without one, from the `snapshot` of the `RateLimit.Governor` that its client was given as `limits`.
 *
 * @since 0.1.0
 */
import type { AuthError } from "@effect-auth/core/AuthError"
import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Qualys from "./Qualys.ts"
import * as QualysError from "./QualysError.ts"
import * as QualysQuota from "./QualysQuota.ts"

/**
 * The quota under the names of the headers that state it.
 *
 * @since 0.1.0
 * @category models
 */
export interface QualysRateLimit {
  /** Calls of one API in a window. */
  readonly "X-RateLimit-Limit": number
  /** Calls at the same time. */
  readonly "X-Concurrency-Limit-Limit": number
  readonly "X-RateLimit-Window-Sec"?: number
  readonly "X-RateLimit-Remaining"?: number
  readonly "X-RateLimit-ToWait-Sec"?: number
}

/**
 * Asks with one call, `GET /msp/about.php`, that is proved by user name and password whatever the mode of the program:
 * give it the options of that mode. Fails with a `ResponseError` (`Decode`) when the answer does not state a quota.
 *
 * @example
 * ```ts
 * import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
 * import * as Redacted from "effect/Redacted"
 *
 * const quota = QualysRateLimit.get({
 *   platform: "qg2",
 *   credential: { username: "reader", password: Redacted.make("…") }
 * })
 * ```
 *
 * @since 0.1.0
 * @category queries
 */
export const get = (
  options: Qualys.BasicOptions
): Effect.Effect<
  QualysRateLimit,
  AuthError | HttpClientError.HttpClientError | QualysError.QualysError,
  HttpClient.HttpClient
> =>
  Effect.gen(function*() {
    const http = yield* Qualys.makeBasic(options)
    const response = yield* http.get("/msp/about.php").pipe(
      Effect.flatMap(QualysError.check),
      Effect.flatMap(HttpClientResponse.filterStatusOk)
    )
    const signal = RateLimitDialect.read(QualysQuota.dialect, response, yield* Clock.currentTimeMillis).signal
    const quota = Option.map(signal, ({ concurrency, quotas: [quota] }) => ({ ...quota, concurrency }))
    if (Option.isNone(quota) || quota.value.limit === undefined || quota.value.concurrency === undefined) {
      return yield* new HttpClientError.ResponseError({
        request: response.request,
        response,
        reason: "Decode",
        description: "the answer does not state a quota"
      })
    }
    const { concurrency, limit, remaining, reset, window } = quota.value
    return {
      "X-RateLimit-Limit": limit,
      "X-Concurrency-Limit-Limit": concurrency.limit,
      ...(window === undefined ? undefined : { "X-RateLimit-Window-Sec": window / 1000 }),
      ...(remaining === undefined ? undefined : { "X-RateLimit-Remaining": remaining }),
      ...(reset === undefined ? undefined : { "X-RateLimit-ToWait-Sec": reset / 1000 })
    }
  })
