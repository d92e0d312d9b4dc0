/**
 * Keeps a program just below the quotas of a server. Each partition (by default: each endpoint) has a state that is
 * learned from the answers; requests are held back before they are sent, wake in the order in which they came, and no
 * more at once than the server will admit. How long to wait is a Schedule, fed with what the server said.
 *
 * @since 0.1.0
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import type { RateLimited } from "./AuthError.ts"
import * as QuotaGovernor from "./internal/quotaGovernor.ts"
import * as RateLimitDialect from "./RateLimitDialect.ts"
import * as Signal from "./RateLimitSignal.ts"

/**
 * How quotas are learned and respected.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits extends Pipeable {
  readonly dialect: RateLimitDialect.Dialect
  /** Requests with the same key share a quota. */
  readonly partition: (request: HttpClientRequest.HttpClientRequest) => string
  /**
   * Stepped with the server's signal once for every sleep of a request, be it before the first attempt or after a block.
   * It may lengthen a sleep (jitter) or end the waiting with `RateLimited`; it cannot shorten what the server asks for.
   */
  readonly sleeping: Schedule.Schedule<unknown, Signal.Signal>
  /** How long after it was made a request may still wait; then it fails with `RateLimited`. */
  readonly maxWait: Duration.Duration
  /** How often one request is sent again after blocks; the next block makes it fail with `RateLimited`. */
  readonly maxReplays: number
  /** Warn, once for each number and window, when fewer calls than this are left. */
  readonly warnBelow: ReadonlyArray<number>
  /** Calls of each window that are left to others. */
  readonly reserve: number
  /** Whether the first request of a partition goes alone, and more at once as they are served. */
  readonly probe: boolean
  /** What is known of every partition before its first answer. */
  readonly initial: Signal.Signal | undefined
}

/**
 * The keeper of quotas: one for a server, shared by all clients whose requests the server counts together.
 *
 * @since 0.1.0
 * @category models
 */
export interface Governor {
  /**
   * Runs the attempt when the quota admits it, and learns from its answer. A blocked answer is waited out and attempted
   * again, when the request's body can be sent again and within the bounds of the {@link Limits}; else it is a
   * `RateLimited`.
   */
  readonly run: <E, R>(
    request: HttpClientRequest.HttpClientRequest,
    attempt: Attempt<E, R>
  ) => Effect.Effect<HttpClientResponse.HttpClientResponse, E | RateLimited, R>
  /** What is known of each partition that was used lately. */
  readonly snapshot: Effect.Effect<ReadonlyArray<Snapshot>>
}

/**
 * Sends a request at this time (ms). It obtains its proof itself, so that it is fresh after a sleep.
 *
 * @since 0.1.0
 * @category models
 */
export type Attempt<E = never, R = never> = (
  now: number
) => Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>

/**
 * What is known of a partition now.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly key: string
  /** As the server states them, with `remaining` less what was sent since; times from now. */
  readonly quotas: ReadonlyArray<Signal.Quota>
  readonly concurrency: number | undefined
  readonly inFlight: number
  readonly waiting: number
  /** Milliseconds for which nothing will be sent. */
  readonly blockedFor: number
}

/**
 * Sleeps as long as the server asks for. Compose it to bound or to vary that: `RateLimit.sleep.pipe(Schedule.jittered)`,
 * `Schedule.intersect(Schedule.recurs(3))`, `Schedule.upTo("1 hour")`.
 *
 * @since 0.1.0
 * @category schedules
 */
export const sleep: Schedule.Schedule<Duration.Duration, Signal.Signal> = Schedule.makeWithState(
  undefined,
  (now, signal: Signal.Signal) => {
    const wait = Signal.wait(signal)
    return Effect.succeed([
      undefined,
      Duration.millis(wait),
      ScheduleDecision.continueWith(ScheduleInterval.after(now + wait))
    ])
  }
)

const defaultLimits: Limits = limits({
  dialect: RateLimitDialect.standard,
  partition: byEndpoint,
  sleeping: sleep,
  maxWait: Duration.minutes(5),
  maxReplays: 100,
  warnBelow: [10],
  reserve: 0,
  probe: false,
  initial: undefined
})

export {
  /**
   * The standard dialect; a quota for each endpoint; sleeps as long as the server asks for and no request longer than
   * 5 minutes in all nor through more than 100 blocks; a warning when fewer than 10 calls are left; no reserve, no probe.
   *
   * @example
   * ```ts
   * import * as RateLimit from "@effect-auth/core/RateLimit"
   * import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
   * import * as Schedule from "effect/Schedule"
   *
   * const limits = RateLimit.default.pipe(
   *   RateLimit.withDialect(RateLimitDialect.github),
   *   RateLimit.partitionBy(RateLimit.byOrigin),
   *   RateLimit.sleeping(RateLimit.sleep.pipe(Schedule.upTo("1 hour")))
   * )
   * ```
   *
   * @since 0.1.0
   * @category presets
   */
  defaultLimits as default
}

/**
 * Replaces the dialect that answers are read in.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withDialect: Setter<RateLimitDialect.Dialect> = dual(
  2,
  (self: Limits, dialect: RateLimitDialect.Dialect) => limits({ ...self, dialect })
)

/**
 * Replaces what requests share a quota, such as {@link byEndpoint} or {@link byOrigin}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const partitionBy: Setter<Limits["partition"]> = dual(
  2,
  (self: Limits, partition: Limits["partition"]) => limits({ ...self, partition })
)

/**
 * Replaces the schedule of sleeps, and with it lifts the cap of {@link maxWait}: the schedule says how long is too long.
 * `Schedule.upTo` looks ahead: a sleep that would end beyond it fails at once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const sleeping: Setter<Limits["sleeping"]> = dual(
  2,
  (self: Limits, sleeping: Limits["sleeping"]) => limits({ ...self, sleeping, maxWait: Duration.infinity })
)

/**
 * Replaces how long after it was made a request may still wait, its blocked attempts included. A wait that is known to be
 * longer fails at once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const maxWait: Setter<Duration.DurationInput> = dual(
  2,
  (self: Limits, maxWait: Duration.DurationInput) => limits({ ...self, maxWait: Duration.decode(maxWait) })
)

/**
 * Replaces how often one request is sent again after blocks. A block is the fault of the queue and of others who use the
 * quota, not of the request, so the time that it may wait is to bound it and this number only ends what does not end by
 * itself. 0 turns every block into a `RateLimited`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const maxReplays: Setter<number> = dual(
  2,
  (self: Limits, maxReplays: number) => limits({ ...self, maxReplays })
)

/**
 * Replaces the numbers of calls left below which to warn.
 *
 * @since 0.1.0
 * @category combinators
 */
export const warnBelow: Setter<ReadonlyArray<number>> = dual(
  2,
  (self: Limits, warnBelow: ReadonlyArray<number>) => limits({ ...self, warnBelow })
)

/**
 * Leaves this many calls of each window to others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const reserve: Setter<number> = dual(2, (self: Limits, reserve: number) => limits({ ...self, reserve }))

/**
 * Whether the first request of a partition goes alone until its answer tells the quota; then each that is served makes
 * room for two, as after a block. Without it, a burst into an unknown quota may be blocked once. With it, a first request
 * that takes long holds up the others.
 *
 * @since 0.1.0
 * @category combinators
 */
export const probe: Setter<boolean> = dual(2, (self: Limits, probe: boolean) => limits({ ...self, probe }))

/**
 * Says what is known of every partition before its first answer.
 *
 * @example
 * ```ts
 * import * as RateLimit from "@effect-auth/core/RateLimit"
 * import * as RateLimitSignal from "@effect-auth/core/RateLimitSignal"
 *
 * const limits = RateLimit.default.pipe(
 *   RateLimit.initially(RateLimitSignal.make({ quotas: [{ limit: 300, window: 3_600_000 }], concurrency: { limit: 2 } }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const initially: Setter<Signal.Signal> = dual(
  2,
  (self: Limits, initial: Signal.Signal) => limits({ ...self, initial })
)

/**
 * One quota for each origin and path, whatever the method and the query. The request's URL is absolute.
 *
 * @since 0.1.0
 * @category partitions
 */
export function byEndpoint(request: HttpClientRequest.HttpClientRequest): string {
  const query = request.url.indexOf("?")
  return query === -1 ? request.url : request.url.slice(0, query)
}

/**
 * One quota for each origin.
 *
 * @since 0.1.0
 * @category partitions
 */
export const byOrigin = (request: HttpClientRequest.HttpClientRequest): string => {
  const path = request.url.indexOf("/", request.url.indexOf("://") + 3)
  return path === -1 ? byEndpoint(request) : request.url.slice(0, path)
}

/**
 * Makes a keeper of quotas. It needs no Scope: nothing runs but the requests themselves.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (limits: Limits): Effect.Effect<Governor> => Effect.sync(() => QuotaGovernor.make(limits))

/** A combinator that replaces one part of the limits, data-last or data-first. */
interface Setter<Part> {
  (part: Part): (self: Limits) => Limits
  (self: Limits, part: Part): Limits
}

function limits(parts: Omit<Limits, "pipe">): Limits {
  return {
    ...parts,
    pipe() {
      // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
      return pipeArguments(this, arguments)
    }
  }
}
