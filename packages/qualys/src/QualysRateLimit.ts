/**
 * What a subscription admits, asked of Qualys itself. It costs a call. What a program has learned from its own calls is
 * free: the `snapshot` of the rate limiter its client was given.
 *
 * @since 0.1.0
 */
import type { ClientError } from "@effect-auth/core/AuthError"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Account } from "./QualysAccess.ts"
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
 * {@link get} with the two keys alone that `get_ratelimit` of `qualysdk` has.
 *
 * @since 0.1.0
 * @category queries
 */
export const getRateLimit: Effect.Effect<
  Pick<QualysRateLimit, "X-RateLimit-Limit" | "X-Concurrency-Limit-Limit">,
  ClientError | HttpClientError.HttpClientError | QualysError.QualysError,
  Account
> = Effect.suspend(() =>
  Effect.map(get, (quota) => ({
    "X-RateLimit-Limit": quota["X-RateLimit-Limit"],
    "X-Concurrency-Limit-Limit": quota["X-Concurrency-Limit-Limit"]
  }))
)

/**
 * Asks with one call, `GET /msp/about.php`, authenticated by user name and password whatever the mode of the program.
 * Fails with a `ResponseError` (`Decode`) when the answer does not state a quota.
 *
 * @example
 * ```ts
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
 * import * as Effect from "effect/Effect"
 *
 * const quota = QualysRateLimit.get.pipe(
 *   Effect.provide(Qualys.layerJwtConfig({ credential: Qualys.credentialConfig("QUALYS") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category queries
 */
export const get: Effect.Effect<
  QualysRateLimit,
  ClientError | HttpClientError.HttpClientError | QualysError.QualysError,
  Account
> = Effect.gen(function*() {
  const { client } = yield* Account
  const response = yield* client.get("/msp/about.php").pipe(
    Effect.flatMap(QualysError.check),
    Effect.flatMap(HttpClientResponse.filterStatusOk)
  )
  yield* ResponseBody.discard(response)
  const { status } = RateLimitHeaders.read(QualysQuota.headers, response, yield* Clock.currentTimeMillis)
  const quota = Option.map(status, ({ concurrency, quotas: [quota] }) => ({ ...quota, concurrency }))
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
    ...(window === undefined ? undefined : { "X-RateLimit-Window-Sec": Duration.toSeconds(window) }),
    ...(remaining === undefined ? undefined : { "X-RateLimit-Remaining": remaining }),
    ...(reset === undefined ? undefined : { "X-RateLimit-ToWait-Sec": Duration.toSeconds(reset) })
  }
})
