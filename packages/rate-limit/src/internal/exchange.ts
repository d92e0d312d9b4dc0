/**
 * How the processes that share a quota agree on who may use how much of it: each reports what it does and is told its share.
 * Pure: it serves processes that share memory, and is what the script of Redis is compared with.
 *
 * What is granted, what is in use and what the gone may have used are never more than the limit together, as long as no
 * process goes on for longer than its lease.
 */
import { fairShares } from "./fairShares.ts"
import type { Counts, Hold, Member, News, Reply, Report, SharedQuota, SharedState } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"
import { judged, learned } from "./sharedStatements.ts"

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
  const joined = join(heard.state, report, now)
  const living = expired(settled(joined, report, now), report, now)
  const judgement = judged(living, now)
  const probing = probed(judgement.state, report, now)
  const { again, asked, state } = divided(probing.state, report, now)
  const isNews = heard.isNews || judgement.isNews || probing.isNews || (joined.claim > now && state.claim === 0)
  return [
    { ...state, at: now },
    replyOf(state, report, now, again),
    isNews ? Shared.everyone : asked
  ]
}

/**
 * When nobody has reported for so long, nobody could: they may have gone on without this state, and claim what they hold
 * before anything is granted.
 */
const paused = (state: SharedState, report: Report, now: number): SharedState => {
  const others = Object.keys(state.members).filter((id) => id !== report.id)
  if (others.length === 0 || now - state.at <= Math.floor(report.lease / 2) || state.claim > now) return state
  return {
    ...state,
    claim: now + report.lease,
    expected: Object.keys(state.members).length,
    members: mapMembers(
      state.members,
      (
        [until, at, isCounted, isAsked, , inFlight, waiting, holds]
      ) => [until, at, isCounted, isAsked, 0, inFlight, waiting, holds]
    )
  }
}

/** A state that was lost is begun with what its first claimant knows. */
const adopted = (state: SharedState, report: Report): SharedState => {
  if (report.epoch === 0 || report.epoch === state.epoch) return state
  const expected = state.claim > 0 ? Math.max(state.expected, report.members) : state.expected
  if (state.quotas.length > 0 || report.known.length === 0) return { ...state, expected }
  return {
    ...state,
    expected,
    open: 1,
    quotas: report.known.map((known): SharedQuota => ({
      ...known,
      heard: 0,
      wary: 0,
      pending: Shared.nothingPending,
      charges: {},
      probe: 0
    })),
    members: mapMembers(state.members, (member) => withHolds(member, known(report, member)))
  }
}

const known = (report: Report, [, , , , , inFlight, waiting]: Member): ReadonlyArray<Hold> =>
  report.known.map(({ limit }) => [0, 0, Math.min(limit, inFlight + waiting)])

/** A fixed window has ended. What each may use stays as it is, until it reports what it has used of the next. */
const rolled = (state: SharedState, now: number): SharedState => {
  const isOver = (quota: SharedQuota) => quota.kind === "fixed" && quota.end > 0 && quota.end <= now
  if (!state.quotas.some(isOver)) return state
  return {
    ...state,
    quotas: state.quotas.map((quota) =>
      isOver(quota)
        ? {
          ...quota,
          begin: quota.end,
          end: 0,
          charges: quota.window === 0 ? {} : quota.charges,
          pending: Shared.nothingPending
        }
        : quota
    )
  }
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
        return quota.kind === "slots" ? quota : { ...quota, out: outWith(quota, now, used, now) }
      }),
      members: Object.fromEntries(Object.entries(state.members).filter(([id]) => id !== report.id))
    }
  }
  const known = state.members[report.id]
  const claims: Member[4] = known === undefined
    ? report.epoch > 0 && report.epoch !== state.epoch ? 1 : 2
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

/**
 * The claims are over after a lease, or after half of it when all have come of whom is known: every process reports within a
 * third. What nobody has claimed stays out for a window.
 */
const settled = (state: SharedState, report: Report, now: number): SharedState => {
  if (state.claim === 0) return state
  const members = Object.values(state.members).filter(([until]) => until > now)
  const claims = members.filter((member) => member[4] === 1).length
  const haveCome = state.expected > 0 && claims >= state.expected && now >= earliestOf(state, report)
  if (!haveCome && now < state.claim) return state
  return {
    ...state,
    claim: 0,
    expected: 0,
    quotas: haveCome || state.expected === 0 ? state.quotas : state.quotas.map((quota, i) => {
      const missing = quota.limit - quota.others - Shared.sum(quota.out) - boundOf(members, i)
      return quota.kind === "slots" ? quota : { ...quota, out: outWith(quota, now, Math.max(0, missing), now) }
    }),
    // who has not come is taken for dead
    members: Object.fromEntries(
      Object.entries(state.members).filter(([, member]) => member[0] > now)
    )
  }
}

const earliestOf = ({ claim }: SharedState, { lease }: Report): number => claim - Math.floor(lease / 2)

/** What a process held that has not reported for a lease stays out for one window more. */
const expired = (state: SharedState, report: Report, now: number): SharedState => {
  const dead = Object.values(state.members).filter(([until]) => until <= now)
  const quotas = state.quotas.map((quota, i): SharedQuota => {
    const out = Shared.where(quota.out, (until) => until > now)
    if (state.claim > 0) return { ...quota, out }
    return dead.reduce<SharedQuota>((quota, member) => {
      const held = member[7][i]?.[1] ?? 0
      const from = quota.kind === "slots" ? member[0] + report.lease : member[0]
      return { ...quota, out: outWith(quota, from, held, now) }
    }, { ...quota, out })
  })
  return {
    ...state,
    quotas,
    blocked: state.blocked > now ? state.blocked : 0,
    members: state.claim > 0
      ? state.members
      : Object.fromEntries(Object.entries(state.members).filter(([, [until]]) => until > now))
  }
}

/** What was in use until then is out for a window more; few times are told apart. */
const outWith = (quota: SharedQuota, usedUntil: number, count: number, now: number): Counts => {
  const length = quota.kind === "slots" ? 0 : Shared.lengthOf(quota)
  const step = Math.max(1, Math.ceil(length / 16))
  const until = Math.ceil((usedUntil + length) / step) * step
  return until > now ? Shared.add(quota.out, until, count) : quota.out
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

interface Division {
  readonly state: SharedState
  readonly again: 0 | 1
  readonly asked: News
}

/** The share of the process that reports, and who is to report because of it. */
const divided = (state: SharedState, report: Report, now: number): Division => {
  const ids = Object.keys(state.members).sort()
  const me = ids.indexOf(report.id)
  const mine = state.members[report.id]
  if (state.claim > 0) return { state, again: 0, asked: [] }
  const members = ids.flatMap((id) => {
    const member = state.members[id]
    return member === undefined ? [] : [member]
  })
  const asked = new Set<string>()
  let again: 0 | 1 = 0
  let holds: ReadonlyArray<Hold> = mine?.[7] ?? []
  const quotas = state.quotas.map((quota, i): SharedQuota => {
    const bounds = members.map((member) => member[7][i]?.[1] ?? 0)
    const shares = members.map((member) => member[7][i]?.[0] ?? 0)
    const needs = members.map((member) => member[7][i]?.[2] ?? 0)
    const pot = potOf(quota, now)
    const targets = fairShares(pot, needs, Math.floor(now / turnOf(quota)))
    const isHungry = (j: number) => (shares[j] ?? 0) < Math.min(targets[j] ?? 0, needs[j] ?? 0)
    let total = bounds.reduce((sum, bound) => sum + bound, 0)
    let probe = quota.probe
    if (mine !== undefined && me >= 0) {
      const others = total - (bounds[me] ?? 0)
      const held = report.holds.find((held) => Shared.isOf(quota, held))
      const used = held?.used ?? 0
      let share = Math.max(0, Math.min(targets[me] ?? 0, pot - others))
      const isDue = quota.kind === "unknown" && quota.end > 0 && quota.end < now && quota.probe <= now &&
        report.waiting > 0 && used >= share && others + used + 1 + quota.others + Shared.sum(quota.out) <= quota.limit
      if (isDue) {
        share = used + 1
        probe = now + report.lease
      }
      const bound = Math.max(share, bounds[me] ?? 0)
      holds = holds.map((hold, k) => k === i ? [share, bound, hold[2]] : hold)
      shares[me] = share
      total = others + bound
      const waits = members.some((_, j) => j !== me && isHungry(j))
      if (waits && bound > Math.max(share, used)) again = 1
      if (isHungry(me)) {
        ids.forEach((id, j) => {
          // who has been told of less reports by itself when its calls have left the window
          const excess = (shares[j] ?? 0) - (targets[j] ?? 0)
          if (j !== me && members[j]?.[3] === 0 && excess >= Math.max(1, Math.floor((targets[j] ?? 0) / 4))) {
            asked.add(id)
          }
        })
      }
    }
    let free = pot - total
    ids.forEach((id, j) => {
      if (free <= 0 || j === me || members[j]?.[3] !== 0 || !isHungry(j)) return
      asked.add(id)
      free -= (targets[j] ?? 0) - (shares[j] ?? 0)
    })
    return { ...quota, probe }
  })
  return {
    again,
    asked: ids.filter((id) => asked.has(id)),
    state: {
      ...state,
      quotas,
      members: Object.fromEntries(ids.flatMap((id, j) => {
        const member = members[j]
        if (member === undefined) return []
        const [until, at, isCounted, isAsked, hasClaimed, inFlight, waiting, held] = member
        const own = j === me ? holds : held
        return [[id, [until, at, isCounted, asked.has(id) ? 1 : isAsked, hasClaimed, inFlight, waiting, own]]]
      }))
    }
  }
}

/** In milliseconds: how long one process has what an equal division leaves over. */
const turnOf = ({ kind, window }: SharedQuota): number => kind === "slots" ? 500 : Math.max(1000, window)

/** What is divided. One call is always left, so that the server says when there is more. */
const potOf = (quota: SharedQuota, now: number): number => {
  const left = Math.max(1, quota.limit - quota.others) - Shared.sum(quota.out)
  return left > 1 ? left - reservedOf(quota, now) : Math.max(0, left)
}

/** One call is kept until it is known whether the window is fixed: it finds out once the promised time has come. */
const reservedOf = (quota: SharedQuota, now: number): number =>
  quota.kind === "unknown" && quota.end > 0 && quota.probe <= now && quota.limit >= 4 ? 1 : 0

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
    quotas: state.quotas.map(({ begin, end, kind, limit, name, others, out, window }, i) => ({
      name,
      kind,
      limit,
      window,
      end,
      begin,
      others,
      out,
      share: holds[i]?.[0] ?? 0
    }))
  }
}

const boundOf = (members: ReadonlyArray<Member>, i: number): number =>
  members.reduce((sum, member) => sum + (member[7][i]?.[1] ?? 0), 0)

const withHolds = (
  [until, at, isCounted, isAsked, hasClaimed, inFlight, waiting]: Member,
  holds: ReadonlyArray<Hold>
): Member => [until, at, isCounted, isAsked, hasClaimed, inFlight, waiting, holds]

const mapMembers = (
  members: SharedState["members"],
  f: (member: Member) => Member
): SharedState["members"] => Object.fromEntries(Object.entries(members).map(([id, member]) => [id, f(member)]))
