/**
 * How a request waits until the quota of its key admits it.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import { RateLimited } from "../RateLimitError.ts"
import * as RateLimitEvent from "../RateLimitEvent.ts"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as EventHub from "./eventHub.ts"
import { originAndPath } from "./key.ts"
import * as Lanes from "./lanes.ts"
import * as Partition from "./partition.ts"
import * as Queue from "./queue.ts"
import { record } from "./record.ts"
import * as Schedule from "./schedule.ts"
import * as StateRef from "./stateRef.ts"
import * as Timeline from "./timeline.ts"

/** What the keys of a limiter share. */
export interface Shared {
  readonly policy: RateLimitPolicy
  readonly rules: Partition.Rules
  /** In milliseconds. */
  readonly maxWait: number
  readonly timeline: Timeline.Timeline
  readonly events: EventHub.EventHub<RateLimitEvent.RateLimitEvent>
  /** Counts the changes of all lanes, for those who follow the limiter's state. */
  readonly changes: StateRef.StateRef<number>
}

/** A request's place in the queue and what is left to it, kept from one attempt to the next. */
export interface Ticket {
  readonly number: number
  readonly since: number
  /** How often the request may still be sent again after blocks. */
  readonly replays: number
  /** The schedule of the request's waits; `undefined` until it first waits. */
  readonly waits: Schedule.Stepper<RateLimitStatus> | undefined
}

/** An attempt that the quota admits and that has been counted. */
export interface Permit extends Partition.SentCall {
  readonly ticket: Ticket
}

/** Makes interruptible what runs in a region that is not. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** The request that waits. */
export interface Context {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly shared: Shared
  readonly key: string
  readonly handle: Lanes.Handle
  readonly clock: Clock.Clock
  readonly restore: Restore
  readonly onEvent: ((event: RateLimitEvent.RateLimitEvent) => Effect.Effect<void>) | undefined
}

/**
 * A permit, after a wait. To be run uninterruptibly, so that each request that has been counted is counted out; only the
 * waiting itself is made interruptible, by `restore`.
 */
export const wait = (context: Context, ticket: Ticket): Effect.Effect<Permit, RateLimited> => {
  const { clock, handle, restore, shared } = context
  const { policy, rules, timeline } = shared
  const deadline = ticket.since + shared.maxWait
  const waits = ticket.waits ?? Schedule.stepper(policy.waiting)
  const waiter = Queue.enter(Lanes.current(handle).queue, ticket.number)
  changed(shared)

  const look = (sleep: Queue.Sleep | undefined, hasAsked: boolean): Effect.Effect<Permit, RateLimited> =>
    Effect.suspend(() => {
      const now = Timeline.exact(timeline, clock)
      Queue.rearm(waiter)
      const lane = Lanes.current(handle)
      const { announced, gate, partition, queue } = lane
      const view: Queue.View = {
        now,
        isHead: Queue.isHead(queue, ticket.number),
        opensAt: Lanes.opensAt(lane, rules, now, clock),
        deadline,
        sleep,
        hasAsked
      }
      const move = Queue.decide(view)
      switch (move._tag) {
        case "Go":
          MutableRef.update(partition, (partition) => Partition.sent(partition, rules, now))
          gate?.sent(clock)
          return Effect.succeed({ sentAt: now, ticket: { ...ticket, waits } })
        case "GiveUp":
          return Effect.fail(rateLimited(context, now))
        case "AskSchedule":
          return askSchedule(view)
        case "Pause": {
          const { sleep } = move
          const isPostponed = sleep !== undefined && Queue.isPostponed(MutableRef.get(announced), sleep.opensAt)
          return isPostponed ? Effect.zipRight(announce(view, sleep), pause(view, sleep)) : pause(view, sleep)
        }
      }
    })

  const askSchedule = (asking: Queue.View): Effect.Effect<Permit, RateLimited> =>
    Effect.flatMap(Schedule.step(waits, asking.now, statusOf(asking)), (next) => {
      const view = { ...asking, hasAsked: true }
      if (Option.isNone(next)) return Effect.fail(rateLimited(context, view.now))
      const sleep = { opensAt: view.opensAt, until: Math.max(view.opensAt, next.value) }
      if (sleep.until > deadline) return Effect.fail(rateLimited(context, view.now))
      // each request behind this one asks in its turn, for the same opening if this one leaves before it
      return Queue.isAnnounced(MutableRef.get(Lanes.current(handle).announced), sleep.opensAt)
        ? pause(view, sleep)
        : Effect.zipRight(announce(view, sleep), pause(view, sleep))
    })

  const statusOf = (view: Queue.View): RateLimitStatus =>
    Partition.toStatus(
      MutableRef.get(Lanes.current(handle).partition),
      Queue.earliestEnd(view) - view.now,
      view.now
    )

  const announce = (view: Queue.View, { opensAt, until }: Queue.Sleep) => {
    const lane = Lanes.current(handle)
    MutableRef.set(lane.announced, opensAt)
    const wait = Duration.millis(until - view.now)
    const warning = { at: view.now, opensAt }
    const warns = Duration.greaterThan(wait, noticeable) &&
      Queue.isNews(MutableRef.get(lane.warned), warning, Duration.toMillis(policy.warnEvery))
    if (warns) MutableRef.set(lane.warned, warning)
    const event = RateLimitEvent.RateLimitEvent.WaitingUntil({
      key: lane.key,
      reason: statusOf(view).blocked,
      until: DateTime.unsafeMake(Timeline.toWall(timeline, until)),
      wait,
      waiters: lane.queue.size
    })
    return publish(context, event, warns ? LogLevel.Warning : LogLevel.Debug)
  }

  /** The head sleeps in pieces; those behind it need no timer but for their deadline. */
  const pause = (
    { hasAsked, isHead, now }: Queue.View,
    sleep: Queue.Sleep | undefined
  ): Effect.Effect<Permit, RateLimited> => {
    const awoken = Queue.awoken(waiter)
    const until = Math.min(sleep === undefined ? Infinity : sleep.until, deadline)
    const longest = Math.min(until - now, isHead ? longestPause : Infinity)
    return Effect.zipRight(
      restore(
        Number.isFinite(longest)
          ? Effect.asVoid(Effect.timeoutOption(awoken, Duration.millis(Math.max(1, longest))))
          : awoken
      ),
      Effect.suspend(() => look(sleep, hasAsked))
    )
  }

  return Effect.ensuring(
    look(undefined, false),
    Effect.sync(() => {
      Queue.leave(Lanes.current(handle).queue, ticket.number)
      changed(shared)
    })
  )
}

/** The error of a request that waits no longer, or that was blocked once too often. */
export const rateLimited = ({ clock, handle, key, request, shared }: Context, now: number): RateLimited => {
  const lane = Lanes.current(handle)
  const partition = MutableRef.get(lane.partition)
  const opensAt = Lanes.opensAt(lane, shared.rules, now, clock)
  const scarcest = Partition.quotas(partition, now).reduce<Pick<RateLimited, "limit" | "remaining">>(
    (scarcest, quota) => (quota.remaining ?? Infinity) < (scarcest.remaining ?? Infinity) ? quota : scarcest,
    {}
  )
  return new RateLimited({
    key,
    url: originAndPath(request.url),
    retryAfter: Number.isFinite(opensAt) ? Duration.millis(Math.max(0, opensAt - now)) : unknownWait,
    limit: scarcest.limit,
    remaining: scarcest.remaining
  })
}

/** On the limiter's stream, in log and metrics, and to the observer of the request. */
export const publish = (
  { onEvent, shared }: Context,
  event: RateLimitEvent.RateLimitEvent,
  level: LogLevel.LogLevel
): Effect.Effect<void> => {
  const recorded = Effect.zipRight(EventHub.publish(shared.events, event), record(event, level))
  return onEvent === undefined ? recorded : Effect.zipRight(recorded, onEvent(event))
}

/** Tells those who follow the limiter's state that a lane has changed. */
export const changed = ({ changes }: Shared): void => StateRef.update(changes, (count) => count + 1)

/** A wait that is longer is worth a line in a log. */
const noticeable = Duration.seconds(1)

/** A timer that was set before the machine was suspended is late after it. */
const longestPause = 30_000

/** What a caller is told to wait if no time is known, because it depends on other requests. */
const unknownWait = Duration.seconds(1)
