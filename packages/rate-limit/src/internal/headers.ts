/** How a server states its quotas, as a value: the model, the parts that every dialect is made of, and the reading. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as RateLimitStatus from "../RateLimitStatus.ts"
import type { Head } from "./fields.ts"
import * as Fields from "./fields.ts"

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

export const make = (read: RateLimitHeaders["read"], body?: Body): RateLimitHeaders => ({
  read,
  body,
  pipe() {
    // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
    return pipeArguments(this, arguments)
  }
})

/** The reading of most responses, recognised by its identity. */
export const nothing: Reading = { status: Option.none(), malformed: [] }

/** Headers of these names: a response without any of them says nothing. */
export const fields = (
  names: ReadonlyArray<string>,
  read: (reader: Fields.Reader, now: number) => Partial<RateLimitStatus.RateLimitStatus>
): RateLimitHeaders =>
  make((head, now) => {
    if (!names.some((name) => head.headers[name] !== undefined)) return nothing
    const reader = Fields.reader(head)
    const { concurrency, quotas = [], retryAfter } = read(reader, now)
    const saysNothing = quotas.length === 0 && concurrency === undefined && retryAfter === undefined
    return {
      malformed: reader.malformed,
      status: saysNothing ? Option.none() : Option.some({ blocked: "none", quotas, concurrency, retryAfter })
    }
  })

/** Combines two readings of one response. Where both state the same thing, `that` wins. */
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

/** Reads with `that` the responses in which `self` finds nothing. */
export const orElse = (self: RateLimitHeaders, that: RateLimitHeaders): RateLimitHeaders =>
  make((head, now) => {
    const first = self.read(head, now)
    if (Option.isSome(first.status)) return first
    const second = that.read(head, now)
    return Option.isSome(second.status) ? second : merge(first, second)
  }, eitherBody(self.body, that.body))

/** Reads the responses with one of these statuses. */
export const onStatus = (statuses: ReadonlyArray<number>, self: RateLimitHeaders): RateLimitHeaders =>
  make((head, now) => statuses.includes(head.status) ? self.read(head, now) : nothing, self.body)

/** Reads with both. */
export const and = (self: RateLimitHeaders, that: RateLimitHeaders): RateLimitHeaders =>
  make((head, now) => merge(self.read(head, now), that.read(head, now)), eitherBody(self.body, that.body))

/** Reads the bodies that either wants. */
export const eitherBody = (self: Body | undefined, that: Body | undefined): Body | undefined =>
  self === undefined || that === undefined ? self ?? that : {
    wanted: (head) => self.wanted(head) || that.wanted(head),
    read: (text, head, now) => {
      const first = self.wanted(head) ? self.read(text, head, now) : nothing
      return that.wanted(head) ? merge(first, that.read(text, head, now)) : first
    }
  }

export const tooManyRequests = RateLimitStatus.make({ blocked: "rate" })

/** What every response says by its status and its age, whatever the dialect. */
export const read = (self: RateLimitHeaders, head: Head, now: number): Reading => {
  const found = self.read(head, now)
  const all = head.status === 429 ? merge({ malformed: [], status: Option.some(tooManyRequests) }, found) : found
  return head.headers["age"] === undefined ? all : { ...all, status: Option.flatMap(all.status, aged(head)) }
}

/** What is left of the status of a response that has been in a cache. */
const aged =
  (head: Head) => (status: RateLimitStatus.RateLimitStatus): Option.Option<RateLimitStatus.RateLimitStatus> => {
    const age = Fields.seconds(Fields.reader(head), "age") ?? Duration.zero
    const left = status.retryAfter === undefined ? Duration.zero : Duration.subtract(status.retryAfter, age)
    const retryAfter = Duration.greaterThan(left, Duration.zero) ? left : undefined
    return status.blocked === "none" && retryAfter === undefined
      ? Option.none()
      : Option.some({ blocked: status.blocked, quotas: [], retryAfter, isGrowing: status.isGrowing })
  }
