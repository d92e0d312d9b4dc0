/**
 * How a server speaks of its quotas. A dialect is a pure function from the head of an answer to a `Signal`; the common
 * ones are supplied, others are made of their parts. A field that cannot be understood is ignored and reported: no
 * server can break a program by a malformed header.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Field from "./internal/quotaField.ts"
import * as Signal from "./RateLimitSignal.ts"

/**
 * Status and headers of an answer, the names in lower case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * What was read: a signal, when the answer speaks of quotas, and the names of fields that could not be understood.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  readonly signal: Option.Option<Signal.Signal>
  readonly malformed: ReadonlyArray<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Dialect extends Pipeable {
  /** `now` is the arrival of the answer in epoch milliseconds. */
  readonly read: (head: Head, now: number) => Reading
  /** For servers that say why they refused in the body only. */
  readonly body?: Body | undefined
}

/**
 * A body is read for the `wanted` answers only, which should be refusals; the caller can still read it afterwards.
 *
 * @since 0.1.0
 * @category models
 */
export interface Body {
  readonly wanted: (head: Head) => boolean
  /** What the body says is merged over what the head said. */
  readonly read: (text: string, head: Head, now: number) => Reading
}

/**
 * Headers that each carry one number. Where several names are given, the first that is present counts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Numbers {
  readonly limit?: Names | undefined
  readonly remaining?: Names | undefined
  readonly reset?: Names | undefined
  /** What a `reset` means; it cannot be told from its value. */
  readonly resetUnit?: ResetUnit | undefined
  /** Length of the window in seconds. */
  readonly window?: Names | undefined
  readonly concurrencyLimit?: Names | undefined
  readonly running?: Names | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type Names = string | ReadonlyArray<string>

/**
 * - `seconds`: seconds left
 * - `millis`: milliseconds left
 * - `epochSeconds`: the time in seconds since 1970; compared with the answer's `Date` when it has one, so that the two
 *   clocks need not agree
 *
 * @since 0.1.0
 * @category models
 */
export type ResetUnit = "seconds" | "millis" | "epochSeconds"

/**
 * A dialect of a function.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (read: Dialect["read"], body?: Body): Dialect => ({
  read,
  body,
  pipe() {
    // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
    return pipeArguments(this, arguments)
  }
})

/**
 * A dialect of headers that each carry one number.
 *
 * @example
 * ```ts
 * import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
 *
 * const acme = RateLimitDialect.numbers({ remaining: "x-calls-left", reset: "x-calls-reset", resetUnit: "seconds" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const numbers = (names: Numbers): Dialect => {
  const { resetUnit, ...ofFields } = names
  return fields(Object.values(ofFields).flatMap((names) => names ?? []), (field, now) => {
    const limit = field.count(names.limit)
    const remaining = field.count(names.remaining)
    const window = field.seconds(names.window)
    const reset = resetUnit === "epochSeconds"
      ? field.epochSeconds(names.reset, now)
      : resetUnit === "millis"
      ? field.millis(names.reset)
      : field.seconds(names.reset)
    const concurrencyLimit = field.count(names.concurrencyLimit)
    const running = field.count(names.running)
    return {
      quotas: limit === undefined && remaining === undefined ? [] : [{ limit, remaining, window, reset }],
      concurrency: concurrencyLimit === undefined ? undefined : { limit: concurrencyLimit, running }
    }
  })
}

/**
 * The `RateLimit` and `RateLimit-Policy` fields of draft-ietf-httpapi-ratelimit-headers since its revision 8:
 * `"burst";r=50;t=30` with `"burst";q=100;w=60,"daily";q=1000;w=86400`. The quota unit `concurrent-requests` states a
 * concurrency; units other than this and `requests` are left alone.
 *
 * @since 0.1.0
 * @category dialects
 */
export const ietf: Dialect = fields(["ratelimit", "ratelimit-policy"], (field) => field.namedQuotas())

/**
 * Revision 7 of the same draft: `RateLimit: limit=100, remaining=50, reset=30`, with `RateLimit-Policy: 100;w=60`.
 *
 * @since 0.1.0
 * @category dialects
 */
export const ietfDraft7: Dialect = fields(["ratelimit"], (field) => {
  const stated = field.dictionary("ratelimit")
  return { quotas: stated === undefined ? [] : field.withPolicies(stated) }
})

/**
 * Revision 6 and earlier: `RateLimit-Limit`, `RateLimit-Remaining`, `RateLimit-Reset` (seconds left), with
 * `RateLimit-Policy: 100;w=60`.
 *
 * @since 0.1.0
 * @category dialects
 */
export const ietfDraft6: Dialect = fields(["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"], (field) => {
  const stated = {
    limit: field.count("ratelimit-limit"),
    remaining: field.count("ratelimit-remaining"),
    reset: field.seconds("ratelimit-reset")
  }
  return { quotas: stated.limit === undefined && stated.remaining === undefined ? [] : field.withPolicies(stated) }
})

/**
 * `X-RateLimit-Limit`, `X-RateLimit-Remaining` and `X-RateLimit-Reset`. Servers disagree on what the last one means;
 * say which it is.
 *
 * @since 0.1.0
 * @category dialects
 */
export const xRateLimit = (options: { readonly resetUnit: ResetUnit }): Dialect =>
  numbers({
    limit: "x-ratelimit-limit",
    remaining: "x-ratelimit-remaining",
    reset: "x-ratelimit-reset",
    resetUnit: options.resetUnit
  })

/**
 * `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3), on 429 and 503: elsewhere it does not speak of quotas.
 * Also `Retry-After-Ms` and `X-Ms-Retry-After-Ms`, which are finer and win.
 *
 * @since 0.1.0
 * @category dialects
 */
export const retryAfter: Dialect = make((head, now) =>
  head.status === 429 || head.status === 503 ? retryAfterFields.read(head, now) : nothing
)

/**
 * Reads with `that` what `self` finds nothing in.
 *
 * @since 0.1.0
 * @category combinators
 */
export const orElse: Combinator<Dialect> = dual(2, (self: Dialect, that: Dialect): Dialect =>
  make((head, now) => {
    const first = self.read(head, now)
    if (Option.isSome(first.signal)) return first
    const second = that.read(head, now)
    return Option.isSome(second.signal) ? second : merge(first, second)
  }, eitherBody(self.body, that.body)))

/**
 * Reads with both; where both speak of the same, `that` wins.
 *
 * @since 0.1.0
 * @category combinators
 */
export const and: Combinator<Dialect> = dual(
  2,
  (self: Dialect, that: Dialect): Dialect =>
    make((head, now) => merge(self.read(head, now), that.read(head, now)), eitherBody(self.body, that.body))
)

/**
 * Answers with these statuses are blocks, as 429 is in every dialect: the request was not executed. Name a status only
 * if the server uses it for nothing else; a POST is sent again on the strength of it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withStatus: {
  (...statuses: ReadonlyArray<number>): (self: Dialect) => Dialect
} = (...statuses) => (self) =>
  make((head, now) => {
    if (!statuses.includes(head.status)) return self.read(head, now)
    const { malformed, signal } = self.read({ ...head, status: 429 }, now)
    return {
      malformed,
      signal: Option.some(Signal.merge(Option.getOrElse(signal, () => Signal.empty), Signal.make({ blocked: "rate" })))
    }
  }, self.body)

/**
 * Reads headers under other names: `{ "x-acme-remaining": "x-ratelimit-remaining" }` for a server that calls so what the
 * dialect knows as `X-RateLimit-Remaining`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const renameHeaders: Combinator<Readonly<Record<string, string>>> = dual(
  2,
  (self: Dialect, names: Readonly<Record<string, string>>): Dialect => {
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
export const withBody: Combinator<Body> = dual(2, (self: Dialect, body: Body): Dialect => make(self.read, body))

/**
 * What most servers that follow a standard understand: the IETF fields in any revision, and `Retry-After`.
 *
 * @since 0.1.0
 * @category dialects
 */
export const standard: Dialect = ietf.pipe(orElse(ietfDraft7), orElse(ietfDraft6), and(retryAfter))

/**
 * GitHub's REST API: `X-RateLimit-*` with an epoch, a quota for each `X-RateLimit-Resource`, and blocks as 403 or 429
 * with a spent quota or a `Retry-After`; a 429 with neither asks for a minute.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 *
 * @since 0.1.0
 * @category dialects
 */
export const github: Dialect = make((head, now) => {
  const { malformed, signal } = githubFields.read(head.status === 403 ? { ...head, status: 429 } : head, now)
  const read = Option.getOrElse(signal, () => Signal.empty)
  const quotas = read.quotas.map((quota) => ({ ...quota, name: head.headers["x-ratelimit-resource"] }))
  const spent = read.retryAfter !== undefined || quotas.some((quota) => quota.remaining === 0)
  const isBlocked = head.status === 429 || (head.status === 403 && spent)
  return isBlocked
    ? {
      malformed,
      signal: Option.some({ ...read, quotas, blocked: "rate", retryAfter: spent ? read.retryAfter : 60_000 })
    }
    : { malformed, signal: Option.map(signal, (signal) => ({ ...signal, quotas })) }
})

const githubFields = and(xRateLimit({ resetUnit: "epochSeconds" }), retryAfter)

/**
 * Reads the head of an answer. 429 (RFC 6585 section 4) is a block whether or not the dialect finds anything more.
 *
 * @since 0.1.0
 * @category reading
 */
export const read = (self: Dialect, head: Head, now: number): Reading => {
  const found = self.read(head, now)
  return head.status === 429 ? merge({ malformed: [], signal: Option.some(tooManyRequests) }, found) : found
}

/**
 * Two readings of one answer as one; where both speak of the same, `that` wins.
 *
 * @since 0.1.0
 * @category reading
 */
export const merge = (self: Reading, that: Reading): Reading =>
  self === nothing ? that : that === nothing ? self : {
    malformed: [...self.malformed, ...that.malformed],
    signal: Option.match(self.signal, {
      onNone: () => that.signal,
      onSome: (first) =>
        Option.some(Option.match(that.signal, { onNone: () => first, onSome: (second) => Signal.merge(first, second) }))
    })
  }

/** A combinator, data-last or data-first. */
interface Combinator<Argument> {
  (argument: Argument): (self: Dialect) => Dialect
  (self: Dialect, argument: Argument): Dialect
}

/** What most answers say of quotas, so that it is recognised by what it is. */
const nothing: Reading = { signal: Option.none(), malformed: [] }

const tooManyRequests = Signal.make({ blocked: "rate" })

const retryAfterFields = fields(
  ["retry-after-ms", "x-ms-retry-after-ms", "retry-after"],
  (field, now) => ({
    retryAfter: field.millis(["retry-after-ms", "x-ms-retry-after-ms"]) ?? field.secondsOrDate("retry-after", now)
  })
)

/** A dialect of the fields of these names: an answer without any of them says nothing. */
function fields(
  names: ReadonlyArray<string>,
  read: (field: Field.Reader, now: number) => Partial<Signal.Signal>
): Dialect {
  return make((head, now) => {
    if (!names.some((name) => head.headers[name] !== undefined)) return nothing
    const field = Field.reader(head)
    const parts = read(field, now)
    const saysNothing = (parts.quotas ?? []).length === 0 && parts.concurrency === undefined &&
      parts.retryAfter === undefined
    return { malformed: field.malformed, signal: saysNothing ? Option.none() : Option.some(Signal.make(parts)) }
  })
}

function eitherBody(self: Body | undefined, that: Body | undefined): Body | undefined {
  return self === undefined || that === undefined ? self ?? that : {
    wanted: (head) => self.wanted(head) || that.wanted(head),
    read: (text, head, now) => self.wanted(head) ? self.read(text, head, now) : that.read(text, head, now)
  }
}
