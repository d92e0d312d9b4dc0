/**
 * How the processes that share a quota agree on who may use how much of it: each reports what it does and is told its share.
 * Pure: it serves processes that share memory, and is what the script of Redis is compared with.
 *
 * What is granted, what is in use and what the gone may have used are never more than the limit together, as long as no
 * process goes on for longer than its lease.
 */
import { adopted, earliestOf, expired, paused, settled } from "./sharedClaims.ts"
import { divided } from "./sharedDivision.ts"
import type { Counts, Hold, Member, News, Reply, Report, SharedQuota, SharedState } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"
import { begunAnew, counted, judged, learned } from "./sharedStatements.ts"

/**
 * One exchange. `isSettled`: whether a state that is missing was never there, as opposed to lost.
 */
export const exchange = (
  before: SharedState | undefined,
  report: Report,
  now: number,
  isSettled: boolean
): readonly [SharedState, Reply, News] => {
  const begun = before ?? Shared.begun(report, now, isSettled)
  const claiming = adopted(paused(begun, report, now), report)
  const heard = learned(rolled(claiming, now), report, now)
  const joined = counted(join(heard.state, report, now), report)
  const living = expired(settled(joined.state, report, now), report, now)
  const judgement = judged(living, now)
  const probing = probed(judgement.state, report, now)
  const { again, asked, state } = divided(probing.state, report, now)
  const isNews = heard.isNews || joined.isNews || judgement.isNews || probing.isNews ||
    (joined.state.claim > now && state.claim === 0)
  return [
    { ...state, at: now },
    replyOf(state, report, now, again),
    isNews ? Shared.everyone : asked
  ]
}

/** A fixed window has ended. What each may use stays as it is, until it reports what it has used of the next. */
const rolled = (state: SharedState, now: number): SharedState => {
  const isOver = (quota: SharedQuota) => quota.kind === "fixed" && quota.end > 0 && quota.end <= now
  return state.quotas.some(isOver)
    ? { ...state, quotas: state.quotas.map((quota) => isOver(quota) ? begunAnew(quota) : quota) }
    : state
}

/** The report takes the place of what was known of the process. */
const join = (state: SharedState, report: Report, now: number): SharedState => {
  const isCounted = report.epoch === 0 || report.epoch === state.epoch
  const quotas = state.quotas.map((quota): SharedQuota => {
    const held = report.holds.find((held) => Shared.isOf(quota, held))
    return held === undefined || !isCounted || quota.kind === "slots"
      ? quota
      : { ...quota, charges: charged(quota, held.charges, report.lease, now) }
  })
  if (report.leaves === 1) {
    return {
      ...state,
      quotas: quotas.map((quota) => {
        const used = report.holds.find((held) => Shared.isOf(quota, held))?.used ?? 0
        return quota.kind === "slots" ? quota : { ...quota, out: Shared.outWith(quota, now, used, now) }
      }),
      members: Object.fromEntries(Object.entries(state.members).filter(([id]) => id !== report.id))
    }
  }
  const known = state.members[report.id]
  const claims: Member[4] = known === undefined
    ? report.members > 0 && report.epoch > 0 && report.epoch !== state.epoch ? 1 : 2
    : known[4] === 0
    ? 1
    : known[4]
  const holds = state.quotas.map((quota, i): Hold => {
    const held = report.holds.find((held) => Shared.isOf(quota, held))
    const used = held?.used ?? 0
    const share = held?.share ?? 0
    return [
      held === undefined ? known?.[7][i]?.[0] ?? 0 : share,
      Math.max(share, used),
      Math.min(quota.limit, held?.need ?? report.inFlight + report.waiting)
    ]
  })
  return {
    ...state,
    quotas,
    members: {
      ...state.members,
      [report.id]: [
        now + report.lease,
        now,
        isCounted ? 1 : 0,
        0,
        claims,
        report.inFlight,
        report.waiting,
        holds
      ]
    }
  }
}

/** Calls are kept until no statement that is yet to be judged can include them. */
const charged = (quota: SharedQuota, calls: ReadonlyArray<number>, lease: number, now: number): Counts => {
  const bucket = Shared.bucketOf(quota)
  let charges = quota.charges
  for (let i = 0; i < calls.length; i += 2) {
    const at = calls[i] ?? 0
    if (at > 0 && (quota.window > 0 || at > quota.begin)) {
      charges = Shared.add(charges, Math.floor(at / bucket), calls[i + 1] ?? 0)
    }
  }
  if (quota.window === 0) return Shared.withOldestMerged(charges)
  const kept = quota.window + Math.ceil(quota.window / 4) + Math.ceil(lease / 2)
  return Shared.where(charges, (key) => (key + 1) * bucket + kept > now)
}

/** Before the server has answered, one process finds out for all. */
const probed = (
  state: SharedState,
  report: Report,
  now: number
): { readonly state: SharedState; readonly isNews: boolean } => {
  if (state.open === 1) return { state: { ...state, prober: "", proberUntil: 0 }, isNews: false }
  const wants = report.leaves === 0 && report.waiting + report.inFlight > 0
  const isMine = state.prober === report.id
  const isFree = state.prober === "" || state.proberUntil <= now
  if (state.claim > 0) return { state, isNews: false }
  if (wants && (isMine || isFree)) {
    return { state: { ...state, prober: report.id, proberUntil: now + report.lease }, isNews: false }
  }
  return isMine
    ? { state: { ...state, prober: "", proberUntil: 0 }, isNews: true }
    : { state, isNews: false }
}

const replyOf = (state: SharedState, report: Report, now: number, again: 0 | 1): Reply => {
  const holds = state.members[report.id]?.[7] ?? []
  const untils = state.quotas.flatMap(({ out }) => Object.keys(out).map(Number))
  return {
    now,
    epoch: state.epoch,
    members: Math.max(state.expected, Object.keys(state.members).length),
    claims: state.claim > 0 ? 1 : 0,
    mode: state.open === 1
      ? "open"
      : state.prober === report.id && state.claim === 0
      ? "probe"
      : "wait",
    blocked: state.blocked,
    again,
    more: untils.reduce(
      (least, until) => least === 0 ? until : Math.min(least, until),
      state.claim === 0 ? 0 : now < earliestOf(state, report) ? earliestOf(state, report) : state.claim
    ),
    quotas: state.quotas.map((quota, i) => ({
      name: quota.name,
      kind: quota.kind,
      limit: quota.limit,
      window: quota.window,
      end: quota.end,
      begin: quota.begin,
      countedFrom: quota.countedFrom,
      others: Shared.leftToOthers(quota, now),
      out: quota.out,
      share: holds[i]?.[0] ?? 0
    }))
  }
}
