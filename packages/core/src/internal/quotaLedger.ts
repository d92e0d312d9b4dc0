/**
 * The account of one quota: what this program has spent of it, what others must have, and when there will be more. It
 * is kept from the program's own calls and corrected by every statement of the server. Pure; times in epoch
 * milliseconds.
 *
 * A server counts a call somewhere between its sending and its answer. The account takes the answer for that moment, so
 * that it never counts on a call being forgotten before it is. What a statement includes is known only within bounds:
 * surely the calls that were answered before the one that carries it was sent, possibly all that were sent before it
 * arrived. Only what lies outside of these bounds corrects the account.
 */
import type { Quota } from "../RateLimitSignal.ts"
import { nameOf } from "../RateLimitSignal.ts"
import * as Charges from "./quotaCharges.ts"

export interface Ledger {
  readonly name: string
  readonly limit: number | undefined
  readonly window: number | undefined
  /** Own calls that were answered. */
  readonly charges: Charges.Charges
  /** Calls of others in the window. */
  readonly foreign: number
  /** When the server promised more, for one call to find out how much. */
  readonly refill: number | undefined
  /** When the server last stated this quota, or a promised refill was taken up. */
  readonly statedAt: number
  readonly partition: string | undefined
  readonly warning: Warning | undefined
}

/** The lowest threshold that was warned of, and until when that holds. */
interface Warning {
  readonly threshold: number
  readonly until: number
}

/** The call whose answer is looked at. */
export interface Call {
  readonly sentAt: number
  readonly answeredAt: number
  /** A blocked call is not counted by the server. */
  readonly executed: boolean
  /** Other calls on their way when the answer came. */
  readonly others: number
}

/** What is told to somebody who asks when a quota refills and the server has not said it. */
const unknownWindow = 60_000

export const open = (quota: Quota, now: number): Ledger => ({
  name: nameOf(quota),
  limit: quota.limit,
  window: quota.window,
  charges: Charges.none,
  foreign: quota.limit === undefined || quota.remaining === undefined
    ? 0
    : Math.max(0, quota.limit - quota.remaining),
  refill: promised(quota, now),
  statedAt: now,
  partition: quota.partition,
  warning: undefined
})

/** The server stated the quota in the answer to the call. Its own charge is added by {@link charge}. */
export const state = (ledger: Ledger, quota: Quota, call: Call): Ledger => {
  const now = call.answeredAt
  const overlaps = call.sentAt < ledger.statedAt
  const promise = promised(quota, now)
  const window = quota.window ?? ledger.window
  const charges = Charges.retained(ledger.charges, window, now)
  const known = {
    ...ledger,
    window,
    charges,
    limit: quota.limit ?? ledger.limit,
    refill: overlaps ? latest(ledger.refill, promise) : promise,
    statedAt: now,
    partition: quota.partition ?? ledger.partition
  }
  if (quota.remaining === undefined) return known
  const self = call.executed ? 1 : 0
  const certain = self + Charges.count(charges, (at) => at < call.sentAt && isLive(at, window, now))
  const possible = self + Charges.count(charges, (at) => isLive(at, window, call.sentAt)) + call.others
  // a server that states what is left and not of how much: as much as is left and may have been spent
  const limit = quota.limit ?? Math.max(ledger.limit ?? 0, quota.remaining + possible)
  const used = Math.max(0, limit - quota.remaining)
  return {
    ...known,
    limit,
    charges: Charges.dropOldest(charges, Math.max(0, certain - used)),
    foreign: Math.min(Math.max(ledger.foreign, used - possible, 0), Math.max(0, used - certain))
  }
}

/** A call was answered, or given up on with the request possibly executed. */
export const charge = (ledger: Ledger, now: number): Ledger => ({
  ...ledger,
  charges: Charges.add(ledger.charges, ledger.window, now)
})

/** The server blocked a call and did not state this quota: it may be the spent one. */
export const spend = (ledger: Ledger, inFlight: number, until: number, now: number): Ledger => ({
  ...ledger,
  foreign: ledger.limit === undefined ? 0 : Math.max(0, ledger.limit - live(ledger, now) - inFlight),
  refill: until,
  statedAt: now
})

/** A call is sent. It takes up a promised refill: there is no other until the server says so. */
export const take = (ledger: Ledger, now: number): Ledger =>
  refillOf(ledger) <= now ? { ...ledger, refill: undefined, statedAt: now } : ledger

/**
 * When one more call may be sent beside those in flight: now or before, at a time, or not before one of those in flight
 * is answered (`Infinity`).
 */
export const opensAt = (ledger: Ledger, inFlight: number, reserve: number, now: number): number => {
  if (ledger.limit === undefined) return now
  const capacity = Math.max(1, ledger.limit - reserve)
  const excess = live(ledger, now) + ledger.foreign + inFlight - capacity + 1
  if (excess <= 0) return now
  return Math.min(leavesAt(ledger, excess, now), inFlight === 0 ? refillOf(ledger) : Infinity)
}

/** Calls left beside those in flight. */
export const remaining = (ledger: Ledger, inFlight: number, now: number): number | undefined =>
  ledger.limit === undefined ? undefined : Math.max(0, ledger.limit - live(ledger, now) - ledger.foreign - inFlight)

/** When there will be more than now: the promised refill, or the first charge to leave the window. */
export const moreAt = (ledger: Ledger, now: number): number => {
  const more = Math.min(leavesAt(ledger, 1, now), refillOf(ledger))
  return Number.isFinite(more) ? more : now + (ledger.window ?? unknownWindow)
}

/** From when on nothing in the ledger matters any more. */
export const staleAt = (ledger: Ledger): number =>
  Math.max(ledger.statedAt, ledger.refill ?? 0, Charges.latest(ledger.charges) ?? 0) + (ledger.window ?? unknownWindow)

/** The threshold that `left` is below of, unless it or a lower one was warned of already in this window. */
export const warn = (
  ledger: Ledger,
  left: number,
  thresholds: ReadonlyArray<number>,
  now: number
): readonly [crossed: boolean, Ledger] => {
  const threshold = Math.min(...thresholds.filter((threshold) => left < threshold))
  const warning = ledger.warning !== undefined && ledger.warning.until > now ? ledger.warning : undefined
  if (!Number.isFinite(threshold) || (warning !== undefined && warning.threshold <= threshold)) return [false, ledger]
  const until = warning?.until ?? now + (ledger.window ?? Math.max(0, moreAt(ledger, now) - now))
  return [true, { ...ledger, warning: { threshold, until } }]
}

const promised = (quota: Quota, now: number): number | undefined =>
  quota.reset === undefined || quota.reset === 0 ? undefined : now + quota.reset

const latest = (self: number | undefined, that: number | undefined): number | undefined =>
  self === undefined || that === undefined ? self ?? that : Math.max(self, that)

/**
 * The promised refill. Without a promise, what others spent is out of the window when a window has passed; own calls
 * leave by themselves.
 */
const refillOf = (ledger: Ledger): number =>
  ledger.refill ??
    (ledger.window === undefined || ledger.foreign > 0 ? ledger.statedAt + (ledger.window ?? unknownWindow) : Infinity)

const isLive = (at: number, window: number | undefined, now: number): boolean =>
  window === undefined || at + window > now

const live = ({ charges, window }: Ledger, now: number): number =>
  Charges.count(charges, (at) => isLive(at, window, now))

/** When the n oldest charges have left the window. */
const leavesAt = ({ charges, window }: Ledger, n: number, now: number): number => {
  if (window === undefined) return Infinity
  const at = Charges.nth(charges, n, now - window)
  return at === undefined ? Infinity : at + window
}
