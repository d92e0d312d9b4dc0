/**
 * The keys of one limiter. Each has a lane: what is known of its quota, and its queue. Keys that the server is found to count
 * together share a lane from then on.
 *
 * Lanes that have not been used for long are forgotten after a while, and beyond a number the ones that have not been used
 * for longest, so a program that makes up keys without end keeps its size.
 */
import type * as Clock from "effect/Clock"
import * as MutableRef from "effect/MutableRef"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as Blocks from "./blocks.ts"
import type { Gate, Gates } from "./gate.ts"
import { originOf } from "./key.ts"
import * as Partition from "./partition.ts"
import * as Queue from "./queue.ts"
import type * as Schedule from "./schedule.ts"
import * as Sharing from "./sharing.ts"

/** The quota of one key at work, or of several that are counted together. */
export interface Lane {
  /** The first of its keys. */
  readonly key: string
  readonly origin: Origin
  readonly partition: MutableRef.MutableRef<Partition.Partition>
  readonly queue: Queue.Queue
  /** Where other processes use the quota too. */
  readonly gate: Gate | undefined
  /** The latest opening of which it was said that requests wait for it. */
  readonly announced: MutableRef.MutableRef<number>
  /** The last wait that was logged as a warning. */
  readonly warned: MutableRef.MutableRef<Queue.Warning | undefined>
  /** The last block, until a call is served after it. */
  readonly block: MutableRef.MutableRef<Sharing.Block | undefined>
  /** The lane to which its keys and its requests have gone over. */
  readonly successor: MutableRef.MutableRef<Lane | undefined>
}

/** The lane of a key: {@link current} at each use, because it may change. */
export type Handle = MutableRef.MutableRef<Lane>

/** What the keys of one origin share. */
export interface Origin {
  readonly name: string
  readonly blocks: MutableRef.MutableRef<Blocks.Blocks>
  /** The backoff of these blocks; `undefined` until one needs it. */
  readonly backoff: MutableRef.MutableRef<Schedule.Stepper<RateLimitStatus> | undefined>
  /** The lanes that were blocked last, the latest at the end. */
  readonly blocked: MutableRef.MutableRef<ReadonlyArray<Lane>>
}

export interface Lanes {
  readonly rules: Partition.Rules
  readonly handles: Map<string, Handle>
  readonly origins: Map<string, Origin>
  readonly sweepAt: MutableRef.MutableRef<number>
  /** The number of keys from which on a new one takes the place of others. */
  readonly full: MutableRef.MutableRef<number>
  readonly gates: Gates | undefined
}

export const make = (rules: Partition.Rules, gates?: Gates): Lanes => ({
  rules,
  gates,
  handles: new Map(),
  origins: new Map(),
  sweepAt: MutableRef.make(-Infinity),
  full: MutableRef.make(mostKeys)
})

/** The lane of a key; a new one belongs to the origin of the request. */
export const of = (self: Lanes, key: string, url: string, now: number): Handle => {
  if (now >= MutableRef.get(self.sweepAt)) sweep(self, now)
  const known = self.handles.get(key)
  if (known !== undefined) return known
  if (self.handles.size >= MutableRef.get(self.full)) evict(self, now)
  const partition = MutableRef.make(Partition.make(self.rules, now))
  const queue = Queue.make()
  const handle = MutableRef.make<Lane>({
    key,
    origin: originAt(self, originOf(url)),
    partition,
    queue,
    gate: self.gates?.(key, {
      load: () => ({ inFlight: MutableRef.get(partition).inFlight, waiting: queue.size }),
      wake: () => Queue.wakeHead(queue)
    }),
    announced: MutableRef.make(-Infinity),
    warned: MutableRef.make<Queue.Warning | undefined>(undefined),
    block: MutableRef.make<Sharing.Block | undefined>(undefined),
    successor: MutableRef.make<Lane | undefined>(undefined)
  })
  self.handles.set(key, handle)
  return handle
}

/** The lane of a key now. */
export const current = (handle: Handle): Lane => {
  const lane = MutableRef.get(handle)
  if (MutableRef.get(lane.successor) === undefined) return lane
  const last = lastOf(lane)
  MutableRef.set(handle, last)
  return last
}

/** When one more request of the lane may be sent. */
export const opensAt = ({ gate, partition }: Lane, rules: Partition.Rules, now: number, clock: Clock.Clock): number =>
  gate === undefined
    ? Partition.opensAt(MutableRef.get(partition), rules, now)
    : gate.opensAt(MutableRef.get(partition), now, clock)

/** Each lane once. */
export const all = (self: Lanes): ReadonlyArray<Lane> => Array.from(new Set(Array.from(self.handles.values(), current)))

/**
 * A lane has been blocked. If another of its origin is blocked as well, and nothing tells their quotas apart, its keys and its
 * requests go over to that one. Lanes that other processes share stay apart: all of them would have to do the same.
 */
export const blocked = (lane: Lane, block: Sharing.Block, now: number): void => {
  const { blocked } = lane.origin
  MutableRef.set(lane.block, block)
  if (lane.gate !== undefined) return
  const others = Array.from(new Set(MutableRef.get(blocked).map(lastOf))).filter((other) => other !== lane)
  const same = others.find((other) => {
    const known = MutableRef.get(other.block)
    return known !== undefined && Sharing.isAlike(known, block) &&
      Sharing.isShared(MutableRef.get(other.partition), MutableRef.get(lane.partition), now)
  })
  MutableRef.set(blocked, [...others.filter((other) => other !== same), same ?? lane].slice(-mostBlocked))
  if (same === undefined) return
  MutableRef.update(same.partition, (partition) => Sharing.merged(partition, MutableRef.get(lane.partition)))
  MutableRef.set(same.block, block)
  MutableRef.set(lane.successor, same)
  Queue.moveAll(lane.queue, same.queue)
}

/** A call of the lane has been served that was sent after its last block: the next block of the origin is a first one. */
export const served = ({ block, origin }: Lane): void => {
  MutableRef.set(block, undefined)
  beginAnew(origin)
}

/** The next block of the origin is a first one. */
export const beginAnew = ({ backoff, blocks }: Origin): void => {
  MutableRef.set(blocks, Blocks.none)
  MutableRef.set(backoff, undefined)
}

/** Nobody knows how much time has passed. */
export const forgetTimes = (self: Lanes, now: number): void => {
  for (const { announced, partition, queue, warned } of all(self)) {
    MutableRef.update(partition, (partition) => Partition.forgetTimes(partition, now))
    MutableRef.set(announced, -Infinity)
    MutableRef.set(warned, undefined)
    Queue.wakeHead(queue)
  }
}

const lastOf = (lane: Lane): Lane => {
  const successor = MutableRef.get(lane.successor)
  return successor === undefined ? lane : lastOf(successor)
}

/** Forgets the keys that have not been used for long. */
const sweep = (self: Lanes, now: number): void => {
  for (const [key, handle] of self.handles) {
    const { partition, queue } = current(handle)
    if (queue.size === 0 && Partition.isIdle(MutableRef.get(partition), self.rules, now)) {
      self.handles.delete(key)
    }
  }
  forgetOrigins(self)
  MutableRef.set(self.full, mostKeys)
  MutableRef.set(self.sweepAt, now + sweepEvery)
}

/**
 * Makes room for new keys at the cost of those that have not been used for longest; of these, closed ones last. A key that has
 * gone over to the lane of another can always be forgotten: if it is used again, a block tells where it belongs.
 */
const evict = (self: Lanes, now: number): void => {
  const unused = Array.from(self.handles).flatMap(([key, handle]) => {
    const lane = current(handle)
    const partition = MutableRef.get(lane.partition)
    if (lane.key !== key) return [{ key, usedAt: 0, isClosed: false }]
    return partition.inFlight === 0 && lane.queue.size === 0
      ? [{ key, usedAt: partition.touchedAt, isClosed: Partition.opensAt(partition, self.rules, now) > now }]
      : []
  })
  unused.sort((a, b) => Number(a.isClosed) - Number(b.isClosed) || a.usedAt - b.usedAt)
  for (const { key } of unused.slice(0, evictedAtOnce)) self.handles.delete(key)
  forgetOrigins(self)
  // where most keys are in use, looking again for each new one would take longer than the requests
  MutableRef.set(self.full, Math.max(mostKeys, self.handles.size + evictedAtOnce))
}

const forgetOrigins = (self: Lanes): void => {
  const used = new Set(Array.from(self.handles.values(), (handle) => current(handle).origin.name))
  for (const name of self.origins.keys()) {
    if (!used.has(name)) self.origins.delete(name)
  }
}

const originAt = ({ origins }: Lanes, name: string): Origin => {
  const known = origins.get(name)
  if (known !== undefined) return known
  const origin: Origin = {
    name,
    blocks: MutableRef.make(Blocks.none),
    backoff: MutableRef.make<Schedule.Stepper<RateLimitStatus> | undefined>(undefined),
    blocked: MutableRef.make<ReadonlyArray<Lane>>([])
  }
  origins.set(name, origin)
  return origin
}

/** In milliseconds. A look at ten thousand keys takes two. */
const sweepEvery = 60_000

/** A quota that the server states takes less than four kilobytes. */
const mostKeys = 10_000

/** Looking for the oldest takes as long as a thousand requests. */
const evictedAtOnce = 1000

/** Servers have few quotas for each client; what is not found to be the same among these stays apart. */
const mostBlocked = 8
