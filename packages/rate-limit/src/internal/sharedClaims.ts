/**
 * What happens to what a process holds when it is gone, and to what all of them hold when the state is lost. Pure.
 */
import type { Hold, Member, Report, SharedQuota, SharedState } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"

/**
 * When nobody has reported for so long, nobody could: they may have gone on without this state, and claim what they hold
 * before anything is granted.
 */
export const paused = (state: SharedState, report: Report, now: number): SharedState => {
  const others = Object.keys(state.members).filter((id) => id !== report.id)
  if (others.length === 0 || now - state.at <= Math.floor(report.lease / 2) || state.claim > now) return state
  return {
    ...state,
    claim: now + report.lease,
    expected: Object.keys(state.members).length,
    members: Shared.mapMembers(
      state.members,
      (
        [until, at, isCounted, isAsked, , inFlight, waiting, holds]
      ) => [until, at, isCounted, isAsked, 0, inFlight, waiting, holds]
    )
  }
}

/** A state that was lost is begun with what its first claimant knows. */
export const adopted = (state: SharedState, report: Report): SharedState => {
  if (report.epoch === 0 || report.epoch === state.epoch) return state
  const expected = state.claim > 0 ? Math.max(state.expected, report.members) : state.expected
  if (state.quotas.length > 0 || report.known.length === 0) return { ...state, expected }
  return {
    ...state,
    expected,
    open: 1,
    quotas: report.known.map((known): SharedQuota => ({
      ...known,
      countedFrom: 0,
      heard: 0,
      usual: 0,
      wary: 0,
      pending: Shared.nothingPending,
      charges: {},
      probe: 0
    })),
    members: Shared.mapMembers(state.members, (member) => Shared.withHolds(member, known(report, member)))
  }
}

const known = (report: Report, [, , , , , inFlight, waiting]: Member): ReadonlyArray<Hold> =>
  report.known.map(({ limit }) => [0, 0, Math.min(limit, inFlight + waiting)])

/**
 * The claims are over after a lease, or after half of it when all have come of whom is known: every process reports within a
 * third. What nobody has claimed stays out for a window.
 */
export const settled = (state: SharedState, report: Report, now: number): SharedState => {
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
      const missing = quota.limit - Shared.leftToOthers(quota, now) - Shared.sum(quota.out) - boundOf(members, i)
      return quota.kind === "slots" ? quota : { ...quota, out: Shared.outWith(quota, now, Math.max(0, missing), now) }
    }),
    // who has not come is taken for dead
    members: Object.fromEntries(
      Object.entries(state.members).filter(([, member]) => member[0] > now)
    )
  }
}

export const earliestOf = ({ claim }: SharedState, { lease }: Report): number => claim - Math.floor(lease / 2)

/** What a process held that has not reported for a lease stays out for one window more. */
export const expired = (state: SharedState, report: Report, now: number): SharedState => {
  const dead = Object.values(state.members).filter(([until]) => until <= now)
  const quotas = state.quotas.map((quota, i): SharedQuota => {
    const out = Shared.where(quota.out, (until) => until > now)
    if (state.claim > 0) return { ...quota, out }
    return dead.reduce<SharedQuota>((quota, member) => {
      const held = member[7][i]?.[1] ?? 0
      const from = quota.kind === "slots" ? member[0] + report.lease : member[0]
      return { ...quota, out: Shared.outWith(quota, from, held, now) }
    }, { ...quota, out })
  })
  const prober = state.members[state.prober]
  return {
    ...state,
    quotas,
    lost: state.open === 0 && state.claim === 0 && prober !== undefined && prober[0] <= now
      ? state.lost + 1
      : state.lost,
    blocked: state.blocked > now ? state.blocked : 0,
    members: state.claim > 0
      ? state.members
      : Object.fromEntries(Object.entries(state.members).filter(([, [until]]) => until > now))
  }
}

const boundOf = (members: ReadonlyArray<Member>, i: number): number =>
  members.reduce((sum, member) => sum + (member[7][i]?.[1] ?? 0), 0)
