/**
 * One process among those that share the quotas of a key: what it holds, what it reports, what it makes of a reply, and what
 * it does while the others cannot be reached. Pure; times in milliseconds, of a clock that is never set.
 */
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as History from "./history.ts"
import type { Holding } from "./share.ts"
import * as Share from "./share.ts"
import * as Clock from "./sharedClock.ts"
import type { GrantedQuota, Reply, Report, Statement } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"
import type { WindowUsage } from "./window.ts"

/**
 * What a process does when it cannot reach the others, once what it was granted has ended:
 *
 * - `share`: it takes an equal share of what was stated last
 * - `block`: it sends nothing
 * - `local`: it goes on as if it were alone
 *
 * @since 0.1.0
 * @category models
 */
export type WhenAway = "share" | "block" | "local"

export interface Membership {
  readonly id: string
  readonly lease: number
  readonly whenAway: WhenAway
  readonly reserve: number
  readonly epoch: number
  /** How many processes share the quotas; 0: nothing is known. */
  readonly members: number
  /** The same, as of when nothing was missing. */
  readonly expected: number
  readonly mode: Reply["mode"]
  /** Until then what was granted holds. */
  readonly leaseUntil: number
  /** Nothing is sent before. */
  readonly blocked: number
  readonly holdings: ReadonlyArray<Holding>
  /** Calls that were answered lately, for quotas that are yet to be stated. */
  readonly recent: History.CallHistory
  readonly clock: Clock.SharedClock
  readonly heard: ReadonlyArray<Statement>
  /** Whether the server has answered something else than a block. */
  readonly open: boolean
  /** Whether the last exchange has failed, and how often in a row. */
  readonly failures: number
  readonly reportedAt: number
  /** Calls since the last report. */
  readonly calls: number
  /** When the last call was made. */
  readonly touchedAt: number
  /** To report at once. */
  readonly isUrgent: boolean
  readonly told: { readonly waiting: number; readonly used: ReadonlyArray<number> }
  /** When there will be more to divide. */
  readonly more: number
}

export interface Options extends Pick<Membership, "id" | "lease" | "whenAway" | "reserve"> {
  /** What is known before the first answer. */
  readonly initial: RateLimitStatus | undefined
}

export const make = ({ id, initial, lease, reserve, whenAway }: Options, now: number): Membership => ({
  id,
  lease,
  whenAway,
  reserve,
  epoch: 0,
  members: 0,
  expected: 0,
  mode: "wait",
  leaseUntil: -Infinity,
  blocked: -Infinity,
  holdings: [],
  recent: History.none,
  clock: Clock.unknown,
  heard: initial === undefined
    ? []
    : Share.heard(initial, { sentAt: 0, answeredAt: 0 }, (_, remaining) => remaining, reserve)
      .map((statement) => ({ ...statement, used: -1, end: 0 })),
  open: false,
  failures: 0,
  reportedAt: -Infinity,
  calls: 0,
  touchedAt: now,
  isUrgent: false,
  told: { waiting: 0, used: [] },
  more: Infinity
})

/** When one more call may be sent, as far as the share goes. */
export const opensAt = (self: Membership, inFlight: number, now: number): number => {
  if (self.blocked > now) return self.blocked
  if (!isAdmitting(self, now) || self.mode === "wait") return Infinity
  if (self.mode === "probe") return inFlight === 0 && now < self.leaseUntil ? now : Infinity
  return self.holdings.reduce((latest, holding) => {
    const current = Share.rolled(holding, now)
    return Math.max(latest, Share.opensAt(current, shareOf(self, current, now), inFlight, now))
  }, now)
}

/**
 * Whether what was granted still counts. After a pause that was longer than the lease it does not, until the others are heard:
 * it may be in use by them.
 */
const isAdmitting = ({ failures, leaseUntil, whenAway }: Membership, now: number): boolean =>
  now < leaseUntil || (failures > 0 && whenAway === "share")

/** Whether the process goes on as if it were alone. */
export const isAlone = ({ failures, leaseUntil, whenAway }: Membership, now: number): boolean =>
  whenAway === "local" && failures > 0 && now >= leaseUntil

/**
 * What is granted holds to the end of the lease. From there on an equal share does: at first if it is less, because others may
 * still use what they were granted.
 */
const shareOf = ({ lease, leaseUntil, members }: Membership, { granted }: Holding, now: number): number => {
  if (now < leaseUntil) return granted.share
  const equal = Math.floor(Math.max(1, granted.limit - granted.others) / Math.max(1, members))
  if (equal === 0) return granted.share
  const grace = lease + (granted.kind === "slots" ? 0 : Shared.lengthOf(granted))
  return now < leaseUntil + grace ? Math.min(granted.share, equal) : equal
}

export const sent = (self: Membership, now: number): Membership => ({ ...self, calls: self.calls + 1, touchedAt: now })

/** A call has ended, answered or not. */
export const ended = (self: Membership, now: number): Membership => ({
  ...self,
  holdings: self.holdings.map((holding) => Share.charged(Share.rolled(holding, now), now)),
  recent: History.add(self.recent, recently, now)
})

/** The server has answered a call, after it has {@link ended}. `blockedFor`: how long nothing is sent after it. */
export const answered = (
  self: Membership,
  status: RateLimitStatus,
  call: { readonly sentAt: number; readonly blockedFor: number; readonly inFlight: number },
  now: number
): Membership => {
  const limitOf = (name: string, remaining: number) => {
    const known = self.holdings.find((holding) => Share.isSame(holding, { name, slots: 0 }))
    const used = known === undefined ? 1 + call.inFlight : Share.used(known, call.inFlight, now)
    return Math.max((known?.granted.limit ?? 0) + self.reserve, remaining + used)
  }
  const heard = Share.heard(status, { sentAt: call.sentAt, answeredAt: now }, limitOf, self.reserve)
  const isOpen = self.open || status.blocked === "none"
  const isBlocked = status.blocked === "rate" && call.blockedFor > 0
  const known = self.holdings.map((holding) => {
    const statement = heard.find((statement) => Share.isSame(holding, statement))
    return statement === undefined ? holding : withEnd(Share.counted(holding, statement), statement, now)
  })
  const isAnew = known.some(({ usage }, i) => isFewer(usage, self.holdings[i]?.usage ?? usage))
  const added = heard
    .filter((statement) => !self.holdings.some((holding) => Share.isSame(holding, statement)))
    .slice(0, Math.max(0, Shared.mostQuotas - self.holdings.length))
    .map((statement) => Share.introduced(statement, statement.slots === 1 ? History.none : self.recent, now))
  const isNews = (isOpen !== self.open && self.mode !== "open") || isBlocked || added.length > 0 ||
    self.mode === "probe" || isAnew ||
    heard.some((statement) => self.holdings.some((holding) => isSurprising(holding, statement)))
  return {
    ...self,
    open: isOpen,
    // what it has found out has to be known to all before the next is sent
    mode: self.mode === "probe" ? "wait" : self.mode,
    blocked: isBlocked ? Math.max(self.blocked, now + call.blockedFor) : self.blocked,
    holdings: [...known, ...added],
    heard: [...self.heard.filter((old) => !heard.some((statement) => isAbout(old, statement))), ...heard],
    isUrgent: self.isUrgent || isNews
  }
}

/** Whether so much of a share can be used again that the others should know: for them too a window has begun. */
const isFewer = ({ calls, limit = 0 }: WindowUsage, before: WindowUsage): boolean =>
  History.count(before.calls, () => true) - History.count(calls, () => true) > limit / 4

const isAbout = (self: Statement, that: Statement): boolean => self.name === that.name && self.slots === that.slots

/** The statement says when the window ends; of several, the earliest is the closest. */
const withEnd = (holding: Holding, { end }: Statement, now: number): Holding =>
  end <= now || Share.isSlots(holding) ? holding : { ...holding, end: nearer(holding, end) }

const nearer = ({ end, granted }: Holding, stated: number): number =>
  !Number.isFinite(end)
    ? stated
    : granted.kind === "unknown"
    ? end
    : Math.abs(end - stated) * 2 <= (granted.window === 0 ? 4000 : granted.window)
    ? Math.min(end, stated)
    : Math.max(end, stated)

/** Whether the others have to know at once. */
const isSurprising = (holding: Holding, statement: Statement): boolean => {
  if (!Share.isSame(holding, statement)) return false
  const { granted } = holding
  return granted.limit !== statement.limit || (statement.window > 0 && granted.window !== statement.window) ||
    isTelling(holding, statement)
}

/** Whether the statement tells if the window is fixed: it was made after the time at which there was to be more. */
const isTelling = (holding: Holding, statement: Statement): boolean =>
  Share.isSame(holding, statement) && holding.granted.kind === "unknown" && statement.sentAt > holding.end

/** What the process says now. */
export const report = (
  self: Membership,
  load: { readonly inFlight: number; readonly waiting: number; readonly leaves: boolean },
  now: number
): readonly [Membership, Report] => {
  const holdings = self.holdings.map((holding) => Share.needing(Share.rolled(holding, now), load, now))
  const { clock } = self
  const time = (at: number) => at <= 0 || self.members === 0 ? 0 : Clock.toShared(clock, at)
  const used = holdings.map((holding) => Share.used(holding, load.inFlight, now))
  return [
    {
      ...self,
      holdings: holdings.map((holding) => ({
        ...holding,
        untold: History.none,
        // what tells whether the window is fixed is told once
        end: self.heard.some((statement) => isTelling(holding, statement)) ? Infinity : holding.end
      })),
      reportedAt: now,
      calls: 0,
      isUrgent: false,
      heard: [],
      told: { waiting: load.waiting, used }
    },
    {
      id: self.id,
      lease: self.lease,
      epoch: self.epoch,
      members: self.expected,
      inFlight: load.inFlight,
      waiting: load.waiting,
      leaves: load.leaves ? 1 : 0,
      open: self.open ? 1 : 0,
      blocked: self.blocked > now ? time(self.blocked) : 0,
      known: self.epoch === 0 ? [] : holdings.map(({ granted }) => knownOf(granted)),
      holds: holdings.map((holding, i) => ({
        ...Share.nameOf(holding),
        share: load.leaves || !isAdmitting(self, now) ? 0 : shareOf(self, holding, now),
        used: used[i] ?? 0,
        need: Share.need(holding),
        charges: holding.untold.map((number, k) => k % 2 === 0 ? time(number) : number)
      })),
      stated: self.heard.map((statement) => ({
        ...statement,
        // it cannot be judged before it is known when it was made
        used: self.members === 0 ? -1 : statement.used,
        end: statement.end === 0 ? 0 : time(statement.end) + endError(clock),
        sentAt: time(statement.sentAt),
        answeredAt: time(statement.answeredAt)
      }))
    }
  ]
}

const knownOf = ({ begin, end, kind, limit, name, others, out, window }: GrantedQuota) => ({
  name,
  kind,
  limit,
  window,
  end,
  begin,
  others,
  out
})

const endError = (clock: Clock.SharedClock): number => {
  const { error } = Clock.best(clock)
  return Number.isFinite(error) ? error : 0
}

/** The answer to a report that was made at `sentAt`. */
export const replied = (self: Membership, before: Report, reply: Reply, sentAt: number, now: number): Membership => {
  const clock = Clock.measured(self.clock, { sentAt, now: reply.now, receivedAt: now })
  const isAnotherState = before.epoch !== 0 && before.epoch !== reply.epoch
  const { error, offset } = Clock.best(clock)
  const granted = reply.quotas.map((quota): Holding => {
    const known = self.holdings.find((holding) => Shared.isOf(quota, Share.nameOf(holding)))
    const usage = known?.usage ?? Share.usageOf(quota, quota.kind === "slots" ? History.none : self.recent, now)
    const local = (at: number) => at === 0 ? -Infinity : at - offset - error
    const calls = quota.kind === "fixed"
      ? Share.after(Share.sinceEnd(usage.calls, local(quota.begin), quota.window), local(quota.countedFrom))
      : usage.calls
    const end = endOf(known, quota, quota.end === 0 ? Infinity : Clock.toLocal(clock, quota.end), now)
    return {
      granted: quota,
      end,
      usage: { ...usage, calls, limit: quota.share, window: quota.window === 0 ? undefined : quota.window },
      untold: known === undefined || isAnotherState ? calls : known.untold,
      peaks: known?.peaks ?? []
    }
  })
  return {
    ...self,
    epoch: reply.epoch,
    members: reply.members,
    expected: reply.claims === 1 ? self.expected : reply.members,
    // a call that was answered since is yet to be reported
    mode: reply.mode === "probe" && (self.heard.length > 0 || (self.open && before.open === 0)) ? "wait" : reply.mode,
    leaseUntil: sentAt + self.lease,
    blocked: reply.blocked === 0 ? self.blocked : Math.max(self.blocked, Clock.toLocal(clock, reply.blocked)),
    // what was stated while the report was on its way
    holdings: [
      ...granted,
      ...self.holdings.filter((holding) =>
        self.heard.some((statement) => Share.isSame(holding, statement)) &&
        !reply.quotas.some((quota) => Shared.isOf(quota, Share.nameOf(holding)))
      )
    ],
    clock,
    failures: 0,
    more: reply.more === 0 ? Infinity : Clock.toLocal(clock, reply.more),
    isUrgent: self.isUrgent || reply.again === 1 || isAnotherState
  }
}

const endOf = (known: Holding | undefined, quota: GrantedQuota, told: number, now: number): number => {
  if (quota.kind === "sliding" || quota.kind === "slots") return Infinity
  if (known === undefined || !Number.isFinite(known.end)) return told > now ? told : Infinity
  // what was promised before it was known that the window is fixed may be long past
  if (quota.kind === "fixed" && known.granted.kind === "unknown" && known.end <= now) {
    return told > now
      ? told
      : Infinity
  }
  if (quota.kind === "unknown") return Number.isFinite(told) ? told : Infinity
  return Number.isFinite(told) && told > now ? nearer({ ...known, granted: quota }, told) : known.end
}

/**
 * No answer came. The report may have arrived, or arrive later: what it says of calls is not said again, what the server
 * stated is.
 */
export const failed = (self: Membership, before: Membership): Membership => ({
  ...self,
  failures: self.failures + 1,
  heard: [
    ...before.heard.filter((old) => !self.heard.some((statement) => isAbout(old, statement))),
    ...self.heard
  ]
})

/** Others ask for a report. */
export const asked = (self: Membership): Membership => ({ ...self, isUrgent: true })

/** In milliseconds: how long calls are remembered for a quota that is yet to be stated. */
const recently = 60_000
