/**
 * How quotas are learned and respected, as a value: which requests share a quota, how responses state it, how long a
 * request waits. Each combinator replaces the field of its name.
 *
 * @since 0.1.0
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Schedule from "effect/Schedule"
import type { DurationWithUnit } from "./DurationWithUnit.ts"
import * as Key from "./internal/key.ts"
import { fromDelay } from "./internal/schedule.ts"
import * as RateLimitHeaders from "./RateLimitHeaders.ts"
import * as RateLimitStatus from "./RateLimitStatus.ts"
import type { Limits } from "./ResponseBody.ts"

/**
 * How a limiter learns and respects quotas.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimitPolicy extends Pipeable {
  /**
   * Requests with the same key share a quota, and so do those of two keys of one origin that are blocked at the same time.
   * A request without a key (`undefined`) is not limited by the server: it is neither counted nor held back.
   */
  readonly key: (request: HttpClientRequest.HttpClientRequest) => string | undefined
  /** How responses state quotas. */
  readonly headers: RateLimitHeaders.RateLimitHeaders
  /**
   * Stepped with the status of the key once for each wait of a request, before its first attempt or after a block. It may
   * lengthen a wait (jitter) or end the waiting with `RateLimited`; it cannot shorten what the server asks for. It does not
   * look ahead: a wait that is known to be too long fails at once by `maxWait`.
   */
  readonly waiting: Schedule.Schedule<unknown, RateLimitStatus.RateLimitStatus>
  /**
   * How long nothing is sent after a block for which the server states no wait, and the least after a block that follows
   * another if the server states less than a second. Stepped once for each such block, with the status of the response:
   * several requests of one burst are one block, and the blocks of all keys of an origin follow each other. Begins anew
   * when a request of a key that was blocked is served. A schedule that is done repeats its last delay: `waiting`,
   * `maxWait` and `maxReplays` end the waiting.
   */
  readonly backoff: Schedule.Schedule<unknown, RateLimitStatus.RateLimitStatus>
  /** The longest that a request may wait, counted from its making through all its attempts; then it fails with `RateLimited`. */
  readonly maxWait: Duration.Duration
  /** How often one request is sent again after blocks; the next block makes it fail with `RateLimited`. */
  readonly maxReplays: number
  /**
   * The numbers of calls left below which the limiter warns, once for each number and window. A number below 1 is a share
   * of the limit: 0.1 is a tenth. Where the server states no limit, the most calls that it was seen to admit are the limit.
   */
  readonly warnBelow: ReadonlyArray<number>
  /**
   * The least time between two warnings of one kind about one key: of calls that are left, and of waits longer than a
   * second. A warning of calls left that comes too soon is given later, if it still holds at a response then. A wait that
   * ends at least this much later than the last warning said is warned of at once. Zero: every number is warned of,
   * however fast it is reached, and every such wait.
   */
  readonly warnEvery: Duration.Duration
  /**
   * The longest statement of a server that is taken at its word. When nothing else has been heard of a quota for so long,
   * one request finds out whether it still holds.
   */
  readonly believe: Duration.Duration
  /** Calls of each window that are left to other consumers of the quota. */
  readonly reserve: number
  /** Whether the first request of a key goes alone, and more at once as they are served. */
  readonly probe: boolean
  /** What is known of every key before its first response. */
  readonly initial: RateLimitStatus.RateLimitStatus | undefined
  /** How much is read of the body of a block, or of a refusal that states its reason there. */
  readonly bodies: Limits
}

/**
 * Waits as long as the server asks for. Compose it to bound or to vary the waits:
 * `RateLimitPolicy.asStated.pipe(Schedule.jittered)`, `Schedule.intersect(Schedule.recurs(3))`,
 * `Schedule.upTo("1 hour")`.
 *
 * @since 0.1.0
 * @category schedules
 */
export const asStated: Schedule.Schedule<Duration.Duration, RateLimitStatus.RateLimitStatus> = fromDelay((
  status: RateLimitStatus.RateLimitStatus
) => Effect.succeed(Option.some(RateLimitStatus.wait(status))))

const defaultPolicy: RateLimitPolicy = make({
  key: Key.byEndpoint,
  headers: RateLimitHeaders.standard,
  waiting: asStated,
  backoff: Schedule.union(Schedule.exponential("1 second"), Schedule.spaced("1 minute")),
  maxWait: Duration.minutes(5),
  maxReplays: 100,
  warnBelow: [0.1],
  warnEvery: Duration.minutes(1),
  believe: Duration.hours(24),
  reserve: 0,
  probe: false,
  initial: undefined,
  bodies: {}
})

export {
  /**
   * A quota for each endpoint, stated in standard headers. A request waits as long as the server asks for, at most 5
   * minutes in all and through at most 100 blocks; after a block without a stated wait 1 second, doubled with each further
   * block up to one minute. No statement is believed for longer than 24 hours. Warns when less than a tenth of a limit is
   * left, at most once a minute. No reserve, no probe.
   *
   * @example
   * ```ts
   * import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
   * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
   * import * as Schedule from "effect/Schedule"
   *
   * const policy = RateLimitPolicy.default.pipe(
   *   RateLimitPolicy.headers(RateLimitHeaders.github),
   *   RateLimitPolicy.key(RateLimitPolicy.byOrigin),
   *   RateLimitPolicy.waiting(Schedule.jittered(RateLimitPolicy.asStated)),
   *   RateLimitPolicy.maxWait("1 hour")
   * )
   * ```
   *
   * @since 0.1.0
   * @category presets
   */
  defaultPolicy as default
}

/**
 * Replaces which requests share a quota: {@link byEndpoint}, {@link byRoute}, {@link byOrigin}, or a function that gives a
 * key, or `undefined` for requests that the server does not limit.
 *
 * @since 0.1.0
 * @category combinators
 */
export const key: Setter<RateLimitPolicy["key"]> = dual(
  2,
  (self: RateLimitPolicy, key: RateLimitPolicy["key"]) => make({ ...self, key })
)

/**
 * Replaces how responses state quotas.
 *
 * @since 0.1.0
 * @category combinators
 */
export const headers: Setter<RateLimitHeaders.RateLimitHeaders> = dual(
  2,
  (self: RateLimitPolicy, headers: RateLimitHeaders.RateLimitHeaders) => make({ ...self, headers })
)

/**
 * Replaces the schedule of waits. How long is too long is said by {@link maxWait}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const waiting: Setter<RateLimitPolicy["waiting"]> = dual(
  2,
  (self: RateLimitPolicy, waiting: RateLimitPolicy["waiting"]) => make({ ...self, waiting })
)

/**
 * Replaces the pauses after blocks for which the server states no wait, or too short a one again and again.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as Schedule from "effect/Schedule"
 *
 * const policy = RateLimitPolicy.default.pipe(
 *   RateLimitPolicy.backoff(Schedule.jittered(Schedule.exponential("200 millis")))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const backoff: Setter<RateLimitPolicy["backoff"]> = dual(
  2,
  (self: RateLimitPolicy, backoff: RateLimitPolicy["backoff"]) => make({ ...self, backoff })
)

/**
 * Replaces the longest that a request may wait, counted from its making and through all its attempts. A wait that is
 * known to be longer fails at once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const maxWait: Setter<DurationWithUnit> = dual(
  2,
  (self: RateLimitPolicy, maxWait: DurationWithUnit) => make({ ...self, maxWait: Duration.decode(maxWait) })
)

/**
 * Replaces how often one request is sent again after blocks. 0 turns every block into a `RateLimited`. A block is caused
 * by the load on the quota and not by the request, so `maxWait` is the bound that matters; this number ends only what
 * would not end by itself.
 *
 * @since 0.1.0
 * @category combinators
 */
export const maxReplays: Setter<number> = dual(
  2,
  (self: RateLimitPolicy, maxReplays: number) => make({ ...self, maxReplays })
)

/**
 * Replaces the least time between two warnings about one key.
 *
 * @since 0.1.0
 * @category combinators
 */
export const warnEvery: Setter<DurationWithUnit> = dual(
  2,
  (self: RateLimitPolicy, warnEvery: DurationWithUnit) => make({ ...self, warnEvery: Duration.decode(warnEvery) })
)

/**
 * Replaces the numbers of calls left below which the limiter warns; a number below 1 is a share of the limit.
 *
 * @since 0.1.0
 * @category combinators
 */
export const warnBelow: Setter<ReadonlyArray<number>> = dual(
  2,
  (self: RateLimitPolicy, warnBelow: ReadonlyArray<number>) => make({ ...self, warnBelow })
)

/**
 * Replaces the longest statement of a server that is taken at its word: "try again in a year" holds for so long, then one
 * request finds out.
 *
 * @since 0.1.0
 * @category combinators
 */
export const believe: Setter<DurationWithUnit> = dual(
  2,
  (self: RateLimitPolicy, believe: DurationWithUnit) => make({ ...self, believe: Duration.decode(believe) })
)

/**
 * Leaves this many calls of each window to other consumers of the quota.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reserve: Setter<number> = dual(
  2,
  (self: RateLimitPolicy, reserve: number) => make({ ...self, reserve })
)

/**
 * Whether the first request of a key goes alone until its response states the quota; then each served request makes room
 * for two, as after a block. Without a probe, a burst against an unknown quota may be blocked once. With it, a slow first
 * request holds up the others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const probe: Setter<boolean> = dual(
  2,
  (self: RateLimitPolicy, probe: boolean) => make({ ...self, probe })
)

/**
 * Says what is known of every key before its first response.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as RateLimitStatus from "@effect-auth/rate-limit/RateLimitStatus"
 * import * as Duration from "effect/Duration"
 *
 * const policy = RateLimitPolicy.default.pipe(
 *   RateLimitPolicy.initial(
 *     RateLimitStatus.make({ quotas: [{ limit: 300, window: Duration.hours(1) }], concurrency: { limit: 2 } })
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const initial: Setter<RateLimitStatus.RateLimitStatus> = dual(
  2,
  (self: RateLimitPolicy, initial: RateLimitStatus.RateLimitStatus) => make({ ...self, initial })
)

/**
 * Replaces how much is read of the body of a block, for what it says or before it is given up.
 *
 * @since 0.1.0
 * @category combinators
 */
export const bodies: Setter<Limits> = dual(
  2,
  (self: RateLimitPolicy, bodies: Limits) => make({ ...self, bodies })
)

/**
 * One quota for each origin and path, whatever the method, the query and the user in the URL. Segments that are numbers or
 * UUIDs are taken for ids, which have no quotas of their own: `/users/1/posts` is `/users/{id}/posts`. The request's URL
 * must be absolute.
 *
 * @since 0.1.0
 * @category keys
 */
export const byEndpoint: (request: HttpClientRequest.HttpClientRequest) => string = Key.byEndpoint

/**
 * One quota for each origin and template of a path, such as `/repos/{owner}/{repo}` or `/files/*`. A segment `{name}` or
 * `:name` stands for any one segment, a segment `*` for any number of them; the first template that matches counts. What
 * matches none of them is keyed {@link byEndpoint}.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 *
 * const policy = RateLimitPolicy.default.pipe(
 *   RateLimitPolicy.key(RateLimitPolicy.byRoute(["/repos/{owner}/{repo}", "/search/*"]))
 * )
 * ```
 *
 * @since 0.1.0
 * @category keys
 */
export const byRoute: (
  templates: ReadonlyArray<string>
) => (request: HttpClientRequest.HttpClientRequest) => string = Key.byRoute

/**
 * One quota for each origin. The request's URL must be absolute.
 *
 * @since 0.1.0
 * @category keys
 */
export const byOrigin: (request: HttpClientRequest.HttpClientRequest) => string = Key.byOrigin

/** A combinator that replaces one field of the policy, data-last or data-first. */
interface Setter<Field> {
  (field: Field): (self: RateLimitPolicy) => RateLimitPolicy
  (self: RateLimitPolicy, field: Field): RateLimitPolicy
}

function make(fields: Omit<RateLimitPolicy, "pipe">): RateLimitPolicy {
  return {
    ...fields,
    pipe() {
      // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
      return pipeArguments(this, arguments)
    }
  }
}
