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
  /** The last delay of the policy's backoff; `undefined` if it begins anew. */
  readonly backoff: number | undefined
  readonly touchedAt: number
  /** When the last warning was given. */
  readonly warnedAt: number
}

/** A request between its sending and its response. */
export interface SentCall {
  readonly sentAt: number
}

/** What a partition needs of the policy. */
export type Rules = Pick<RateLimitPolicy, "probe" | "reserve" | "initial">

/** What it needs to warn. */
export type WarningRules = Pick<RateLimitPolicy, "warnBelow" | "warnEvery">

/** A quota that has fallen below a threshold. */
export interface Approach {
  readonly quota: string
  readonly limit: number | undefined
  readonly remaining: number
  /** When there will be more. */
  readonly moreAt: number
}

export const make = ({ initial, probe }: Rules, now: number): Partition => ({
  windows: (initial?.quotas ?? []).map((quota) => Window.open(quota, now)),
  inFlight: 0,
  concurrency: initial?.concurrency?.limit,
  congestionWindow: probe ? 1 : Infinity,
  slowStartThreshold: Infinity,
  blockedUntil: initial === undefined ? 0 : now + Duration.toMillis(wait(initial)),
  backoff: undefined,
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
    (latest, usage) => Math.max(latest, Window.opensAt(usage, partition.inFlight, rules.reserve, now)),
    now
  )
}

export const sent = (partition: Partition, now: number): Partition =>
  counted(partition, partition.inFlight + 1, each(partition.windows, (usage) => Window.take(usage, now)), now)

/** No response came; the server may have executed the request nevertheless. */
export const abandoned = (partition: Partition, now: number): Partition =>
  counted(partition, partition.inFlight - 1, each(partition.windows, (usage) => Window.charge(usage, now)), now)

/** Whether the response is a block of which only the policy's backoff says how long to pause. */
export const needsBackoff = (partition: Partition, call: SentCall, status: RateLimitStatus): boolean => {
  switch (status.blocked) {
    case "none":
      return false
    case "rate":
      return (isNews(partition, call) || partition.backoff === undefined) && statedWait(status) === 0
    case "concurrency":
      return partition.inFlight === 1 && statedWait(status) === 0
  }
}

/**
 * A response arrived, with or without a statement about quotas. `backoff` is the delay in milliseconds that the policy's
 * backoff gave for it, if one was {@link needsBackoff needed}.
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
  backoff: number | undefined,
  now: number
): Partition => {
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
    case "none": {
      const news = isNews(partition, call)
      return {
        windows: each(windows, (usage) => Window.charge(usage, now)),
        inFlight: others,
        concurrency,
        congestionWindow: news ? grown(partition) : partition.congestionWindow,
        slowStartThreshold: partition.slowStartThreshold,
        // a server that is unavailable for a while states that too (503 with Retry-After)
        blockedUntil: status.retryAfter === undefined
          ? partition.blockedUntil
          : Math.max(partition.blockedUntil, now + Duration.toMillis(status.retryAfter)),
        backoff: news ? undefined : partition.backoff,
        touchedAt: now,
        warnedAt: partition.warnedAt
      }
    }
    case "rate": {
      const until = Math.max(partition.blockedUntil, now + pause(partition, status, backoff))
      return {
        windows: windows.map((usage) =>
          status.quotas.length === 0 || Window.opensAt(usage, others, 0, now) > now
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
        backoff: backoff ?? partition.backoff,
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
          : Math.max(partition.blockedUntil, now + pause(partition, status, backoff)),
        backoff: backoff ?? partition.backoff,
        touchedAt: now,
        warnedAt: partition.warnedAt
      }
  }
}

/**
 * The quotas of which this response warns because it brought them below a threshold, and the partition that remembers them
 * for their window. What comes too soon after the last warning is not remembered, so that a later response warns of it; of
 * several at once, the one that was not warned of for longest is named.
 */
export const approaching = (
  partition: Partition,
  status: RateLimitStatus,
  { warnBelow, warnEvery }: WarningRules,
  now: number
): readonly [ReadonlyArray<Approach>, Partition] => {
  if (warnBelow.length === 0 || status.quotas.every(({ remaining }) => remaining === undefined)) return [[], partition]
  const crossed = partition.windows.flatMap((usage) => {
    const left = status.quotas.find((quota) => isOf(usage, quota))?.remaining
    if (left === undefined) return []
    const [crosses, warned] = Window.warn(usage, left, thresholdsOf(usage, warnBelow), now)
    return crosses ? [{ usage, left, warned }] : []
  })
  const every = Duration.toMillis(warnEvery)
  const isTooSoon = now >= partition.warnedAt && now - partition.warnedAt < every
  if (crossed.length === 0 || isTooSoon) return [[], partition]
  const named = every === 0 ? crossed : [crossed.reduce((a, b) => lastWarning(b.usage) < lastWarning(a.usage) ? b : a)]
  return [
    named.map(({ left, usage }) => ({
      quota: usage.name,
      limit: usage.limit,
      remaining: left,
      moreAt: Window.moreAt(usage, now)
    })),
    {
      ...partition,
      windows: partition.windows.map((usage) => named.find((other) => other.usage === usage)?.warned ?? usage),
      warnedAt: now
    }
  ]
}

const lastWarning = ({ warning }: Window.WindowUsage): number => warning?.until ?? -Infinity

/** The limit as far as it is known: stated once, or the most calls that the server was seen to admit. */
const thresholdsOf = ({ limit }: Window.WindowUsage, warnBelow: ReadonlyArray<number>): ReadonlyArray<number> =>
  warnBelow.flatMap((number) => number >= 1 ? [number] : limit === undefined ? [] : [number * limit])

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

/** Whether nothing would be lost by forgetting the partition. */
export const isIdle = (partition: Partition, now: number): boolean =>
  partition.inFlight === 0 &&
  partition.windows.reduce(
      (latest, usage) => Math.max(latest, Window.staleAt(usage)),
      Math.max(partition.blockedUntil, partition.touchedAt + keptFor)
    ) < now

/** Long enough that a probe is not repeated for an endpoint that is called every few minutes. */
const keptFor = 600_000

/** A server that invents a name for each response must not fill the memory; servers state up to three quotas. */
const mostWindows = 4

const withStatements = (
  windows: Partition["windows"],
  quotas: ReadonlyArray<Quota>,
  call: Window.AnsweredCall
): Partition["windows"] =>
  quotas.reduce((windows, quota) => {
    const known = windows.find((usage) => isOf(usage, quota))
    return known === undefined
      ? [
        ...windows.slice(1 - mostWindows),
        Window.state(Window.open({ ...quota, remaining: undefined }, call.sentAt), quota, call)
      ]
      : windows.map((usage) => usage === known ? Window.state(usage, quota, call) : usage)
  }, windows)

const isOf = (usage: Window.WindowUsage, quota: Quota): boolean => usage.name === (quota.name ?? "")

/** Whether the call was sent after the last block was known. */
const isNews = (partition: Partition, call: SentCall): boolean => call.sentAt >= partition.blockedUntil

const grown = ({ congestionWindow, slowStartThreshold }: Partition): number =>
  congestionWindow + (congestionWindow < slowStartThreshold ? 1 : 1 / congestionWindow)

const statedWait = (status: RateLimitStatus): number => Duration.toMillis(wait(status))

/** How long a block lasts: as the server states, else as the backoff says. */
const pause = (partition: Partition, status: RateLimitStatus, backoff: number | undefined): number => {
  const stated = statedWait(status)
  return stated > 0 ? stated : backoff ?? partition.backoff ?? 0
}

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
  backoff: partition.backoff,
  touchedAt: now,
  warnedAt: partition.warnedAt
})

/** Most partitions have no windows: nothing is made for them. */
const each = (
  windows: Partition["windows"],
  f: (usage: Window.WindowUsage) => Window.WindowUsage
): Partition["windows"] => windows.length === 0 ? windows : windows.map(f)
