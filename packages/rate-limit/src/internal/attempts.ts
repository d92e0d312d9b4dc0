/**
 * The attempts of one request on its way through the lane of its key. Each is sent once the quota admits it, and its answer is
 * learned from; a block is followed by the next.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { RateLimited } from "../RateLimitError.ts"
import { RateLimitEvent } from "../RateLimitEvent.ts"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as Status from "../RateLimitStatus.ts"
import * as ReplayPolicy from "../ReplayPolicy.ts"
import * as ResponseBody from "../ResponseBody.ts"
import * as Approach from "./approach.ts"
import * as Blocks from "./blocks.ts"
import * as Defects from "./defects.ts"
import type { Head } from "./fields.ts"
import * as Headers from "./headers.ts"
import * as Lanes from "./lanes.ts"
import * as Partition from "./partition.ts"
import * as Queue from "./queue.ts"
import { advice, current as currentRequest, isForeign } from "./requestContext.ts"
import * as Schedule from "./schedule.ts"
import * as Timeline from "./timeline.ts"
import * as Upload from "./upload.ts"
import * as Waiting from "./waiting.ts"

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
 * When a request was made, in the time of the limiter: `undefined` until the limiter notes it at the first run.
 *
 * @since 0.1.0
 * @category models
 */
export type Making = MutableRef.MutableRef<number | undefined>

/** A request on its way. It runs uninterruptibly but for what is given to `restore`. */
export interface RequestContext<E, R> extends Waiting.Context {
  readonly attempt: Attempt<E, R>
}

const noStatus = () => Status.empty

type Outcome<E, R> = Effect.Effect<HttpClientResponse.HttpClientResponse, E | RateLimited, R>

/** Runs the requests of a limiter. */
export const runner = (
  lanes: Lanes.Lanes,
  shared: Waiting.Shared
): <E, R>(
  request: HttpClientRequest.HttpClientRequest,
  attempt: Attempt<E, R>,
  onEvent?: (event: RateLimitEvent) => Effect.Effect<void>,
  making?: Making
) => Outcome<E, R> => {
  const { policy, timeline } = shared
  const tickets = MutableRef.make(0)
  const owner = currentRequest()
  return (request, attempt, onEvent, making) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.clockWith((clock) => {
        if (owner !== undefined && isForeign(owner)) return ofOtherRequest
        const now = Timeline.now(timeline, clock)
        const key = keyOf(policy, request)
        if (Predicate.isError(key)) return Effect.die(key)
        if (key === undefined) return restore(attempt(Timeline.toWall(timeline, now)))
        const handle = Lanes.of(lanes, key, request.url, now)
        const number = MutableRef.getAndIncrement(tickets)
        return run(
          { shared, key, handle, request, attempt, clock, restore, onEvent },
          { number, since: sinceOf(making, now), replays: policy.maxReplays, waits: undefined },
          now
        )
      })
    )
}

/** The key, or the defect that the policy's function throws. */
const keyOf = ({ key }: RateLimitPolicy, request: HttpClientRequest.HttpClientRequest): string | undefined | Error => {
  try {
    return key(request)
  } catch (defect) {
    return Defects.wordless(defect, "the key of a rate limit")
  }
}

/** A defect: no answer of the server can lead to it. */
const ofOtherRequest = Effect.suspend(() =>
  Effect.die(Defects.known(`the rate limiter belongs to another request: ${advice}`))
)

const sinceOf = (making: Making | undefined, now: number): number => {
  const since = making === undefined ? undefined : MutableRef.get(making)
  if (since !== undefined) return since
  if (making !== undefined) MutableRef.set(making, now)
  return now
}

/** Sends the request once the quota admits it; again while it is blocked and replays are left. */
const run = <E, R>(context: RequestContext<E, R>, ticket: Waiting.Ticket, now: number): Outcome<E, R> => {
  const { clock, handle, shared: { rules, timeline } } = context
  const lane = Lanes.current(handle)
  const { gate, partition, queue } = lane
  if (queue.size > 0 || Lanes.opensAt(lane, rules, now, clock) > now) {
    return Effect.flatMap(
      Waiting.wait(context, ticket),
      // suspended: an attempt that throws has been counted, and is counted out like any other failure
      (permit) => send(context, permit, Effect.suspend(() => context.attempt(Timeline.toWall(timeline, permit.sentAt))))
    )
  }
  // before it is counted: an attempt that throws is never sent
  const attempt = context.attempt(Timeline.toWall(timeline, now))
  MutableRef.set(partition, Partition.sent(MutableRef.get(partition), rules, now))
  gate?.sent(clock)
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
  const { clock, restore, shared: { policy: { bodies, headers }, timeline } } = context
  const now = Timeline.now(timeline, clock)
  const wall = Timeline.toWall(timeline, now)
  // read once, because a transport's response makes its headers anew at each access
  const head = { status: response.status, headers: response.headers }
  const heard = hear(headers, head, wall)
  if (Predicate.isError(heard)) return Effect.zipRight(abandoned(context), Effect.die(heard))
  const { body, reading } = heard
  if (body === undefined) return learned(context, permit, { response, reading, now })
  // a later reader gets what was read here, or why it could not be read
  const bounded = ResponseBody.bounded(response, bodies.reading)
  const whole = Effect.map(restore(bounded.text), (text) => Headers.merge(reading, body.read(text, head, wall)))
  return Effect.matchCauseEffect(Defects.withoutWords(whole, reader), {
    onFailure: (cause) =>
      Cause.isInterrupted(cause)
        ? Effect.zipRight(abandoned(context), Effect.interrupt)
        : Option.match(Cause.dieOption(cause), {
          onNone: () => learned(context, permit, { response: bounded, reading, now }),
          onSome: (defect) => Effect.zipRight(abandoned(context), Effect.die(defect))
        }),
    onSuccess: (reading) => learned(context, permit, { response: bounded, reading, now })
  })
}

/** What the head says, and how the body is read if that has to be; or the defect that a reader of the policy throws. */
const hear = (
  headers: Headers.RateLimitHeaders,
  head: Head,
  now: number
): { readonly reading: Headers.Reading; readonly body: Headers.Body | undefined } | Error => {
  try {
    const { body } = headers
    return { reading: Headers.read(headers, head, now), body: body?.wanted(head) === true ? body : undefined }
  } catch (defect) {
    return Defects.wordless(defect, reader)
  }
}

const reader = "reading what an answer says of quotas"

/** A response, what it says about quotas, and when it arrived. */
interface Feedback {
  readonly response: HttpClientResponse.HttpClientResponse
  readonly reading: Headers.Reading
  readonly now: number
}

/** Takes in the feedback, after a step of the backoff if it is a block that needs one. */
const learned = <E, R>(
  context: RequestContext<E, R>,
  permit: Waiting.Permit,
  feedback: Feedback
): Outcome<E, R> => {
  const status = Option.getOrElse(feedback.reading.status, noStatus)
  if (status.blocked === "none") return settled(context, permit, feedback, status, 0)
  const { origin, partition } = Lanes.current(context.handle)
  const { inFlight } = MutableRef.get(partition)
  const call = { sentAt: permit.sentAt, inFlight }
  if (Blocks.isPast(MutableRef.get(origin.blocks), permit.sentAt)) Lanes.beginAnew(origin)
  const move = Blocks.decide(MutableRef.get(origin.blocks), status, call, feedback.now)
  MutableRef.set(origin.blocks, move.blocks)
  if (move._tag === "AsStated") return settled(context, permit, feedback, status, move.delay)
  return Effect.matchCauseEffect(nextBackoff(context, origin, status, feedback.now), {
    onFailure: (cause) => Effect.zipRight(abandoned(context), Effect.failCause(cause)),
    onSuccess: (delay) => settled(context, permit, feedback, status, delay)
  })
}

const settled = <E, R>(
  context: RequestContext<E, R>,
  permit: Waiting.Permit,
  { now, reading: { malformed }, response }: Feedback,
  status: RateLimitStatus,
  backoff: number
): Outcome<E, R> => {
  const { clock, handle, shared: { policy, rules } } = context
  const lane = Lanes.current(handle)
  const before = MutableRef.get(lane.partition)
  const after = Partition.answered(before, permit, status, backoff, rules, now)
  const [approaches, partition] = status.quotas.length === 0
    ? [noApproaches, after]
    : Approach.approaching(after, status, policy, now)
  MutableRef.set(lane.partition, partition)
  lane.gate?.answered(permit, status, partition, now, clock)
  if (status.blocked !== "none") {
    MutableRef.update(lane.origin.blocks, (blocks) => Blocks.lasting(blocks, partition.blockedUntil))
  }
  if (status.blocked === "rate") Lanes.blocked(lane, { at: now, wait: Partition.statedWait(status) }, now)
  else if (MutableRef.get(lane.block) !== undefined && Partition.isServed(before, permit, status)) Lanes.served(lane)
  released(context)
  const next = status.blocked === "none" ? Effect.succeed(response) : again(context, permit, response)
  return approaches.length === 0 && malformed.length === 0
    ? next
    : Effect.zipRight(report(context, approaches, malformed), next)
}

const noApproaches: ReadonlyArray<Approach.Approach> = []

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
      const now = Timeline.now(context.shared.timeline, context.clock)
      return ticket.replays > 0 && ReplayPolicy.isReplayable(context.request)
        ? run(context, { ...ticket, replays: ticket.replays - 1 }, now)
        : Effect.fail(Waiting.rateLimited(context, now))
    })
  )

/** A call ended without a response. */
const abandoned = <E, R>(context: RequestContext<E, R>): Effect.Effect<void> =>
  Effect.sync(() => {
    const { clock, handle, shared } = context
    const now = Timeline.now(shared.timeline, clock)
    const { gate, partition } = Lanes.current(handle)
    MutableRef.update(partition, (partition) => Partition.abandoned(partition, now))
    gate?.abandoned(clock)
    released(context)
  })

/** A call has ended, and may have made room for the next. */
const released = (context: Waiting.Context): void => {
  const { queue } = Lanes.current(context.handle)
  if (queue.size > 0) Queue.wakeHead(queue)
  changed(context)
}

/** Asked here, so that a request of a limiter that nobody follows does not even count its changes. */
const changed = ({ shared }: Waiting.Context): void => {
  if (shared.changes.hub !== undefined) Waiting.changed(shared)
}

/** How long the block lasts at least: the next delay of the backoff, in milliseconds. */
const nextBackoff = (
  { shared }: Waiting.Context,
  { backoff, blocks }: Lanes.Origin,
  status: RateLimitStatus,
  now: number
): Effect.Effect<number> => {
  const stepper = MutableRef.get(backoff) ?? Schedule.stepper(shared.policy.backoff)
  MutableRef.set(backoff, stepper)
  return Effect.map(Schedule.step(stepper, now, status), (next) => {
    const known = MutableRef.get(blocks)
    const delay = Option.match(next, {
      onNone: () => known.delay ?? firstBackoff,
      onSome: (at) => Math.max(0, at - now)
    })
    MutableRef.set(blocks, { ...known, delay })
    return Blocks.least(known, status, delay)
  })
}

/** For a schedule that is done before its first delay: a block without any pause would follow the last at once. */
const firstBackoff = 1000

const report = (
  context: Waiting.Context,
  approaches: ReadonlyArray<Approach.Approach>,
  malformed: ReadonlyArray<string>
): Effect.Effect<void> => {
  const { key } = Lanes.current(context.handle)
  const misread = malformed.length === 0
    ? Effect.void
    : Waiting.publish(context, RateLimitEvent.MalformedHeaders({ key, fields: malformed }), LogLevel.Debug)
  return Effect.zipRight(
    misread,
    Effect.forEach(approaches, ({ moreAt, ...facts }) => {
      const until = DateTime.unsafeMake(Timeline.toWall(context.shared.timeline, moreAt))
      return Waiting.publish(context, RateLimitEvent.ApproachingLimit({ key, ...facts, until }), LogLevel.Warning)
    }, { discard: true })
  )
}
