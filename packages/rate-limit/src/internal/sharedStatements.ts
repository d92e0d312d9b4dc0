/**
 * What the statements of a server mean for the processes that share its quotas: limits, whether a window is fixed, and what
 * others use. Pure.
 */
import type { Report, SharedQuota, SharedState, Statement } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"

/** A state, and whether every process has to know at once. */
export interface Learned {
  readonly state: SharedState
  readonly isNews: boolean
}

/** What the process has heard of the server. */
export const learned = (state: SharedState, report: Report, now: number): Learned => {
  const isOpened = state.open === 0 && (report.open === 1 || report.stated.length > 0)
  // servers state whole seconds, so that each of several blocked calls says another time
  const isBlocked = report.blocked > now && report.blocked > state.blocked + 1000
  const opened: SharedState = {
    ...state,
    open: isOpened ? 1 : state.open,
    blocked: Math.max(report.blocked, state.blocked)
  }
  return report.stated.reduce<Learned>(
    (known, statement) => {
      const next = stated(known.state, statement, now)
      return { state: next.state, isNews: known.isNews || next.isNews }
    },
    { state: opened, isNews: isOpened || isBlocked }
  )
}

const stated = (state: SharedState, statement: Statement, now: number): Learned => {
  const at = state.quotas.findIndex((quota) => Shared.isOf(quota, statement))
  const quota = state.quotas[at]
  if (quota === undefined) {
    if (state.quotas.length >= Shared.mostQuotas) return { state, isNews: false }
    return {
      isNews: true,
      state: {
        ...state,
        quotas: [...state.quotas, introduced(statement, state, now)],
        members: Shared.mapMembers(
          state.members,
          (member) => Shared.withHolds(member, [...member[7], [0, 0, Math.min(statement.limit, member[5] + member[6])]])
        )
      }
    }
  }
  if (statement.answeredAt < quota.heard) return { state, isNews: false }
  const isResized = statement.window > 0 && statement.window !== quota.window && quota.kind !== "slots"
  const isChanged = statement.limit !== quota.limit || isResized
  const end = ending(quota, statement, now)
  const known: SharedQuota = isResized
    ? {
      ...quota,
      window: statement.window,
      kind: "unknown",
      end: 0,
      usual: 0,
      charges: {},
      pending: Shared.nothingPending
    }
    // the end of another window, at about the time at which this one was to end
    : quota.kind === "fixed" && quota.end > 0 && end > quota.end && quota.end <= now + Shared.doubt
    ? begunAnew(quota)
    : quota
  // of the calls before this state was begun, some may be missing
  const isJudged = statement.used >= 0 && statement.sentAt >= state.epoch && quota.kind !== "slots" &&
    (known.pending[2] < 0 || statement.isBlock === 1)
  const next: SharedQuota = {
    ...known,
    limit: statement.limit,
    heard: statement.answeredAt,
    end: isResized ? ending(known, statement, now) : end,
    pending: isJudged ? [statement.sentAt, statement.answeredAt, statement.used, statement.isBlock] : known.pending
  }
  return {
    isNews: isChanged || (isJudged && statement.isBlock === 1 && known.pending[2] < 0),
    state: {
      ...state,
      // every process counts its calls anew
      epoch: isResized ? Math.max(now, state.epoch + 1) : state.epoch,
      quotas: state.quotas.map((quota, i) => i === at ? next : quota)
    }
  }
}

/** A fixed window has ended, and others have used nothing of the next. */
export const begunAnew = (quota: SharedQuota): SharedQuota => ({
  ...quota,
  begin: quota.end,
  end: 0,
  others: 0,
  usual: quota.others,
  charges: quota.window === 0 ? {} : quota.charges,
  pending: Shared.nothingPending
})

const introduced = (
  { answeredAt, end, isBlock, limit, name, sentAt, slots, used, window }: Statement,
  { epoch, lost }: SharedState,
  now: number
): SharedQuota => ({
  name,
  kind: slots === 1 ? "slots" : window > 0 ? "unknown" : "fixed",
  limit,
  window: slots === 1 ? 0 : window,
  end: end > now ? end : slots === 0 && window === 0 ? now + Shared.lengthOf({ window }) : 0,
  begin: 0,
  countedFrom: 0,
  others: 0,
  usual: 0,
  wary: 0,
  heard: answeredAt,
  pending: used >= 0 && sentAt >= epoch && slots === 0 ? [sentAt, answeredAt, used, isBlock] : Shared.nothingPending,
  charges: {},
  out: slots === 1 ? {} : Shared.outWith({ kind: "unknown", window, out: {} }, now, lost, now),
  probe: 0
})

/**
 * When the window ends. Servers round the time up, so that of several statements the earliest is the closest. As long as it
 * is not known whether the window is fixed, the first promise is kept, until it can be found out.
 */
const ending = (quota: SharedQuota, { end }: Statement, now: number): number => {
  if (quota.kind === "slots" || quota.kind === "sliding") return quota.end
  if (end <= now) return quota.end === 0 && quota.window === 0 ? now + Shared.lengthOf(quota) : quota.end
  if (quota.end === 0) return end
  if (quota.kind === "unknown") return quota.end
  const isSame = Math.abs(end - quota.end) * 2 <= (quota.window === 0 ? 4000 : quota.window)
  return isSame ? Math.min(end, quota.end) : Math.max(end, quota.end)
}

/**
 * The server has counted fewer calls in a fixed window than these processes have made: the oldest were in one that has ended.
 * It is how the beginning of a window is seen whose end is stated in whole seconds.
 */
export const counted = (state: SharedState, report: Report): Learned => {
  const quotas = state.quotas.map((quota) => report.stated.reduce(countedBy(state.epoch), quota))
  return {
    state: { ...state, quotas },
    isNews: quotas.some((quota, i) => (quota.countedFrom - (state.quotas[i]?.countedFrom ?? 0)) * 2 > quota.window)
  }
}

const countedBy = (epoch: number) => (quota: SharedQuota, statement: Statement): SharedQuota => {
  const { isBlock, sentAt, used } = statement
  if (quota.kind !== "fixed" || !Shared.isOf(quota, statement) || used < 0 || sentAt < epoch) return quota
  const bucket = Shared.bucketOf(quota)
  // one less, because clocks differ
  const certain = Math.floor(sentAt / bucket) - 1
  const buckets = Object.keys(quota.charges).map(Number)
    .filter((key) => key < certain && key * bucket >= quota.countedFrom)
    .sort((a, b) => b - a)
  let from = certain
  let left = used - 1 + isBlock
  for (const key of buckets) {
    if (left > 0) {
      left -= quota.charges[String(key)] ?? 0
      from = key
      if (left >= 0) continue
    }
    return startedAt(quota, from * bucket)
  }
  return quota
}

/** What the gone have used before that can be used again, too. */
const startedAt = (quota: SharedQuota, countedFrom: number): SharedQuota => ({
  ...quota,
  countedFrom,
  out: Shared.where(quota.out, (until) => until > countedFrom + Shared.lengthOf(quota))
})

/** Judges the statements that every process has reported past. */
export const judged = (state: SharedState, now: number): Learned => {
  const members = Object.values(state.members)
  const inFlight = members.reduce((sum, member) => sum + member[5], 0)
  const isReady = ({ pending: [, answeredAt, used] }: SharedQuota) =>
    used >= 0 && members.every(([, at, isCounted]) => at >= answeredAt && isCounted === 1)
  if (state.claim > 0 || !state.quotas.some(isReady)) return { state, isNews: false }
  const heldOf = (i: number) => members.reduce((sum, member) => sum + (member[7][i]?.[1] ?? 0), 0)
  const quotas = state.quotas.map((quota, i) =>
    isReady(quota) ? judgement(quota, { held: heldOf(i), inFlight }, now) : quota
  )
  return {
    state: { ...state, quotas },
    isNews: quotas.some((quota, i) => {
      const before = state.quotas[i]
      if (before === undefined) return false
      return quota.kind !== before.kind ||
        (quota.others > before.others &&
          heldOf(i) + Shared.leftToOthers(quota, now) + Shared.sum(quota.out) > quota.limit)
    })
  }
}

/**
 * A statement includes at least the calls that were answered before its own was sent and still count, and at most those that
 * may still count or may be on their way.
 */
const judgement = (
  quota: SharedQuota,
  { held, inFlight }: { readonly held: number; readonly inFlight: number },
  now: number
): SharedQuota => {
  const [sentAt, answeredAt, used, isBlock] = quota.pending
  const bucket = Shared.bucketOf(quota)
  const { window } = quota
  const isDue = quota.kind === "unknown" && quota.end > 0 && sentAt > quota.end
  const isLive = (key: number) =>
    key * bucket >= quota.countedFrom &&
    (window === 0 ||
      (quota.kind === "fixed" ? key * bucket >= quota.begin : key * bucket + window > answeredAt))
  const certain = Shared.sum(Shared.where(quota.charges, (key) => (key + 1) * bucket <= sentAt && isLive(key)))
  const forgotten = isDue
    ? Shared.sum(
      Shared.where(quota.charges, (key) => (key + 1) * bucket <= quota.end && key * bucket + window > answeredAt)
    )
    : 0
  const isTelling = isDue && forgotten >= Math.max(2, Math.floor(quota.limit / 4))
  if (isTelling && used * 2 <= forgotten) {
    return { ...begunAnew(quota), kind: "fixed" }
  }
  // what the gone may have used is known to nobody
  const since = quota.kind === "fixed" ? Math.max(quota.begin - Shared.doubt, sentAt - window) : sentAt - window
  const possible = inFlight + Shared.sum(quota.out) +
    Shared.sum(Shared.where(quota.charges, (key) => window === 0 || (key + 1) * bucket > since))
  // these processes keep to what they have, so it is others that take more than was known
  const taken = isBlock === 1 && held + Shared.leftToOthers(quota, now) + Shared.sum(quota.out) <= quota.limit
    ? quota.others + Math.ceil(quota.limit / 10)
    : 0
  const least = Math.min(quota.limit, Math.max(0, used - possible, taken))
  const most = Math.max(least, used - certain)
  const isRisen = least > 0 && least >= quota.others
  const isFalling = !isRisen && quota.others > least && quota.wary <= now
  return {
    ...quota,
    kind: isTelling && used * 4 >= forgotten * 3 ? "sliding" : quota.kind,
    pending: Shared.nothingPending,
    others: isFalling ? Math.max(least, fallen(quota.others, most)) : Math.max(least, quota.others),
    wary: isRisen || (isFalling && quota.others <= most) ? now + waryFor : quota.wary,
    end: isDue ? 0 : quota.end,
    // there was nothing by which to tell: all calls come together, so that it makes no difference for now
    probe: isDue && !isTelling ? now + 10 * window : quota.probe
  }
}

/** What is certain that others do not use falls soon; what they may be using, by and by. */
const fallen = (others: number, most: number): number =>
  others > most
    ? Math.max(most, others - Math.max(1, Math.floor((others - most) / 4)))
    : others - Math.max(1, Math.floor(others / 8))

/** In milliseconds. What others do not use for a moment they use again. */
const waryFor = 5000
