/** Who may use how much of a quota, and who is to report because of that. Pure. */
import { fairShares } from "./fairShares.ts"
import type { Hold, News, Report, SharedQuota, SharedState } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"

export interface Division {
  readonly state: SharedState
  readonly again: 0 | 1
  readonly asked: News
}

/** The share of the process that reports, and who is to report because of it. */
export const divided = (state: SharedState, report: Report, now: number): Division => {
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
        report.waiting > 0 && used >= share &&
        others + used + 1 + Shared.leftToOthers(quota, now) + Shared.sum(quota.out) <= quota.limit
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
  const left = Math.max(1, quota.limit - Shared.leftToOthers(quota, now)) - Shared.sum(quota.out)
  return left > 1 ? left - reservedOf(quota, now) : Math.max(0, left)
}

/** One call is kept until it is known whether the window is fixed: it finds out once the promised time has come. */
const reservedOf = (quota: SharedQuota, now: number): number =>
  quota.kind === "unknown" && quota.end > 0 && quota.probe <= now && quota.limit >= 4 ? 1 : 0
