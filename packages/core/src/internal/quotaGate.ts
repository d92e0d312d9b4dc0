/**
 * The gate of one partition: lets requests through in the order in which they came, as soon as the state admits them.
 *
 * Nobody hands slots out: only the head of the queue looks whether it may go, and whoever leaves the queue, by going,
 * failing or being interrupted, wakes the next head. So a slot cannot be lost with a waiter that was granted it, and
 * nothing but the waiters themselves needs to run.
 */
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as RedBlackTree from "effect/RedBlackTree"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import { RateLimited } from "../AuthError.ts"
import * as AuthEvent from "../AuthEvent.ts"
import type { Limits } from "../RateLimit.ts"
import type { Reading } from "../RateLimitDialect.ts"
import type { Blocked, Signal } from "../RateLimitSignal.ts"
import * as RateLimitSignal from "../RateLimitSignal.ts"
import * as State from "./quotaState.ts"

export interface Gate {
  readonly key: string
  readonly limits: Limits
  readonly state: MutableRef.MutableRef<State.State>
  /** Who waits, by the number that each request drew when it came: one that was blocked comes back to its place. */
  readonly queue: MutableRef.MutableRef<RedBlackTree.RedBlackTree<number, Waiter>>
  readonly tickets: MutableRef.MutableRef<number>
}

/** A request's place in the queue and what it has waited: kept from one attempt to the next. */
export interface Turn {
  readonly ticket: number
  readonly since: number
  /** The state of the sleeping schedule. */
  readonly schedule: unknown
}

/** An attempt that is through. */
export interface Passage extends State.Call {
  readonly turn: Turn
}

/** Makes interruptible what runs in a region that is not. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface Waiter {
  /** Completed to make the waiter look again. */
  readonly wake: MutableRef.MutableRef<Deferred.Deferred<void>>
}

export const make = (key: string, limits: Limits, now: number): Gate => ({
  key,
  limits,
  state: MutableRef.make(State.make(limits, now)),
  queue: MutableRef.make(RedBlackTree.empty<number, Waiter>(Order.number)),
  tickets: MutableRef.make(0)
})

export const turn = (gate: Gate, now: number): Turn => ({
  ticket: MutableRef.getAndIncrement(gate.tickets),
  since: now,
  schedule: gate.limits.sleeping.initial
})

export const waiting = (gate: Gate): number => RedBlackTree.size(MutableRef.get(gate.queue))

/**
 * Goes through if that is possible now. Like {@link wait} to be run uninterruptibly, so that whoever is through has been
 * counted and will be counted out.
 */
export const passAtOnce = (gate: Gate, turn: Turn, now: number): Passage | undefined =>
  waiting(gate) === 0 && State.opensAt(MutableRef.get(gate.state), gate.limits, now) <= now
    ? go(gate, turn, now)
    : undefined

/** A call ended without an answer. */
export const abandon = (gate: Gate): Effect.Effect<void> =>
  Effect.clockWith((clock) => {
    MutableRef.update(gate.state, (state) => State.abandoned(state, clock.unsafeCurrentTimeMillis()))
    wakeHead(gate)
    return Effect.void
  })

/** What an answer has taught: whether it is a block, and what a person should know of it. */
export interface Lesson {
  readonly blocked: Blocked
  readonly events: ReadonlyArray<AuthEvent.AuthEvent>
}

/** Takes in an answer that arrived at `now`. */
export const answered = (gate: Gate, call: State.Call, reading: Reading, now: number): Lesson => {
  const { key, limits, state } = gate
  const signal = Option.getOrElse(reading.signal, () => RateLimitSignal.empty)
  const after = State.answered(MutableRef.get(state), call, signal, now)
  const [approaches, next] = State.approaching(after, signal, limits.warnBelow, now)
  MutableRef.set(state, next)
  wakeHead(gate)
  const events = approaches.map(({ moreAt, ...facts }) =>
    AuthEvent.AuthEvent.ApproachingLimit({ key, ...facts, until: DateTime.unsafeMake(moreAt) })
  )
  return {
    blocked: signal.blocked,
    events: reading.malformed.length === 0
      ? events
      : [AuthEvent.AuthEvent.MalformedQuota({ key, fields: reading.malformed }), ...events]
  }
}

/** The error of a request that waits no longer, or was blocked once too often. */
export const rateLimited = (gate: Gate, now: number): RateLimited => {
  const state = MutableRef.get(gate.state)
  const opens = State.opensAt(state, gate.limits, now)
  const scarcest = State.quotas(state, now).reduce<{ limit?: number | undefined; remaining?: number | undefined }>(
    (scarcest, quota) => (quota.remaining ?? Infinity) < (scarcest.remaining ?? Infinity) ? quota : scarcest,
    {}
  )
  return new RateLimited({
    key: gate.key,
    retryAfter: Duration.millis(Number.isFinite(opens) ? Math.max(0, opens - now) : unknownWait),
    limit: scarcest.limit,
    remaining: scarcest.remaining
  })
}

const go = (gate: Gate, turn: Turn, now: number): Passage => {
  MutableRef.update(gate.state, (state) => State.sent(state, now))
  return { sentAt: now, turn }
}

const wakeHead = (gate: Gate): void => {
  const head = RedBlackTree.first(MutableRef.get(gate.queue))
  if (Option.isSome(head)) Deferred.unsafeDone(MutableRef.get(head.value[1].wake), Effect.void)
}

/** A sleep of the head of the queue. */
interface Sleep {
  /** The opening that it is for. */
  readonly opens: number
  /** When it ends; later than the opening if the schedule says so. */
  readonly until: number
}

/** The sleep that is under way, as what was learned meanwhile changes it; `undefined` when it is over. */
const adjusted = (sleep: Sleep | undefined, opens: number, now: number): Sleep | undefined =>
  sleep === undefined || now >= sleep.until
    ? undefined
    : opens < sleep.opens || opens > sleep.until
    ? { opens, until: opens }
    : sleep

/** Goes through after waiting; only the waiting itself is made interruptible, by `restore`. */
export const wait = (
  gate: Gate,
  { schedule, since, ticket }: Turn,
  restore: Restore
): Effect.Effect<Passage, RateLimited> => {
  const { maxWait, sleeping } = gate.limits
  const deadline = since + Duration.toMillis(maxWait)
  const waiter: Waiter = { wake: MutableRef.make(Deferred.unsafeMake<void>(FiberId.none)) }
  MutableRef.update(gate.queue, RedBlackTree.insert(ticket, waiter))

  const isHead = () => Option.exists(RedBlackTree.first(MutableRef.get(gate.queue)), ([first]) => first === ticket)

  const leave = Effect.sync(() => {
    MutableRef.update(gate.queue, RedBlackTree.removeFirst(ticket))
    wakeHead(gate)
  })

  /**
   * Until woken, or the time has come. The head sleeps in pieces, because a timer that was set before a suspend is late
   * after it; whoever is behind needs none but for its deadline.
   */
  const pauseUntil = (until: number, now: number) => {
    const awoken = Deferred.await(MutableRef.get(waiter.wake))
    const longest = Math.min(Math.min(until, deadline) - now, isHead() ? longestPause : Infinity)
    return restore(
      Number.isFinite(longest)
        ? Effect.asVoid(Effect.timeoutOption(awoken, Duration.millis(Math.max(1, longest))))
        : awoken
    )
  }

  const look = (schedule: unknown, before: Sleep | undefined): Effect.Effect<Passage, RateLimited> =>
    Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      // made before looking, so that nothing that happens from here on is missed
      MutableRef.set(waiter.wake, Deferred.unsafeMake<void>(FiberId.none))
      const state = MutableRef.get(gate.state)
      const opens = State.opensAt(state, gate.limits, now)
      const sleep = adjusted(before, opens, now)
      if (isHead() && opens <= now && (sleep === undefined || sleep.until <= now)) {
        return Effect.succeed(go(gate, { schedule, since, ticket }, now))
      }
      const end = Number.isFinite(opens) ? Math.max(opens, now) : now
      const signal = State.toSignal(state, end - now, now)
      const isTooLong = end > deadline || now >= deadline
        ? Effect.succeed(true)
        : outlasts(sleeping, signal, since, end)
      return Effect.flatMap(isTooLong, (isTooLong) => {
        if (isTooLong) return Effect.fail(rateLimited(gate, now))
        const keepOn = (schedule: unknown, sleep: Sleep | undefined) =>
          Effect.zipRight(
            pauseUntil(sleep === undefined ? Infinity : sleep.until, now),
            Effect.suspend(() => look(schedule, sleep))
          )
        if (!isHead() || !Number.isFinite(opens) || sleep !== undefined) return keepOn(schedule, sleep)
        return Effect.flatMap(sleeping.step(now, signal, schedule), ([next, , decision]) => {
          if (ScheduleDecision.isDone(decision)) return Effect.fail(rateLimited(gate, now))
          const until = Math.max(opens, ScheduleIntervals.start(decision.intervals))
          return Effect.zipRight(tell(gate, signal, until), keepOn(next, { opens, until }))
        })
      })
    })

  return Effect.ensuring(look(schedule, undefined), leave)
}

const tell = (gate: Gate, { blocked }: Signal, until: number): Effect.Effect<void> =>
  AuthEvent.publish(AuthEvent.AuthEvent.SleepingUntil({
    key: gate.key,
    reason: blocked,
    until: DateTime.unsafeMake(until),
    waiters: waiting(gate)
  }))

/**
 * Whether a schedule that was begun at `since` would have run out at `end` for the time that has passed (`upTo`), as
 * opposed to the number of its steps: then the waiting need not even begin.
 */
const outlasts = (
  schedule: Limits["sleeping"],
  signal: Signal,
  since: number,
  end: number
): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const [begun, , first] = yield* schedule.step(since, signal, schedule.initial)
    if (ScheduleDecision.isDone(first)) return true
    const [, , atOnce] = yield* schedule.step(since, signal, begun)
    const [, , atEnd] = yield* schedule.step(end, signal, begun)
    return ScheduleDecision.isContinue(atOnce) && ScheduleDecision.isDone(atEnd)
  })

const longestPause = 30_000

/** What a person is told to wait where no time is known, because it depends on other requests. */
const unknownWait = 1000
