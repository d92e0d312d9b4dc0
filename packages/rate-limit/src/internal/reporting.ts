/** When a process reports to those that it shares quotas with. Pure; times in milliseconds, of a clock that is never set. */
import type { Membership } from "./membership.ts"
import type { Holding } from "./share.ts"
import * as Share from "./share.ts"
import * as Window from "./window.ts"

/** The requests of this process as they are now. */
interface Load {
  readonly inFlight: number
  readonly waiting: number
}

/** Whether nothing more is to be expected of this process for a while. */
export const isIdle = (self: Membership, load: Load, now: number): boolean =>
  load.inFlight === 0 && load.waiting === 0 && now - self.touchedAt > self.lease

/** Whether a report is due because of the calls that were made. */
export const isDue = ({ calls }: Membership): boolean => calls === callsOfReport

/** Whether the process uses more than its share. */
export const isOver = ({ holdings, told }: Membership): boolean =>
  holdings.some(({ granted }, i) => (told.used[i] ?? 0) > granted.share)

/** When the next report is due. */
export const dueAt = (self: Membership, load: Load, now: number): number => {
  const { calls, isUrgent, lease, more, reportedAt, told } = self
  if (!Number.isFinite(reportedAt) || self.failures > 0) return now
  if (isUrgent) return Math.max(now, reportedAt + atOnce)
  const regular = reportedAt + lease / 3
  const candidates = [
    regular,
    calls >= callsOfReport ? reportedAt + shortest : Infinity,
    load.waiting > 0 && told.waiting === 0 ? reportedAt + soon : Infinity,
    load.waiting > 0 && more > reportedAt ? Math.max(more, reportedAt + shortest) : Infinity,
    ...self.holdings.map((holding, i) => givesUpAt(self, holding, told.used[i] ?? 0, load.inFlight, now)),
    ...self.holdings.map((holding) =>
      load.waiting > 0 && holding.granted.kind === "unknown" && holding.end >= reportedAt ? holding.end + 2 : Infinity
    )
  ]
  return Math.min(...candidates)
}

/** When a process that uses more than its share has something to give up. */
const givesUpAt = (self: Membership, holding: Holding, told: number, inFlight: number, now: number): number => {
  const share = holding.granted.share
  if (told <= share) return Infinity
  const used = Share.used(holding, inFlight, now)
  if (used < told) return Share.isSlots(holding) ? now : self.reportedAt + shortest
  return Share.isSlots(holding) ? Infinity : Math.max(Window.moreAt(holding.usage, now), self.reportedAt + shortest)
}

/** A report is due about every ten calls. */
const callsOfReport = 10

/** In milliseconds. */
const shortest = 200

/** In milliseconds: what happens together is told together. */
const atOnce = 3

/** In milliseconds: before a process has said that it waits. */
const soon = 20
