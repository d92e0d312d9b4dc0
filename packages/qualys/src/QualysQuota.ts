/**
 * The quotas of Qualys: so many calls of one API in a sliding window (Standard: 300 in an hour) and so many at once (2),
 * for the whole subscription. The API host blocks with 409 and says why in XML, the gateway with 429.
 *
 * @since 0.1.0
 */
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import * as RateLimitSignal from "@effect-auth/core/RateLimitSignal"
import * as Arr from "effect/Array"
import * as Option from "effect/Option"
import * as Xml from "./internal/xml.ts"

/**
 * `X-RateLimit-Limit`, `-Window-Sec`, `-Remaining` and `-ToWait-Sec`; `X-Concurrency-Limit-Limit` and `-Running`, also
 * spelled `X-ConcurrencyLimit-*`; and the body of a 409: CODE 1965 is a spent quota, whose item `SECONDS_TO_WAIT` counts;
 * CODE 1960 is too many calls at once. Every other 409 (2003, 2011) is none of the quota's business: waiting does not
 * cure it, so it is handed on.
 *
 * @since 0.1.0
 * @category dialects
 */
export const dialect: RateLimitDialect.Dialect = RateLimitDialect.numbers({
  limit: "x-ratelimit-limit",
  remaining: "x-ratelimit-remaining",
  reset: "x-ratelimit-towait-sec",
  resetUnit: "seconds",
  window: "x-ratelimit-window-sec",
  concurrencyLimit: ["x-concurrency-limit-limit", "x-concurrencylimit-limit"],
  running: ["x-concurrency-limit-running", "x-concurrencylimit-running"]
}).pipe(
  RateLimitDialect.withBody({
    wanted: ({ status }) => status === 409,
    read: (body) => ({ malformed: [], signal: Option.flatMap(Xml.parse(body), blockOf) })
  })
)

/**
 * What the modes of this package do unless they are told otherwise: respect each endpoint's quota, sleep as long as the
 * server asks for (a day at the most), warn of each of the last ten calls. The first call of an endpoint goes alone,
 * because nobody knows what the subscription admits before its answer.
 *
 * @example
 * ```ts
 * import * as RateLimit from "@effect-auth/core/RateLimit"
 * import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
 *
 * const impatient = QualysQuota.limits.pipe(RateLimit.maxWait("1 minute"))
 * ```
 *
 * @since 0.1.0
 * @category presets
 */
export const limits: RateLimit.Limits = RateLimit.default.pipe(
  RateLimit.withDialect(dialect),
  RateLimit.maxWait("24 hours"),
  RateLimit.warnBelow(Arr.range(2, 10)),
  RateLimit.probe(true)
)

const blockOf = ({ code, items }: Xml.Envelope): Option.Option<RateLimitSignal.Signal> => {
  switch (code) {
    case "1960":
      return Option.some(RateLimitSignal.make({ blocked: "concurrency" }))
    case "1965":
      return Option.some(RateLimitSignal.make({ blocked: "rate", retryAfter: seconds(items["SECONDS_TO_WAIT"]) }))
    default:
      return Option.none()
  }
}

const seconds = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) * 1000 : undefined
