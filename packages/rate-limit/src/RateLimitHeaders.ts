/**
 * How a server states its quotas. A `RateLimitHeaders` is a pure function from the head of a response to a
 * `RateLimitStatus`. Parsers for common servers are values of this module; others are built from their parts. A field
 * that makes no sense is ignored and reported, so no server can break a program with a malformed header.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import type { Head, Names } from "./internal/fields.ts"
import * as Fields from "./internal/fields.ts"
import * as RateLimitStatus from "./RateLimitStatus.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type Head
} from "./internal/fields.ts"

/**
 * The result of reading a response: its status, if it says anything about quotas, and the names of the fields that could
 * not be understood.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  readonly status: Option.Option<RateLimitStatus.RateLimitStatus>
  readonly malformed: ReadonlyArray<string>
}

/**
 * How a server states its quotas.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitHeaders extends Pipeable {
  /** Reads a response that arrived at `now`, in epoch milliseconds. */
  readonly read: (head: Head, now: number) => Reading
  /** For servers that state the reason of a refusal only in the body. */
  readonly body?: Body | undefined
}

/**
 * How the body of a refusal is read. The caller of the client can still read it afterwards.
 *
 * @since 0.1.0
 * @category models
 */
export interface Body {
  /** The responses whose body is read; they should be refusals. */
  readonly wanted: (head: Head) => boolean
  /** What the body says wins over what the head says. */
  readonly read: (text: string, head: Head, now: number) => Reading
}

/** Names of headers that carry one number each. */
interface Numbers {
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
 * What the number in a reset header means.
 *
 * - `seconds`: seconds left
 * - `millis`: milliseconds left
 * - `epochSeconds`: the time in seconds since 1970; compared with the response's `Date` header if it has one, so the
 *   clocks of server and client need not agree
 */
type ResetUnit = "seconds" | "millis" | "epochSeconds"

/**
 * Headers that a function reads.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (read: RateLimitHeaders["read"], body?: Body): RateLimitHeaders => ({
  read,
  body,
  pipe() {
    // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
    return pipeArguments(this, arguments)
  }
})

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
export const numbers = ({ resetUnit = "seconds", ...names }: Numbers): RateLimitHeaders =>
  fields(Object.values(names).flatMap((names) => names ?? []), (reader, now) => {
    const limit = Fields.count(reader, names.limit)
    const remaining = Fields.count(reader, names.remaining)
    const window = Fields.seconds(reader, names.window)
    const reset = resetUnit === "epochSeconds"
      ? Fields.epochSeconds(reader, names.reset, now)
      : resetUnit === "millis"
      ? Fields.millis(reader, names.reset)
      : Fields.seconds(reader, names.reset)
    const concurrencyLimit = Fields.count(reader, names.concurrencyLimit)
    const running = Fields.count(reader, names.running)
    return {
      quotas: limit === undefined && remaining === undefined ? [] : [{ limit, remaining, window, reset }],
      concurrency: concurrencyLimit === undefined ? undefined : { limit: concurrencyLimit, running }
    }
  })

/**
 * `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`. Servers disagree about the meaning of the last
 * one, so it must be given.
 *
 * @since 0.1.0
 * @category headers
 */
export const xRateLimit = (options: { readonly resetUnit: ResetUnit }): RateLimitHeaders =>
  numbers({
    limit: "x-ratelimit-limit",
    remaining: "x-ratelimit-remaining",
    reset: "x-ratelimit-reset",
    resetUnit: options.resetUnit
  })

/**
 * `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), on 429 and 503: on other responses it says nothing
 * about quotas. Also `Retry-After-Ms` and `X-Ms-Retry-After-Ms`, which are more precise and win.
 *
 * @since 0.1.0
 * @category headers
 */
export const retryAfter: RateLimitHeaders = make((head, now) =>
  head.status === 429 || head.status === 503 ? retryAfterFields.read(head, now) : nothing
)

/**
 * Reads with `that` the responses in which `self` finds nothing.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse: Combinator<RateLimitHeaders> = dual(
  2,
  (self: RateLimitHeaders, that: RateLimitHeaders): RateLimitHeaders =>
    make((head, now) => {
      const first = self.read(head, now)
      if (Option.isSome(first.status)) return first
      const second = that.read(head, now)
      return Option.isSome(second.status) ? second : merge(first, second)
    }, eitherBody(self.body, that.body))
)

/**
 * Reads with both. Where both state the same thing, `that` wins.
 *
 * @since 0.1.0
 * @category combinators
 */
export const and: Combinator<RateLimitHeaders> = dual(
  2,
  (self: RateLimitHeaders, that: RateLimitHeaders): RateLimitHeaders =>
    make((head, now) => merge(self.read(head, now), that.read(head, now)), eitherBody(self.body, that.body))
)

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
        RateLimitStatus.merge(Option.getOrElse(status, () => RateLimitStatus.empty), tooManyRequests)
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
    return make((head, now) => self.read(renamed(head), now), self.body)
  }
)

/**
 * Reads the bodies of some refusals too.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withBody: Combinator<Body> = dual(
  2,
  (self: RateLimitHeaders, body: Body): RateLimitHeaders => make(self.read, body)
)

/**
 * `RateLimit` and `RateLimit-Policy` since revision 8 of draft-ietf-httpapi-ratelimit-headers. Units other than
 * `requests` and `concurrent-requests` are ignored.
 */
const ietfDraft8: RateLimitHeaders = fields(["ratelimit", "ratelimit-policy"], Fields.namedQuotas)

/** Revision 7: `RateLimit: limit=100, remaining=50, reset=30`, with `RateLimit-Policy: 100;w=60`. */
const ietfDraft7: RateLimitHeaders = fields(["ratelimit"], (reader) => {
  const stated = Fields.dictionary(reader, "ratelimit")
  return { quotas: stated === undefined ? [] : Fields.withPolicies(reader, stated) }
})

/** Revision 6 and earlier. */
const ietfDraft6: RateLimitHeaders = fields(["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"], (reader) => {
  const stated = {
    limit: Fields.count(reader, "ratelimit-limit"),
    remaining: Fields.count(reader, "ratelimit-remaining"),
    reset: Fields.seconds(reader, "ratelimit-reset")
  }
  return {
    quotas: stated.limit === undefined && stated.remaining === undefined ? [] : Fields.withPolicies(reader, stated)
  }
})

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers, in any of its revisions:
 *
 * - since 8: `RateLimit: "burst";r=50;t=30` with `RateLimit-Policy: "burst";q=100;w=60,"daily";q=1000;w=86400`; the quota
 *   unit `concurrent-requests` states a concurrency, other units than this and `requests` are ignored
 * - 7: `RateLimit: limit=100, remaining=50, reset=30` with `RateLimit-Policy: 100;w=60`
 * - 6 and earlier: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset` (seconds left) with
 *   `RateLimit-Policy: 100;w=60`
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
 * a used-up quota or a `Retry-After`; a 429 with neither asks for a minute.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 *
 * @since 0.1.0
 * @category headers
 */
export const github: RateLimitHeaders = make((head, now) => {
  const { malformed, status } = githubFields.read(head.status === 403 ? { ...head, status: 429 } : head, now)
  const read = Option.getOrElse(status, () => RateLimitStatus.empty)
  const resource = head.headers["x-ratelimit-resource"]
  const quotas = read.quotas.map((quota) => ({
    ...quota,
    name: resource === undefined ? resource : Fields.presentable(resource)
  }))
  const statesWait = read.retryAfter !== undefined || quotas.some((quota) => quota.remaining === 0)
  const isBlocked = head.status === 429 || (head.status === 403 && statesWait)
  return isBlocked
    ? {
      malformed,
      status: Option.some({ ...read, quotas, blocked: "rate", retryAfter: statesWait ? read.retryAfter : githubWait })
    }
    : { malformed, status: Option.map(status, (status) => ({ ...status, quotas })) }
})

const githubFields = and(xRateLimit({ resetUnit: "epochSeconds" }), retryAfter)

/** "Otherwise, wait for at least one minute before retrying", as GitHub's documentation says. */
const githubWait = Duration.minutes(1)

/**
 * Reads the head of a response that arrived at `now`, in epoch milliseconds. 429 (RFC 6585 section 4) is a block, whatever
 * else the headers say.
 *
 * @since 0.1.0
 * @category reading
 */
export const read = (self: RateLimitHeaders, head: Head, now: number): Reading => {
  const found = self.read(head, now)
  return head.status === 429 ? merge({ malformed: [], status: Option.some(tooManyRequests) }, found) : found
}

/**
 * Combines two readings of one response. Where both state the same thing, `that` wins.
 *
 * @since 0.1.0
 * @category reading
 */
export const merge = (self: Reading, that: Reading): Reading =>
  self === nothing ? that : that === nothing ? self : {
    malformed: [...self.malformed, ...that.malformed],
    status: Option.match(self.status, {
      onNone: () => that.status,
      onSome: (first) =>
        Option.some(Option.match(that.status, {
          onNone: () => first,
          onSome: (second) => RateLimitStatus.merge(first, second)
        }))
    })
  }

/** A combinator, data-last or data-first. */
interface Combinator<Argument> {
  (argument: Argument): (self: RateLimitHeaders) => RateLimitHeaders
  (self: RateLimitHeaders, argument: Argument): RateLimitHeaders
}

/** The reading of most responses, recognised by its identity. */
const nothing: Reading = { status: Option.none(), malformed: [] }

const tooManyRequests = RateLimitStatus.make({ blocked: "rate" })

const retryAfterFields = fields(
  ["retry-after-ms", "x-ms-retry-after-ms", "retry-after"],
  (reader, now) => ({
    retryAfter: Fields.millis(reader, ["retry-after-ms", "x-ms-retry-after-ms"]) ??
      Fields.secondsOrDate(reader, "retry-after", now)
  })
)

/** Headers of these names: a response without any of them says nothing. */
function fields(
  names: ReadonlyArray<string>,
  read: (reader: Fields.Reader, now: number) => Partial<RateLimitStatus.RateLimitStatus>
): RateLimitHeaders {
  return make((head, now) => {
    if (!names.some((name) => head.headers[name] !== undefined)) return nothing
    const reader = Fields.reader(head)
    const { concurrency, quotas = [], retryAfter } = read(reader, now)
    const saysNothing = quotas.length === 0 && concurrency === undefined && retryAfter === undefined
    return {
      malformed: reader.malformed,
      status: saysNothing ? Option.none() : Option.some({ blocked: "none", quotas, concurrency, retryAfter })
    }
  })
}

function eitherBody(self: Body | undefined, that: Body | undefined): Body | undefined {
  return self === undefined || that === undefined ? self ?? that : {
    wanted: (head) => self.wanted(head) || that.wanted(head),
    read: (text, head, now) => self.wanted(head) ? self.read(text, head, now) : that.read(text, head, now)
  }
}
