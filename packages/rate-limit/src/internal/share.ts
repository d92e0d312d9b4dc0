/**
 * What one process holds of the quotas of a key, and when that admits one more call. Pure; times in milliseconds, of a clock
 * that is never set.
 */
import * as Duration from "effect/Duration"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as History from "./history.ts"
import type { GrantedQuota, Held as HeldInReport, Statement } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"
import * as Window from "./window.ts"

/** A quota, as this process holds it. */
export interface Holding {
  /** As it was granted, with times of the place where the state is kept. */
  readonly granted: GrantedQuota
  /** The promised end of a fixed window; `Infinity`: none is known. */
  readonly end: number
  /** The share and the calls that count, as of a quota that nobody else uses. */
  readonly usage: Window.WindowUsage
  /** The calls that no report has told. */
  readonly untold: History.CallHistory
  readonly peaks: ReadonlyArray<Peak>
}

/** What the process would have used at some time, and until when it is expected to use that again. Later ones are lower. */
interface Peak {
  readonly calls: number
  readonly until: number
}

/** What the server said, in local times. */
export type Heard = Statement

export const isSlots = ({ granted }: Holding): boolean => granted.kind === "slots"

export const nameOf = (holding: Holding): Pick<HeldInReport, "name" | "slots"> => ({
  name: holding.granted.name,
  slots: isSlots(holding) ? 1 : 0
})

export const isSame = (holding: Holding, { name, slots }: Pick<HeldInReport, "name" | "slots">): boolean =>
  Shared.isOf(holding.granted, { name, slots })

/** A quota of which nothing was granted yet. */
export const introduced = (
  { limit, name, slots, window }: Statement,
  calls: History.CallHistory,
  now: number
): Holding => {
  const granted: GrantedQuota = {
    name,
    kind: slots === 1 ? "slots" : window > 0 ? "unknown" : "fixed",
    limit,
    window,
    end: 0,
    begin: 0,
    countedFrom: 0,
    others: 0,
    out: {},
    share: 0
  }
  return { granted, end: Infinity, usage: usageOf(granted, calls, now), untold: calls, peaks: [] }
}

export const usageOf = (
  { name, share, window }: GrantedQuota,
  calls: History.CallHistory,
  now: number
): Window.WindowUsage => ({
  name,
  limit: share,
  window: window === 0 ? undefined : window,
  calls,
  usedByOthers: 0,
  refillAt: undefined,
  statedAt: now,
  askedAt: now,
  doubt: 0,
  partition: undefined,
  warning: undefined
})

/** After the end of a fixed window, its calls count no more. */
export const rolled = (holding: Holding, now: number): Holding =>
  holding.granted.kind === "fixed" && holding.end <= now
    ? {
      ...holding,
      end: Infinity,
      usage: {
        ...holding.usage,
        statedAt: now,
        calls: sinceEnd(holding.usage.calls, holding.end, holding.granted.window)
      }
    }
    : holding

/**
 * The calls that count after the stated end of a window. It may have ended earlier, because servers round times up: the calls
 * since then may be of the next window. Where no length is stated, nothing else says when they cease to count.
 */
export const sinceEnd = (calls: History.CallHistory, end: number, window: number): History.CallHistory =>
  after(calls, window === 0 ? end : end - Shared.doubt)

/** In milliseconds: an answer that took longer does not say when the window ends. */
const slow = 900

/** The calls that were answered after a time. */
export const after = (calls: History.CallHistory, time: number): History.CallHistory =>
  History.dropOldest(calls, History.count(calls, (at) => at <= time))

/** Calls that count, those in flight included. */
export const used = (holding: Holding, inFlight: number, now: number): number =>
  isSlots(holding) ? inFlight : Window.live(holding.usage, now) + inFlight

/** What the process needs: the most that it would have used lately. */
export const need = ({ peaks }: Holding): number => peaks[0]?.calls ?? 0

/** With so many requests that wait, which would be sent if they might. */
export const needing = (
  holding: Holding,
  { inFlight, waiting }: { readonly inFlight: number; readonly waiting: number },
  now: number
): Holding => {
  const calls = used(holding, inFlight, now) + waiting
  const length = isSlots(holding) ? 0 : Shared.lengthOf(holding.granted)
  const peak = { calls, until: now + Math.max(1000, Math.min(longestNeed, 2 * length)) }
  const higher = holding.peaks.filter((known) => known.calls > calls && known.until > now)
  return { ...holding, peaks: [...higher, peak].slice(0, mostPeaks) }
}

/** When that many are known, what is lower still waits until one of them is over. */
const mostPeaks = 8

/** In milliseconds: longer windows show by themselves what is used. */
const longestNeed = 10_000

/**
 * When the share admits one more call beside those in flight: now or earlier, at a time, or not before one of those is
 * answered or there is more (`Infinity`).
 */
export const opensAt = (holding: Holding, share: number, inFlight: number, now: number): number => {
  if (share <= 0) return Infinity
  if (isSlots(holding)) return inFlight < share ? now : Infinity
  const { end, usage } = holding
  const at = Window.opensAt({ ...usage, limit: share }, inFlight, { reserve: 0, believe: Infinity }, now)
  return holding.granted.kind === "fixed" ? Math.min(at, end) : at
}

/** A call was answered, or given up although the server may have executed it. */
export const charged = (holding: Holding, now: number): Holding =>
  isSlots(holding) ? holding : {
    ...holding,
    usage: Window.charge(holding.usage, now),
    untold: History.add(holding.untold, holding.usage.window, now)
  }

/**
 * The server has counted fewer calls in its fixed window than this process alone has made of late: the oldest of them were in
 * the one before. It is how a window is seen to have ended whose end is stated in whole seconds.
 */
export const counted = (holding: Holding, { isBlock, sentAt, used }: Heard): Holding => {
  if (holding.granted.kind !== "fixed" || used < 0) return holding
  const { calls } = holding.usage
  const excess = History.count(calls, (at) => at < sentAt) + (isBlock === 1 ? 0 : 1) - used
  return excess <= 0
    ? holding
    : { ...holding, usage: { ...holding.usage, calls: History.dropOldest(calls, excess) } }
}

/** What the answer to a call says about quotas. `reserve` calls of each window are left to others. */
export const heard = (
  status: RateLimitStatus,
  { answeredAt, sentAt }: { readonly sentAt: number; readonly answeredAt: number },
  limitOf: (name: string, remaining: number) => number,
  reserve: number
): ReadonlyArray<Heard> => {
  const isBlock = status.blocked === "rate" ? 1 : 0
  const windows = status.quotas.flatMap(({ limit, name = "", remaining, reset, window }): ReadonlyArray<Heard> => {
    if (limit === undefined && remaining === undefined) return []
    const whole = limit ?? limitOf(name, remaining ?? 0)
    const isVague = window !== undefined && answeredAt - sentAt > slow
    const until = isVague || reset === undefined || (remaining !== 0 && Duration.toMillis(reset) === 0)
      ? 0
      : answeredAt + Math.ceil(Duration.toMillis(reset))
    return [{
      name,
      slots: 0,
      limit: Math.max(1, Math.floor(whole) - reserve),
      window: window === undefined ? 0 : Math.ceil(Duration.toMillis(window)),
      end: until,
      used: remaining === undefined ? -1 : Math.max(0, Math.floor(whole - remaining)),
      sentAt,
      answeredAt,
      isBlock
    }]
  })
  return status.concurrency === undefined ? windows : [...windows, {
    name: "",
    slots: 1,
    limit: Math.max(1, Math.floor(status.concurrency.limit)),
    window: 0,
    end: 0,
    used: -1,
    sentAt,
    answeredAt,
    isBlock: 0
  }]
}
