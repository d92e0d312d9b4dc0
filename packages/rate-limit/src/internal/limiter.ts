/**
 * A limiter in the memory of one process: a lane for each key, and the way of a request through it.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import type { RateLimited } from "../RateLimitError.ts"
import { RateLimitEvent } from "../RateLimitEvent.ts"
import * as RateLimitHeaders from "../RateLimitHeaders.ts"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import type { Quota, RateLimitStatus } from "../RateLimitStatus.ts"
import * as Status from "../RateLimitStatus.ts"
import * as ReplayPolicy from "../ReplayPolicy.ts"
import * as ResponseBody from "../ResponseBody.ts"
import * as EventHub from "./eventHub.ts"
import * as Partition from "./partition.ts"
import * as Queue from "./queue.ts"
import * as Schedule from "./schedule.ts"
import * as StateRef from "./stateRef.ts"
import * as Upload from "./upload.ts"
import * as Waiting from "./waiting.ts"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-auth/rate-limit/RateLimiter")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * Keeps requests within the quotas of a server. One limiter serves all clients whose requests the server counts together.
 *
 * @since 0.1.0
 * @category models
 */
export interface RateLimiter {
  readonly [TypeId]: TypeId
  /**
   * Runs the attempt once the quota admits it, and learns from its response. After a blocked attempt it waits and attempts
   * again, if the request's body can be sent again and within the bounds of the policy; otherwise it fails with
   * `RateLimited`. `onEvent` is told of the events of this request, besides `events`.
   */
  readonly run: <E, R>(
    request: HttpClientRequest.HttpClientRequest,
    attempt: Attempt<E, R>,
    onEvent?: (event: RateLimitEvent) => Effect.Effect<void>
  ) => Effect.Effect<HttpClientResponse.HttpClientResponse, E | RateLimited, R>
  /** What is known now of each key that was used lately. */
  readonly snapshot: Effect.Effect<ReadonlyArray<Snapshot>>
  /**
   * The same as a value that can be followed: its `changes` are the current snapshot and the latest one after each request
   * that was sent, answered or held back. A slow subscriber skips snapshots.
   */
  readonly state: Subscribable.Subscribable<ReadonlyArray<Snapshot>>
  /** The events of all requests, from the start of the stream on. */
  readonly events: Stream.Stream<RateLimitEvent>
}

/**
 * Sends a request, at the given time in epoch milliseconds. It runs once for each attempt, after the wait, so what it
 * obtains for the request is fresh.
 *
 * @since 0.1.0
 * @category models
 */
export type Attempt<E = never, R = never> = (
  now: number
) => Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>

/**
 * What is known of a key at one time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly key: string
  /** As the server states them, with `remaining` less the calls sent since; times from now. */
  readonly quotas: ReadonlyArray<Quota>
  /** How many calls the server runs at once, if it states that. */
  readonly concurrency: number | undefined
  readonly inFlight: number
  /** Requests that are held back. */
  readonly waiting: number
  /** How long nothing will be sent. */
  readonly blockedFor: Duration.Duration
}

export const make = (policy: RateLimitPolicy): RateLimiter => {
  const lanes = new Map<string, Waiting.Lane>()
  const sweepAt = MutableRef.make(fewestSwept)
  const tickets = MutableRef.make(0)
  const shared: Waiting.Shared = {
    policy,
    events: EventHub.make<RateLimitEvent>(),
    changes: StateRef.make(0)
  }

  const laneOf = (key: string, now: number): Waiting.Lane => {
    const known = lanes.get(key)
    if (known !== undefined) return known
    if (lanes.size >= MutableRef.get(sweepAt)) {
      sweep(lanes, now)
      MutableRef.set(sweepAt, Math.max(fewestSwept, 2 * lanes.size))
    }
    const lane: Waiting.Lane = {
      key,
      partition: MutableRef.make(Partition.make(policy, now)),
      queue: Queue.make(),
      backoff: MutableRef.make<Schedule.Stepper<RateLimitStatus> | undefined>(undefined),
      announced: MutableRef.make(-Infinity),
      warned: MutableRef.make<Queue.Warning | undefined>(undefined)
    }
    lanes.set(key, lane)
    return lane
  }

  const snapshot = Effect.map(Clock.currentTimeMillis, (now) => Array.from(lanes.values(), (lane) => show(lane, now)))

  return {
    [TypeId]: TypeId,
    run: (request, attempt, onEvent) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.clockWith((clock) => {
          const now = clock.unsafeCurrentTimeMillis()
          const lane = laneOf(policy.key(request), now)
          const number = MutableRef.getAndIncrement(tickets)
          return attempted(
            { shared, lane, request, attempt, clock, restore, onEvent },
            { number, since: now, replays: policy.maxReplays, waits: undefined },
            now
          )
        })
      ),
    snapshot,
    state: Subscribable.make({
      get: snapshot,
      changes: StateRef.changes(shared.changes).pipe(
        Stream.buffer({ capacity: 1, strategy: "sliding" }),
        Stream.mapEffect(() => snapshot)
      )
    }),
    events: EventHub.stream(shared.events)
  }
}

/** Forgets the keys that have not been used for long. */
const sweep = (lanes: Map<string, Waiting.Lane>, now: number): void => {
  for (const [key, { partition, queue }] of lanes) {
    if (Queue.size(queue) === 0 && Partition.isIdle(MutableRef.get(partition), now)) lanes.delete(key)
  }
}

/** Below this number of keys there is nothing to gain from sweeping; above it, each sweep waits for their number to double. */
const fewestSwept = 64

const show = ({ key, partition, queue }: Waiting.Lane, now: number): Snapshot => {
  const { blockedUntil, concurrency, inFlight } = MutableRef.get(partition)
  return {
    key,
    quotas: Partition.quotas(MutableRef.get(partition), now),
    concurrency,
    inFlight,
    waiting: Queue.size(queue),
    blockedFor: Duration.millis(Math.max(0, blockedUntil - now))
  }
}

/** A request on its way. It runs uninterruptibly but for what is given to `restore`. */
interface RequestContext<E, R> extends Waiting.Context {
  readonly attempt: Attempt<E, R>
  readonly clock: Clock.Clock
}

const noStatus = () => Status.empty

type Outcome<E, R> = Effect.Effect<HttpClientResponse.HttpClientResponse, E | RateLimited, R>

/** Sends the request once the quota admits it; again while it is blocked and replays are left. */
const attempted = <E, R>(context: RequestContext<E, R>, ticket: Waiting.Ticket, now: number): Outcome<E, R> => {
  const { lane, shared } = context
  const partition = MutableRef.get(lane.partition)
  if (Queue.size(lane.queue) > 0 || Partition.opensAt(partition, shared.policy, now) > now) {
    return Effect.flatMap(
      Waiting.wait(context, ticket),
      // suspended: an attempt that throws has been counted, and is counted out like any other failure
      (permit) => send(context, permit, Effect.suspend(() => context.attempt(permit.sentAt)))
    )
  }
  // before it is counted: an attempt that throws is never sent
  const attempt = context.attempt(now)
  MutableRef.update(lane.partition, (partition) => Partition.sent(partition, now))
  changed(context)
  return send(context, { sentAt: now, ticket }, attempt)
}

const send = <E, R>(
  context: RequestContext<E, R>,
  permit: Waiting.Permit,
  attempt: ReturnType<Attempt<E, R>>
): Outcome<E, R> =>
  Effect.matchCauseEffect(context.restore(attempt), {
    onFailure: (cause) => Effect.zipRight(abandoned(context), Effect.failCause(cause)),
    onSuccess: (response) => answered(context, permit, response)
  })

/** Reads the response. If its body has to be read as well, the caller gets a response that can still be read. */
const answered = <E, R>(
  context: RequestContext<E, R>,
  permit: Waiting.Permit,
  response: HttpClientResponse.HttpClientResponse
): Outcome<E, R> => {
  const { clock, restore, shared: { policy: { bodies, headers } } } = context
  const now = clock.unsafeCurrentTimeMillis()
  // read once, because a transport's response makes its headers anew at each access
  const head = { status: response.status, headers: response.headers }
  const reading = RateLimitHeaders.read(headers, head, now)
  const { body } = headers
  if (body === undefined || !body.wanted(head)) return learned(context, permit, { response, reading, now })
  // a later reader gets what was read here, or why it could not be read
  const bounded = ResponseBody.bounded(response, bodies.reading)
  return Effect.matchCauseEffect(restore(bounded.text), {
    onFailure: (cause) =>
      Cause.isInterrupted(cause)
        ? Effect.zipRight(abandoned(context), Effect.interrupt)
        : learned(context, permit, { response: bounded, reading, now }),
    onSuccess: (text) =>
      learned(context, permit, {
        response: bounded,
        reading: RateLimitHeaders.merge(reading, body.read(text, head, now)),
        now
      })
  })
}

/** A response, what it says about quotas, and when it arrived. */
interface Feedback {
  readonly response: HttpClientResponse.HttpClientResponse
  readonly reading: RateLimitHeaders.Reading
  readonly now: number
}

/** Takes in the feedback, after a step of the backoff if it is a block that needs one. */
const learned = <E, R>(
  context: RequestContext<E, R>,
  permit: Waiting.Permit,
  feedback: Feedback
): Outcome<E, R> => {
  const status = Option.getOrElse(feedback.reading.status, noStatus)
  return Partition.needsBackoff(MutableRef.get(context.lane.partition), permit, status)
    ? Effect.matchCauseEffect(nextBackoff(context, status, feedback.now), {
      onFailure: (cause) => Effect.zipRight(abandoned(context), Effect.failCause(cause)),
      onSuccess: (backoff) => settled(context, permit, feedback, status, backoff)
    })
    : settled(context, permit, feedback, status, undefined)
}

const settled = <E, R>(
  context: RequestContext<E, R>,
  permit: Waiting.Permit,
  { now, reading: { malformed }, response }: Feedback,
  status: RateLimitStatus,
  backoff: number | undefined
): Outcome<E, R> => {
  const { lane, shared: { policy } } = context
  const after = Partition.answered(MutableRef.get(lane.partition), permit, status, backoff, now)
  const [approaches, partition] = Partition.approaching(after, status, policy, now)
  released(context, partition)
  const next = status.blocked === "none" ? Effect.succeed(response) : again(context, permit, response)
  return approaches.length === 0 && malformed.length === 0
    ? next
    : Effect.zipRight(report(context, approaches, malformed), next)
}

/** The response is a block: the request returns to its place in the queue. */
const again = <E, R>(
  context: RequestContext<E, R>,
  { ticket }: Waiting.Permit,
  response: HttpClientResponse.HttpClientResponse
): Outcome<E, R> =>
  Effect.zipRight(
    context.restore(
      Effect.zipRight(
        Upload.close(context.request),
        ResponseBody.discard(response, context.shared.policy.bodies.discarding)
      )
    ),
    Effect.suspend(() => {
      const now = context.clock.unsafeCurrentTimeMillis()
      return ticket.replays > 0 && ReplayPolicy.isReplayable(context.request)
        ? attempted(context, { ...ticket, replays: ticket.replays - 1 }, now)
        : Effect.fail(Waiting.rateLimited(context, now))
    })
  )

/** A call ended without a response. */
const abandoned = <E, R>(context: RequestContext<E, R>): Effect.Effect<void> =>
  Effect.sync(() => {
    const { clock, lane } = context
    released(context, Partition.abandoned(MutableRef.get(lane.partition), clock.unsafeCurrentTimeMillis()))
  })

/** A call has ended, and may have made room for the next. */
const released = (context: Waiting.Context, partition: Partition.Partition): void => {
  MutableRef.set(context.lane.partition, partition)
  Queue.wakeHead(context.lane.queue)
  changed(context)
}

/** Asked here, so that a request of a limiter that nobody follows does not even count its changes. */
const changed = ({ shared }: Waiting.Context): void => {
  if (MutableRef.get(shared.changes.hub) !== undefined) Waiting.changed(shared)
}

/** The next delay of the backoff in milliseconds. */
const nextBackoff = (
  { lane, shared }: Waiting.Context,
  status: RateLimitStatus,
  now: number
): Effect.Effect<number> => {
  const last = MutableRef.get(lane.partition).backoff
  const begun = last === undefined ? undefined : MutableRef.get(lane.backoff)
  const stepper = begun ?? Schedule.stepper(shared.policy.backoff)
  MutableRef.set(lane.backoff, stepper)
  return Effect.map(
    stepper.step(now, status),
    Option.match({ onNone: () => last ?? firstBackoff, onSome: (at) => Math.max(0, at - now) })
  )
}

/** For a schedule that is done before its first delay: a block without any pause would follow the last at once. */
const firstBackoff = 1000

const report = (
  context: Waiting.Context,
  approaches: ReadonlyArray<Partition.Approach>,
  malformed: ReadonlyArray<string>
): Effect.Effect<void> => {
  const { key } = context.lane
  const misread = malformed.length === 0
    ? Effect.void
    : Waiting.publish(context, RateLimitEvent.MalformedHeaders({ key, fields: malformed }), LogLevel.Debug)
  return Effect.zipRight(
    misread,
    Effect.forEach(approaches, ({ moreAt, ...facts }) => {
      const event = RateLimitEvent.ApproachingLimit({ key, ...facts, until: DateTime.unsafeMake(moreAt) })
      return Waiting.publish(context, event, LogLevel.Warning)
    }, { discard: true })
  )
}
