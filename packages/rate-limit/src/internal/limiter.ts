/**
 * A limiter in the memory of one process: its model, and what its requests share.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import type { RateLimited } from "../RateLimitError.ts"
import type { RateLimitEvent } from "../RateLimitEvent.ts"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import type { Quota } from "../RateLimitStatus.ts"
import type { Attempt, Making } from "./attempts.ts"
import * as Attempts from "./attempts.ts"
import * as EventHub from "./eventHub.ts"
import type { Gates } from "./gate.ts"
import * as Lanes from "./lanes.ts"
import * as Partition from "./partition.ts"
import * as StateRef from "./stateRef.ts"
import * as Timeline from "./timeline.ts"
import type * as Waiting from "./waiting.ts"

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
   * `RateLimited`. `onEvent` is told of the events of this request, besides `events`. A caller that runs one request
   * several times, such as after a renewal of its credentials, gives each run the same `making`, so that `maxWait` counts
   * from the first.
   */
  readonly run: <E, R>(
    request: HttpClientRequest.HttpClientRequest,
    attempt: Attempt<E, R>,
    onEvent?: (event: RateLimitEvent) => Effect.Effect<void>,
    making?: Making
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
 * What is known of a key at one time.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  /** Of keys that the server counts together the first. */
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

/** `gates`: what else admits requests than what the server says to this process. */
export const make = (policy: RateLimitPolicy, gates?: Gates): RateLimiter => {
  const lanes = Lanes.make(Partition.rulesOf(policy), gates)
  const shared: Waiting.Shared = {
    policy,
    rules: lanes.rules,
    maxWait: Duration.toMillis(policy.maxWait),
    timeline: Timeline.make((now) => Lanes.forgetTimes(lanes, now)),
    events: EventHub.make<RateLimitEvent>(),
    changes: StateRef.make(0)
  }

  const snapshot = Effect.clockWith((clock) =>
    Effect.sync(() => {
      const now = Timeline.peek(shared.timeline, clock)
      return Lanes.all(lanes).map((lane) => show(lane, now))
    })
  )

  return {
    [TypeId]: TypeId,
    run: Attempts.runner(lanes, shared),
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

const show = ({ key, partition, queue }: Lanes.Lane, now: number): Snapshot => {
  const { blockedUntil, concurrency, inFlight } = MutableRef.get(partition)
  return {
    key,
    quotas: Partition.quotas(MutableRef.get(partition), now),
    concurrency,
    inFlight,
    waiting: queue.size,
    blockedFor: Duration.millis(Math.max(0, blockedUntil - now))
  }
}
