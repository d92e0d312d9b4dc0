/**
 * The queue of one key: requests that wait, in the order of their tickets, and what the one that looks does next.
 *
 * Slots are never handed out. Only the head of the queue checks whether it may go, and each request that leaves the queue,
 * by going, failing or being interrupted, wakes the next head. So a slot cannot be lost with a waiter that was granted it,
 * and nothing runs but the waiters themselves.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as RedBlackTree from "effect/RedBlackTree"

/** Written to by this module alone. */
export interface Queue {
  /** By ticket number: a request that was blocked returns to its place. */
  waiters: RedBlackTree.RedBlackTree<number, Waiter>
  /** How many wait; counted along, because every request asks. */
  size: number
  /** How often the head was to be woken since {@link wakeHead} was entered; 0: it is not under way. */
  wakes: number
}

export interface Waiter {
  /** Completed to make the waiter look again. */
  readonly wake: MutableRef.MutableRef<Deferred.Deferred<void>>
}

export const make = (): Queue => ({ waiters: empty, size: 0, wakes: 0 })

export const enter = (queue: Queue, ticket: number): Waiter => {
  const waiter: Waiter = { wake: MutableRef.make(Deferred.unsafeMake<void>(FiberId.none)) }
  set(queue, RedBlackTree.insert(ticket, waiter)(queue.waiters))
  return waiter
}

export const leave = (queue: Queue, ticket: number): void => {
  set(queue, RedBlackTree.removeFirst(ticket)(queue.waiters))
  wakeHead(queue)
}

/** Each waiter keeps its place among those of the other queue. */
export const moveAll = (self: Queue, to: Queue): void => {
  for (const [ticket, waiter] of self.waiters) set(to, RedBlackTree.insert(ticket, waiter)(to.waiters))
  set(self, empty)
  wakeHead(to)
}

export const isHead = (queue: Queue, ticket: number): boolean =>
  Option.exists(RedBlackTree.first(queue.waiters), ([first]) => first === ticket)

/**
 * A waiter may run before this returns, and leave the queue: whom it wakes then is woken here. A thousand that go at once,
 * each woken from within the one before it, would use up the stack.
 */
export const wakeHead = (queue: Queue): void => {
  queue.wakes += 1
  if (queue.wakes > 1) return
  try {
    for (let woken = 0; woken < queue.wakes;) {
      woken = queue.wakes
      const head = RedBlackTree.first(queue.waiters)
      if (Option.isSome(head)) Deferred.unsafeDone(MutableRef.get(head.value[1].wake), Effect.void)
    }
  } finally {
    queue.wakes = 0
  }
}

/** To be called before the waiter looks, so that it misses nothing that happens from then on. */
export const rearm = (waiter: Waiter): void => {
  MutableRef.set(waiter.wake, Deferred.unsafeMake<void>(FiberId.none))
}

/** Until the waiter is woken. */
export const awoken = (waiter: Waiter): Effect.Effect<void> => Deferred.await(MutableRef.get(waiter.wake))

/** A sleep of the head of the queue. */
export interface Sleep {
  /** The opening that it is for. */
  readonly opensAt: number
  /** Its end; later than the opening if the schedule says so. */
  readonly until: number
}

/** What a waiter sees when it looks; times in epoch milliseconds. */
export interface View {
  readonly now: number
  readonly isHead: boolean
  /** When the next request may be sent; `Infinity`: not before one in flight is answered. */
  readonly opensAt: number
  /** When the request gives up waiting. */
  readonly deadline: number
  /** The sleep that is under way. */
  readonly sleep: Sleep | undefined
  /** Whether the schedule of the policy was asked in this wait. */
  readonly hasAsked: boolean
}

/**
 * - `Go`: the request is sent
 * - `GiveUp`: it would have to wait too long
 * - `Pause`: it waits until it is woken, and no longer than the sleep that is under way
 * - `AskSchedule`: it waits until `opensAt`, or as long as the schedule of the policy says, which is asked once in a wait
 */
export type Move =
  | { readonly _tag: "Go" }
  | { readonly _tag: "GiveUp" }
  | { readonly _tag: "Pause"; readonly sleep: Sleep | undefined }
  | { readonly _tag: "AskSchedule" }

/** What a waiter does next. */
export const decide = (view: View): Move => {
  const { deadline, hasAsked, isHead, now, opensAt } = view
  const sleep = adjusted(view)
  if (isHead && opensAt <= now && sleep === undefined) return { _tag: "Go" }
  if (earliestEnd(view) > deadline || now >= deadline) return { _tag: "GiveUp" }
  if (!isHead || !Number.isFinite(opensAt) || sleep !== undefined) return { _tag: "Pause", sleep }
  return hasAsked ? { _tag: "Pause", sleep: { opensAt, until: opensAt } } : { _tag: "AskSchedule" }
}

/** The earliest time at which the request can be sent, as far as it is known. */
export const earliestEnd = ({ now, opensAt }: View): number => Number.isFinite(opensAt) ? Math.max(opensAt, now) : now

/** Whether it was said that requests wait for this opening, when `announced` was the last one of which that was said. */
export const isAnnounced = (announced: number, opensAt: number): boolean =>
  opensAt <= announced && announced - opensAt <= drift

/** Whether a sleep that is under way is now for another opening than the one that was announced. */
export const isPostponed = (announced: number, opensAt: number): boolean => opensAt - announced > drift

/** The last warning that requests wait: when it was given, and the opening of which it spoke. */
export interface Warning {
  readonly at: number
  readonly opensAt: number
}

/**
 * Whether a wait is to be warned of, at most once in `every` milliseconds as long as a quota opens again soon. An opening
 * that is later than the last warning let expect is news at once: who read of two seconds has to learn of an hour.
 */
export const isNews = (last: Warning | undefined, next: Warning, every: number): boolean =>
  last === undefined || next.at < last.at || next.at - last.at >= every || next.opensAt - last.opensAt >= every

/** Servers state times in whole seconds, so that each response moves one and the same opening by up to a second. */
const drift = 1000

/**
 * The sleep under way, as what was learned meanwhile changes it; `undefined` when it is over, or when no time is known any more
 * for which to sleep.
 */
const adjusted = ({ now, opensAt, sleep }: View): Sleep | undefined =>
  sleep === undefined || now >= sleep.until || !Number.isFinite(opensAt)
    ? undefined
    : opensAt >= sleep.opensAt && opensAt <= sleep.until
    ? sleep
    : opensAt <= now
    ? undefined
    : { opensAt, until: opensAt }

const set = (queue: Queue, waiters: Queue["waiters"]): void => {
  queue.waiters = waiters
  queue.size = RedBlackTree.size(waiters)
}

const empty: RedBlackTree.RedBlackTree<number, Waiter> = RedBlackTree.empty(Order.number)
