/**
 * Two keys that are blocked at the same time: whether the server counts them together, and what is then known of both. Pure;
 * times in milliseconds.
 */
import * as Partition from "./partition.ts"
import type { WindowUsage } from "./window.ts"

/** A block, as the server stated it. */
export interface Block {
  /** When it was known. */
  readonly at: number
  /** How long it lasts; zero if the server did not say. */
  readonly wait: number
}

/**
 * Whether one quota may be behind both blocks: they end together, as in a window that both wait for, or last equally long, as
 * where a server states the same wait whenever it is asked. A block for seconds beside one for an hour is another quota.
 */
export const isAlike = (self: Block, that: Block): boolean =>
  self.wait === 0 || that.wait === 0 ||
  Math.abs(self.wait - that.wait) <= drift ||
  Math.abs(self.at + self.wait - that.at - that.wait) <= drift

/** Whether both are blocked now, and nothing that the server states tells their quotas apart. */
export const isShared = (self: Partition.Partition, that: Partition.Partition, now: number): boolean =>
  self.blockedUntil > now && that.blockedUntil > now &&
  self.windows.every((usage) => that.windows.every((other) => usage.name !== other.name || isSameQuota(usage, other)))

/** Both as one: what was known more recently of the same quota, and the stricter of what each may do. */
export const merged = (self: Partition.Partition, that: Partition.Partition): Partition.Partition => ({
  windows: [
    ...self.windows.map((usage) => later(usage, that.windows.find(({ name }) => name === usage.name))),
    ...that.windows.filter(({ name }) => self.windows.every((usage) => usage.name !== name))
  ].slice(-Partition.mostWindows),
  inFlight: self.inFlight + that.inFlight,
  concurrency: self.concurrency === undefined || that.concurrency === undefined
    ? self.concurrency ?? that.concurrency
    : Math.min(self.concurrency, that.concurrency),
  congestionWindow: Math.min(self.congestionWindow, that.congestionWindow),
  slowStartThreshold: Math.min(self.slowStartThreshold, that.slowStartThreshold),
  blockedUntil: Math.max(self.blockedUntil, that.blockedUntil),
  touchedAt: Math.max(self.touchedAt, that.touchedAt),
  warnedAt: Math.max(self.warnedAt, that.warnedAt)
})

const isSameQuota = (self: WindowUsage, that: WindowUsage): boolean =>
  isSame(self.limit, that.limit) && isSame(self.window, that.window) && isSame(self.partition, that.partition) &&
  (self.refillAt === undefined || that.refillAt === undefined || Math.abs(self.refillAt - that.refillAt) <= drift)

const isSame = <A>(self: A | undefined, that: A | undefined): boolean =>
  self === undefined || that === undefined || self === that

const later = (self: WindowUsage, that: WindowUsage | undefined): WindowUsage =>
  that === undefined || that.statedAt < self.statedAt ? self : that

/** Servers state times in whole seconds, so two statements of one refill differ by up to a second each way. */
const drift = 2000
