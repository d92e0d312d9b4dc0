/**
 * The quotas of Qualys: a number of calls of one API in a sliding window (Standard: 300 in an hour) and a number at once
 * (2), for the whole subscription. The API host blocks with 409 and says why in XML, the gateway with 429.
 *
 * @since 0.1.0
 */
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as RateLimitStatus from "@effect-auth/rate-limit/RateLimitStatus"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Xml from "./internal/xml.ts"

/**
 * `X-RateLimit-Limit`, `-Window-Sec`, `-Remaining` and `-ToWait-Sec`; `X-Concurrency-Limit-Limit` and `-Running`, also
 * spelled `X-ConcurrencyLimit-*`; and the body of a 409: CODE 1965 is a spent quota, whose item `SECONDS_TO_WAIT` counts;
 * CODE 1960 is too many calls at once. Every other 409 (2003, 2011) does not concern the quota: waiting does not cure it,
 * so the caller gets it.
 *
 * @since 0.1.0
 * @category headers
 */
export const headers: RateLimitHeaders.RateLimitHeaders = RateLimitHeaders.numbers({
  limit: "x-ratelimit-limit",
  remaining: "x-ratelimit-remaining",
  reset: "x-ratelimit-towait-sec",
  resetUnit: "seconds",
  window: "x-ratelimit-window-sec",
  concurrencyLimit: ["x-concurrency-limit-limit", "x-concurrencylimit-limit"],
  running: ["x-concurrency-limit-running", "x-concurrencylimit-running"]
}).pipe(
  RateLimitHeaders.withBody({
    wanted: ({ status }) => status === 409,
    read: (body) => ({ malformed: [], status: Option.flatMap(Xml.parse(body), blockOf) })
  })
)

/**
 * The default of every mode: respects each endpoint's quota, waits as long as the server asks for (a day at most), and
 * warns at each of the last ten calls, however fast they come. The first call of an endpoint goes alone, because what the
 * subscription admits is unknown before its answer.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
 *
 * const impatient = QualysQuota.policy.pipe(RateLimitPolicy.maxWait("1 minute"))
 * ```
 *
 * @since 0.1.0
 * @category presets
 */
export const policy: RateLimitPolicy.RateLimitPolicy = RateLimitPolicy.default.pipe(
  RateLimitPolicy.headers(headers),
  RateLimitPolicy.maxWait("24 hours"),
  RateLimitPolicy.warnBelow(Arr.range(2, 10)),
  RateLimitPolicy.warnEvery("0 seconds"),
  RateLimitPolicy.probe(true)
)

const blockOf = ({ code, items }: Xml.Envelope): Option.Option<RateLimitStatus.RateLimitStatus> => {
  switch (code) {
    case "1960":
      return Option.some(RateLimitStatus.make({ blocked: "concurrency" }))
    case "1965":
      return Option.some(RateLimitStatus.make({ blocked: "rate", retryAfter: seconds(items["SECONDS_TO_WAIT"]) }))
    default:
      return Option.none()
  }
}

const seconds = (text: string | undefined): Duration.Duration | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Duration.seconds(Number(text)) : undefined
