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
 * The gateway leaves `-ToWait-Sec` out, and an answer that took the last call may state zero: when nothing remains, there is
 * more after a window at the latest. Of a `Retry-After` beside it the longer one counts.
 *
 * @since 0.1.0
 * @category headers
 */
export const headers: RateLimitHeaders.RateLimitHeaders = RateLimitHeaders.make((head, now) => {
  const { malformed, status } = fields.read(head, now)
  return { malformed, status: Option.map(status, bounded) }
}, {
  wanted: ({ status }) => status === 409,
  read: (body) =>
    Option.match(Xml.parse(body), { onNone: () => ({ malformed: [], status: Option.none() }), onSome: blockOf })
})

const fields = RateLimitHeaders.numbers({
  limit: "x-ratelimit-limit",
  remaining: "x-ratelimit-remaining",
  reset: "x-ratelimit-towait-sec",
  resetUnit: "seconds",
  window: "x-ratelimit-window-sec",
  concurrencyLimit: ["x-concurrency-limit-limit", "x-concurrencylimit-limit"],
  running: ["x-concurrency-limit-running", "x-concurrencylimit-running"]
}).pipe(RateLimitHeaders.and(RateLimitHeaders.retryAfter))

/** With the wait that the status states in any of its ways. */
const bounded = (status: RateLimitStatus.RateLimitStatus): RateLimitStatus.RateLimitStatus => {
  const quotas = status.quotas.map((quota) =>
    quota.remaining === 0 && (quota.reset === undefined || Duration.equals(quota.reset, Duration.zero))
      ? { ...quota, reset: quota.window }
      : quota
  )
  const reset = RateLimitStatus.wait({ blocked: "none", quotas })
  return {
    ...status,
    quotas,
    retryAfter: status.retryAfter === undefined ? undefined : Duration.max(status.retryAfter, reset)
  }
}

/**
 * The default of every mode: respects each API's quota, waits as long as the server asks for (a day at most), and warns at
 * each of the last ten calls, however fast they come. The first call of an API goes alone, because what the subscription
 * admits is unknown before its answer. An API is counted by its path, whatever the id of an object in it; logins and
 * sessions are not limited.
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
  RateLimitPolicy.key((request) => {
    const endpoint = RateLimitPolicy.byEndpoint(request)
    const path = endpoint.slice(RateLimitPolicy.byOrigin(request).length)
    if (unlimited.test(path)) return undefined
    // the API host documents its paths with a slash at the end and answers them without one too
    const api = endpoint.endsWith("/") ? endpoint.slice(0, -1) : endpoint
    return path.startsWith("/api/") ? `${api}/` : api
  }),
  RateLimitPolicy.headers(headers),
  RateLimitPolicy.maxWait("24 hours"),
  RateLimitPolicy.warnBelow(Arr.range(2, 10)),
  RateLimitPolicy.warnEvery("0 seconds"),
  RateLimitPolicy.probe(true)
)

/**
 * "All Qualys APIs except auth API", and "all APIs except session V2 API".
 * https://docs.qualys.com/en/vmdr-mobile/api/get_started/api_rate_limits.htm
 */
const unlimited = /^\/(?:auth(?:\/oidc|\/oauth)?|api\/\d+(?:\.\d+)?\/fo\/session)\/?$/

const blockOf = ({ code, items }: Xml.Envelope): RateLimitHeaders.Reading => {
  switch (code) {
    case "1960":
      return { malformed: [], status: Option.some(RateLimitStatus.make({ blocked: "concurrency" })) }
    case "1965": {
      const text = items[secondsToWait]
      const retryAfter = seconds(text)
      return {
        malformed: text !== undefined && retryAfter === undefined ? [secondsToWait] : [],
        status: Option.some(RateLimitStatus.make({ blocked: "rate", retryAfter }))
      }
    }
    default:
      return { malformed: [], status: Option.none() }
  }
}

const secondsToWait = "SECONDS_TO_WAIT"

const seconds = (text: string | undefined): Duration.Duration | undefined =>
  text !== undefined && /^\d{1,9}$/.test(text) && Number(text) <= longestWait
    ? Duration.seconds(Number(text))
    : undefined

/** A year: the longest window is a day, so more than this is no number of seconds. */
const longestWait = 366 * 86_400
