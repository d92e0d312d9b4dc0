/**
 * What is known of one key, and whether one more request may be sent. Pure; times in epoch milliseconds.
 */
import * as Duration from "effect/Duration"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import type { Quota, RateLimitStatus } from "../RateLimitStatus.ts"
import { wait } from "../RateLimitStatus.ts"
import * as Window from "./window.ts"

export interface Partition {
  readonly windows: ReadonlyArray<Window.WindowUsage>
  readonly inFlight: number
  /** The number of calls that the server runs at once, as it states it. */
  readonly concurrency: number | undefined
  /** How many calls may be in flight after a block, or as a probe (`cwnd` of RFC 5681). */
  readonly congestionWindow: number
  /** Half of the calls in flight at the last block: from there on the congestion window grows slowly (`ssthresh`). */
  readonly slowStartThreshold: number
  /** Nothing is sent before. */
  readonly blockedUntil: number
  readonly touchedAt: number
  /** When the last warning was given. */
  readonly warnedAt: number
}

/** A request between its sending and its response. */
export interface SentCall {
  readonly sentAt: number
}

/** What a partition needs of the policy. */
export interface Rules extends Pick<RateLimitPolicy, "probe" | "reserve" | "initial"> {
  /** In milliseconds. */
  readonly believe: number
}

export const rulesOf = ({ believe, initial, probe, reserve }: RateLimitPolicy): Rules => ({
  probe,
  reserve,
  initial,
  believe: Duration.toMillis(believe)
})

export const make = ({ initial, probe }: Rules, now: number): Partition => ({
  windows: (initial?.quotas ?? []).map((quota) => Window.open(quota, now)),
  inFlight: 0,
  concurrency: initial?.concurrency?.limit,
  congestionWindow: probe ? 1 : Infinity,
  slowStartThreshold: Infinity,
  blockedUntil: initial === undefined ? 0 : now + Duration.toMillis(wait(initial)),
  touchedAt: now,
  warnedAt: -Infinity
})

/**
 * When one more request may be sent: now or earlier, at a time, or not before one of those in flight is answered
 * (`Infinity`).
 */
export const opensAt = (partition: Partition, rules: Rules, now: number): number => {
  if (partition.blockedUntil > now) return partition.blockedUntil
  if (partition.inFlight > 0) {
    const admitted = Math.floor(Math.min(partition.concurrency ?? Infinity, partition.congestionWindow))
    if (partition.inFlight >= Math.max(1, admitted)) return Infinity
  }
  return partition.windows.reduce(
    (latest, usage) => Math.max(latest, Window.opensAt(usage, partition.inFlight, rules, now)),
    now
  )
}

export const sent = (partition: Partition, { believe }: Rules, now: number): Partition =>
  counted(partition, partition.inFlight + 1, each(partition.windows, (usage) => Window.take(usage, believe, now)), now)

/** No response came; the server may have executed the request nevertheless. */
export const abandoned = (partition: Partition, now: number): Partition =>
  counted(partition, partition.inFlight - 1, each(partition.windows, (usage) => Window.charge(usage, now)), now)

/**
 * A response arrived, with or without a statement about quotas. `backoff` is the least that a block lasts, in milliseconds.
 *
 * A block does not say how many more calls the server would have served. So the calls after it begin with one and grow as
 * TCP does after a loss (RFC 5681 section 3.1): each served call makes room for two up to half of what was in flight at
 * the block, from there on for one more in each round. So not all of the requests that were held back run into the next
 * block. The response to a call that was sent before the block was known says nothing about the time after it.
 */
export const answered = (
  partition: Partition,
  call: SentCall,
  status: RateLimitStatus,
  backoff: number,
  { believe }: Rules,
  now: number
): Partition => {
  // most responses state no wait, and each of them is asked
  const stated = status.blocked === "none" && status.retryAfter === undefined ? 0 : statedWait(status)
  const pause = Math.min(Math.max(stated, backoff), believe)
  const others = partition.inFlight - 1
  const windows = status.quotas.length === 0
    ? partition.windows
    : withStatements(partition.windows, status.quotas, {
      sentAt: call.sentAt,
      answeredAt: now,
      executed: status.blocked === "none",
      others
    })
  const concurrency = status.concurrency?.limit ?? partition.concurrency
  switch (status.blocked) {
    case "none":
      return {
        windows: each(windows, (usage) => Window.charge(usage, now)),
        inFlight: others,
        concurrency,
        // after a wait that was not believed, one call finds out whether it still holds
        congestionWindow: stated > believe
          ? 1
          : isNews(partition, call)
          ? grown(partition)
          : partition.congestionWindow,
        slowStartThreshold: partition.slowStartThreshold,
        // a server that is unavailable for a while states that too (503 with Retry-After)
        blockedUntil: status.retryAfter === undefined
          ? partition.blockedUntil
          : Math.max(partition.blockedUntil, now + pause),
        touchedAt: now,
        warnedAt: partition.warnedAt
      }
    case "rate": {
      const until = Math.max(partition.blockedUntil, now + pause)
      return {
        windows: windows.map((usage) =>
          status.quotas.length === 0 || Window.opensAt(usage, others, { reserve: 0, believe }, now) > now
            ? Window.exhaust(usage, others, until, now)
            : usage
        ),
        inFlight: others,
        concurrency,
        congestionWindow: 1,
        slowStartThreshold: isNews(partition, call)
          ? Math.max(1, partition.inFlight / 2)
          : partition.slowStartThreshold,
        blockedUntil: until,
        touchedAt: now,
        warnedAt: partition.warnedAt
      }
    }
    case "concurrency":
      return {
        windows,
        inFlight: others,
        concurrency,
        congestionWindow: Math.max(1, others),
        slowStartThreshold: partition.slowStartThreshold,
        // another call of this key will end; with none in flight only time helps
        blockedUntil: others > 0
          ? partition.blockedUntil
          : Math.max(partition.blockedUntil, now + pause),
        touchedAt: now,
        warnedAt: partition.warnedAt
      }
  }
}

/** What is known now in the terms of a response, with `wait` milliseconds still to wait. */
export const toStatus = (partition: Partition, wait: number, now: number): RateLimitStatus => ({
  blocked: partition.blockedUntil > now ||
      partition.windows.some((usage) => Window.remaining(usage, partition.inFlight, now) === 0)
    ? "rate"
    : partition.inFlight >= (partition.concurrency ?? Infinity)
    ? "concurrency"
    : "none",
  quotas: quotas(partition, now),
  concurrency: partition.concurrency === undefined
    ? undefined
    : { limit: partition.concurrency, running: partition.inFlight },
  retryAfter: Duration.millis(wait)
})

/** The quotas as a response would state them now, `remaining` without the calls in flight. */
export const quotas = (partition: Partition, now: number): ReadonlyArray<Quota> =>
  partition.windows.map((usage) => ({
    name: usage.name,
    limit: usage.limit,
    remaining: Window.remaining(usage, partition.inFlight, now),
    window: usage.window === undefined ? undefined : Duration.millis(usage.window),
    reset: Duration.millis(Math.max(0, Window.moreAt(usage, now) - now)),
    partition: usage.partition
  }))

/** What is known once nobody knows how much time has passed: one call finds out what has changed. */
export const forgetTimes = (partition: Partition, now: number): Partition =>
  partition.windows.length === 0 && partition.blockedUntil <= now
    ? partition
    : { ...partition, windows: [], blockedUntil: 0, congestionWindow: 1, warnedAt: -Infinity }

/** Whether nothing would be lost by forgetting the partition. */
export const isIdle = (partition: Partition, { believe }: Rules, now: number): boolean =>
  partition.inFlight === 0 &&
  partition.windows.reduce(
      (latest, usage) => Math.max(latest, Window.staleAt(usage, believe)),
      Math.max(partition.blockedUntil, partition.touchedAt + keptFor)
    ) < now

/** Long enough that a probe is not repeated for an endpoint that is called every few minutes. */
const keptFor = 600_000

/** A server that invents a name for each response must not fill the memory; servers state up to three quotas. */
export const mostWindows = 4

const withStatements = (
  windows: Partition["windows"],
  quotas: ReadonlyArray<Quota>,
  call: Window.AnsweredCall
): Partition["windows"] =>
  quotas.reduce((windows, quota) => {
    const known = windows.find((usage) => Window.isOf(usage, quota))
    return known === undefined
      ? [
        ...windows.slice(1 - mostWindows),
        Window.state(Window.open({ ...quota, remaining: undefined }, call.sentAt), quota, call)
      ]
      : windows.map((usage) => usage === known ? Window.state(usage, quota, call) : usage)
  }, windows)

/** Whether the response shows that the last block is over. */
export const isServed = (partition: Partition, call: SentCall, status: RateLimitStatus): boolean =>
  status.blocked === "none" && isNews(partition, call)

/** Whether the call was sent after the last block was known. */
const isNews = (partition: Partition, call: SentCall): boolean => call.sentAt >= partition.blockedUntil

const grown = ({ congestionWindow, slowStartThreshold }: Partition): number =>
  congestionWindow + (congestionWindow < slowStartThreshold ? 1 : 1 / congestionWindow)

export const statedWait = (status: RateLimitStatus): number => Duration.toMillis(wait(status))

/** Written out, because every request makes two: a spread takes ten times as long. */
const counted = (
  partition: Partition,
  inFlight: number,
  windows: Partition["windows"],
  now: number
): Partition => ({
  windows,
  inFlight,
  concurrency: partition.concurrency,
  congestionWindow: partition.congestionWindow,
  slowStartThreshold: partition.slowStartThreshold,
  blockedUntil: partition.blockedUntil,
  touchedAt: now,
  warnedAt: partition.warnedAt
})

/** Most partitions have no windows: nothing is made for them. */
const each = (
  windows: Partition["windows"],
  f: (usage: Window.WindowUsage) => Window.WindowUsage
): Partition["windows"] => windows.length === 0 ? windows : windows.map(f)
