/**
 * How a server states its quotas. A `RateLimitHeaders` is a pure function from the head of a response to a
 * `RateLimitStatus`. Parsers for common servers are values of this module; others are built from their parts. A field
 * that makes no sense is ignored and reported, so no server can break a program with a malformed header.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Head } from "./internal/fields.ts"
import * as Fields from "./internal/fields.ts"
import * as Github from "./internal/github.ts"
import type { Body, RateLimitHeaders, Reading } from "./internal/headers.ts"
import * as Headers from "./internal/headers.ts"
import * as Ietf from "./internal/ietf.ts"
import * as Numbers from "./internal/numbers.ts"
import * as RateLimitStatus from "./RateLimitStatus.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type Head
} from "./internal/fields.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type Body,
  /**
   * @since 0.1.0
   * @category models
   */
  type RateLimitHeaders,
  /**
   * @since 0.1.0
   * @category models
   */
  type Reading
} from "./internal/headers.ts"

/**
 * Headers that a function reads.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (read: RateLimitHeaders["read"], body?: Body) => RateLimitHeaders = Headers.make

/**
 * Headers that carry one number each.
 *
 * @example
 * ```ts
 * import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
 *
 * const acme = RateLimitHeaders.numbers({ remaining: "x-calls-left", reset: "x-calls-reset", resetUnit: "seconds" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const numbers: (names: Numbers.Numbers) => RateLimitHeaders = Numbers.numbers

/**
 * `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`. Servers disagree about the meaning of the last
 * one, so it must be given.
 *
 * @since 0.1.0
 * @category headers
 */
export const xRateLimit: (options: { readonly resetUnit: Numbers.ResetUnit }) => RateLimitHeaders = Numbers.xRateLimit

/**
 * `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), on 429 and 503: on other responses it says nothing
 * about quotas. Also `Retry-After-Ms` and `X-Ms-Retry-After-Ms`, which are more precise and win.
 *
 * @since 0.1.0
 * @category headers
 */
export const retryAfter: RateLimitHeaders = Numbers.retryAfter

/**
 * Reads with `that` the responses in which `self` finds nothing. A `Retry-After` alone is something, so a reading that has it
 * comes last: `ietf.pipe(orElse(xRateLimit({ resetUnit: "seconds" })), and(retryAfter))`, and not `standard.pipe(orElse(...))`,
 * which reads no quota beside a `Retry-After`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse: Combinator<RateLimitHeaders> = dual(2, Headers.orElse)

/**
 * Reads with both. Where both state the same thing, `that` wins.
 *
 * @since 0.1.0
 * @category combinators
 */
export const and: Combinator<RateLimitHeaders> = dual(2, Headers.and)

/**
 * Treats responses with these statuses as blocks, as 429 always is: the server did not execute the request. Name a status
 * only if the server uses it for nothing else, because a POST is sent again on the strength of it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withStatus: {
  (...statuses: ReadonlyArray<number>): (self: RateLimitHeaders) => RateLimitHeaders
} = (...statuses) => (self) =>
  make((head, now) => {
    if (!statuses.includes(head.status)) return self.read(head, now)
    const { malformed, status } = self.read({ ...head, status: 429 }, now)
    return {
      malformed,
      status: Option.some(
        RateLimitStatus.merge(Option.getOrElse(status, () => RateLimitStatus.empty), Headers.tooManyRequests)
      )
    }
  }, self.body)

/**
 * Reads headers under other names: `{ "x-acme-remaining": "x-ratelimit-remaining" }` for a server that sends
 * `X-Acme-Remaining` with the meaning of `X-RateLimit-Remaining`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const rename: Combinator<Readonly<Record<string, string>>> = dual(
  2,
  (self: RateLimitHeaders, names: Readonly<Record<string, string>>): RateLimitHeaders => {
    const renamed = ({ headers, status }: Head): Head => ({
      status,
      headers: Object.entries(names).reduce(
        (known, [theirs, ours]) => ({ ...known, [ours.toLowerCase()]: headers[theirs.toLowerCase()] }),
        headers
      )
    })
    const { body } = self
    return make(
      (head, now) => self.read(renamed(head), now),
      body === undefined ? undefined : {
        wanted: (head) => body.wanted(renamed(head)),
        read: (text, head, now) => body.read(text, renamed(head), now)
      }
    )
  }
)

/**
 * Reads the bodies of some refusals too, besides those that are read already.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withBody: Combinator<Body> = dual(
  2,
  (self: RateLimitHeaders, body: Body): RateLimitHeaders => make(self.read, Headers.eitherBody(self.body, body))
)

/**
 * `RateLimit` and `RateLimit-Policy` since revision 8 of draft-ietf-httpapi-ratelimit-headers. Units other than
 * `requests` and `concurrent-requests` are ignored.
 */
const ietfDraft8: RateLimitHeaders = Headers.fields(["ratelimit", "ratelimit-policy"], Ietf.namedQuotas)

/** Revision 7: `RateLimit: limit=100, remaining=50, reset=30`, with `RateLimit-Policy: 100;w=60`. */
const ietfDraft7: RateLimitHeaders = Headers.fields(["ratelimit"], (reader) => {
  const stated = Ietf.dictionary(reader, "ratelimit")
  return { quotas: stated === undefined ? [] : Ietf.withPolicies(reader, stated) }
})

/** Revision 6 and earlier. */
const ietfDraft6: RateLimitHeaders = Headers.fields(
  ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
  (reader) => {
    const stated = {
      limit: Fields.limit(reader, "ratelimit-limit")?.limit,
      remaining: Fields.left(reader, "ratelimit-remaining", "ratelimit-limit"),
      reset: Fields.seconds(reader, "ratelimit-reset")
    }
    return {
      quotas: stated.limit === undefined && stated.remaining === undefined
        ? []
        : Ietf.withPolicies(reader, stated, "ratelimit-limit")
    }
  }
)

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers, in any of its revisions:
 *
 * - since 8: `RateLimit: "burst";r=50;t=30` with `RateLimit-Policy: "burst";q=100;w=60,"daily";q=1000;w=86400`; the quota
 *   unit `concurrent-requests` states a concurrency, other units than this and `requests` are ignored
 * - 7: `RateLimit: limit=100, remaining=50, reset=30` with `RateLimit-Policy: 100;w=60`
 * - 6 and earlier: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset` (seconds left) with
 *   `RateLimit-Policy: 100;w=60`, or with the windows in the limit: `RateLimit-Limit: 100, 100;w=60`
 *
 * @since 0.1.0
 * @category headers
 */
export const ietf: RateLimitHeaders = ietfDraft8.pipe(orElse(ietfDraft7), orElse(ietfDraft6))

/**
 * What most servers that follow a standard send: the IETF fields in any revision, and `Retry-After`.
 *
 * @since 0.1.0
 * @category headers
 */
export const standard: RateLimitHeaders = and(ietf, retryAfter)

/**
 * GitHub's REST API: `X-RateLimit-*` with an epoch, a quota for each `X-RateLimit-Resource`, and blocks as 403 or 429 with
 * a used-up quota or a `Retry-After`. A 429 with neither, and a 403 whose body names a secondary limit, ask for a minute,
 * and for twice as long with each further block.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 *
 * @since 0.1.0
 * @category headers
 */
export const github: RateLimitHeaders = Github.github

/**
 * Reads the head of a response that arrived at `now`, in epoch milliseconds. 429 (RFC 6585 section 4) is a block, whatever
 * else the headers say. What a cache says about quotas was true of another request, some time ago: beside an `Age` (RFC
 * 9111 section 5.1) only `Retry-After` counts, less that age.
 *
 * @since 0.1.0
 * @category reading
 */
export const read: (self: RateLimitHeaders, head: Head, now: number) => Reading = Headers.read

/**
 * Combines two readings of one response. Where both state the same thing, `that` wins.
 *
 * @since 0.1.0
 * @category reading
 */
export const merge: (self: Reading, that: Reading) => Reading = Headers.merge

/** A combinator, data-last or data-first. */
interface Combinator<Argument> {
  (argument: Argument): (self: RateLimitHeaders) => RateLimitHeaders
  (self: RateLimitHeaders, argument: Argument): RateLimitHeaders
}
