/**
 * The usage of one quota's window: what this program has used of it, what others must have used, and when there will be
 * more. It counts the program's own calls and is corrected by every statement of the server. Pure; times in epoch
 * milliseconds.
 *
 * A server counts a call at some time between its sending and its response. The usage counts it at the response, so it
 * never assumes that a call has left the window before it has. What a statement includes is known only within bounds: at
 * least the calls that were answered before the call that carries it was sent, at most all calls that were sent before it
 * arrived. The usage is corrected only where the statement lies outside of these bounds.
 */
import * as Duration from "effect/Duration"
import type { Quota } from "../RateLimitStatus.ts"
import * as History from "./history.ts"

export interface WindowUsage {
  /** The server's name of the quota; the empty string if it has none. */
  readonly name: string
  readonly limit: number | undefined
  readonly window: number | undefined
  /** The program's own calls that were answered. */
  readonly calls: History.CallHistory
  /** Calls of other consumers in the window. */
  readonly usedByOthers: number
  /** When the server promised more. One call finds out how much. */
  readonly refillAt: number | undefined
  /** When the server last stated this quota, or a call took up a promised refill. */
  readonly statedAt: number
  /** When the call was sent whose response stated it last: what the server said is as old as that, or younger. */
  readonly askedAt: number
  /** The longest by which the promised refill may come earlier: what the statement was on its way, and its rounding. */
  readonly doubt: number
  readonly partition: string | undefined
  readonly warning: Warning | undefined
}

/** The lowest threshold that was warned of, and the end of the window in which that holds. */
interface Warning {
  readonly threshold: number
  readonly until: number
}

/** The call whose response carries a statement. */
export interface AnsweredCall {
  readonly sentAt: number
  readonly answeredAt: number
  /** Whether the server executed the call; it does not count a blocked one. */
  readonly executed: boolean
  /** Other calls in flight when the response arrived. */
  readonly others: number
}

/** The length of a window that the server does not state; also the time after which an unstated refill is tried. */
const unknownWindow = 60_000

export const open = (quota: Quota, now: number): WindowUsage => ({
  name: quota.name ?? "",
  limit: quota.limit,
  window: millisOf(quota.window),
  calls: History.none,
  usedByOthers: quota.limit === undefined || quota.remaining === undefined
    ? 0
    : Math.max(0, quota.limit - quota.remaining),
  refillAt: promisedRefill(quota, now),
  statedAt: now,
  askedAt: now,
  doubt: rounding,
  partition: quota.partition,
  warning: undefined
})

/** The response to the call states the quota. The call itself is added by {@link charge}. */
export const state = (usage: WindowUsage, quota: Quota, call: AnsweredCall): WindowUsage => {
  const now = call.answeredAt
  const overlaps = call.sentAt < usage.statedAt
  const promise = promisedRefill(quota, now)
  const window = millisOf(quota.window) ?? usage.window
  const calls = History.retained(usage.calls, window, now)
  const known = {
    ...usage,
    window,
    calls,
    limit: quota.limit ?? usage.limit,
    refillAt: overlaps ? laterOf(usage.refillAt, promise) : promise,
    statedAt: now,
    askedAt: call.sentAt,
    doubt: now - call.sentAt + rounding,
    partition: quota.partition ?? usage.partition
  }
  if (quota.remaining === undefined) return known
  // another call was sent meanwhile, in the place of the one that has left
  const isTaken = call.others > 0 && isKept(known, now)
  const self = call.executed ? 1 : 0
  const certain = self + History.count(calls, (at) => at < call.sentAt && isLive(at, window, now))
  const possible = self + History.count(calls, (at) => isLive(at, window, call.sentAt)) + call.others
  // a server that states only what is left: assume a limit of what is left and what may have been used
  const limit = quota.limit ?? Math.max(usage.limit ?? 0, quota.remaining + possible)
  const used = Math.max(0, limit - quota.remaining)
  return {
    ...known,
    refillAt: isTaken ? undefined : known.refillAt,
    limit,
    calls: History.dropOldest(calls, Math.max(0, certain - used)),
    usedByOthers: Math.min(Math.max(usage.usedByOthers, used - possible, 0), Math.max(0, used - certain))
  }
}

/** A call was answered, or given up although the server may have executed it. */
export const charge = (usage: WindowUsage, now: number): WindowUsage => ({
  ...usage,
  calls: History.add(usage.calls, usage.window, now)
})

/** The server blocked a call and did not state this quota: it may be the one that is used up. */
export const exhaust = (usage: WindowUsage, inFlight: number, until: number, now: number): WindowUsage => ({
  ...usage,
  usedByOthers: usage.limit === undefined ? 0 : Math.max(0, usage.limit - live(usage, now) - inFlight),
  refillAt: until,
  statedAt: now,
  askedAt: now,
  doubt: rounding
})

/**
 * A call is sent. It takes up a promised refill: there is no other until the server states one.
 */
export const take = (usage: WindowUsage, believe: number, now: number): WindowUsage => {
  if (refillOf(usage, believe) <= now) return { ...usage, refillAt: undefined, statedAt: now }
  return isKept(usage, now) ? { ...usage, refillAt: undefined } : usage
}

/**
 * When one more call may be sent beside those in flight: now or earlier, at a time, or not before one of those in flight
 * is answered (`Infinity`).
 */
export const opensAt = (
  usage: WindowUsage,
  inFlight: number,
  { believe, reserve }: { readonly reserve: number; readonly believe: number },
  now: number
): number => {
  if (usage.limit === undefined) return now
  const capacity = Math.max(1, usage.limit - reserve)
  const excess = live(usage, now) + usage.usedByOthers + inFlight - capacity + 1
  if (excess <= 0) return now
  return Math.min(leavesAt(usage, excess, now), inFlight === 0 ? refillOf(usage, believe) : Infinity)
}

/** Calls left beside those in flight. */
export const remaining = (usage: WindowUsage, inFlight: number, now: number): number | undefined =>
  usage.limit === undefined ? undefined : Math.max(0, usage.limit - live(usage, now) - usage.usedByOthers - inFlight)

/** When there will be more than now: the promised refill, or the first call to leave the window. */
export const moreAt = (usage: WindowUsage, now: number): number => {
  const more = Math.min(leavesAt(usage, 1, now), refillOf(usage, Infinity))
  return Number.isFinite(more) ? more : now + (usage.window ?? unknownWindow)
}

/** When nothing in the usage matters any more. */
export const staleAt = (usage: WindowUsage, believe: number): number => {
  const usedAt = Math.max(usage.statedAt, History.latest(usage.calls) ?? 0)
  return Math.min(Math.max(usedAt, usage.refillAt ?? 0) + (usage.window ?? unknownWindow), usedAt + believe)
}

/** Whether the statement is about this quota. */
export const isOf = (usage: WindowUsage, quota: Quota): boolean => usage.name === (quota.name ?? "")

/** Whether `left` is below a threshold that was not yet warned of in this window, and the usage that remembers it. */
export const warn = (
  usage: WindowUsage,
  left: number,
  thresholds: ReadonlyArray<number>,
  now: number
): readonly [crossed: boolean, WindowUsage] => {
  const threshold = Math.min(...thresholds.filter((threshold) => left < threshold))
  const warning = usage.warning !== undefined && usage.warning.until > now ? usage.warning : undefined
  if (!Number.isFinite(threshold) || (warning !== undefined && warning.threshold <= threshold)) return [false, usage]
  const until = warning?.until ?? now + (usage.window ?? Math.max(0, moreAt(usage, now) - now))
  return [true, { ...usage, warning: { threshold, until } }]
}

/**
 * A reset of zero promises nothing while calls are left. With none left it is due: it passed while a slow answer was on its
 * way, or by a clock that is ahead of the server's.
 */
const promisedRefill = (quota: Quota, now: number): number | undefined => {
  const reset = millisOf(quota.reset)
  return reset === undefined || (reset === 0 && quota.remaining !== 0) ? undefined : now + reset
}

const millisOf = (duration: Duration.Duration | undefined): number | undefined =>
  duration === undefined ? undefined : Duration.toMillis(duration)

const laterOf = (self: number | undefined, that: number | undefined): number | undefined =>
  self === undefined || that === undefined ? self ?? that : Math.max(self, that)

/**
 * The promised refill. Without a promise, the calls of others have left the window when a window has passed; own calls
 * leave it one by one. A server that has stated nothing for longer than it is believed may have changed its mind.
 */
const refillOf = (usage: WindowUsage, believe: number): number =>
  Math.min(
    usage.refillAt ??
      (usage.window === undefined || usage.usedByOthers > 0
        ? usage.statedAt + (usage.window ?? unknownWindow)
        : Infinity),
    usage.statedAt + believe
  )

/** Servers state times in whole seconds. */
const rounding = 1000

/**
 * Whether a promise has been kept before its time: an own call that leaves a sliding window just before it is what was
 * promised.
 */
const isKept = (usage: WindowUsage, now: number): boolean =>
  usage.refillAt !== undefined && usage.refillAt - usage.doubt <= now && hasLeft(usage, now)

/** Whether an own call has left the window since the server may have made the last statement. */
const hasLeft = ({ askedAt, calls, window }: WindowUsage, now: number): boolean =>
  window !== undefined && History.count(calls, (at) => at + window > askedAt && at + window <= now) > 0

const isLive = (at: number, window: number | undefined, now: number): boolean =>
  window === undefined || at + window > now

/** The own calls in the window that were answered. */
export const live = ({ calls, window }: WindowUsage, now: number): number =>
  History.count(calls, (at) => isLive(at, window, now))

/** When the n oldest calls have left the window. */
const leavesAt = ({ calls, window }: WindowUsage, n: number, now: number): number => {
  if (window === undefined) return Infinity
  const at = History.nth(calls, n, now - window)
  return at === undefined ? Infinity : at + window
}
