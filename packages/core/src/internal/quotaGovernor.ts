/**
 * The keeper of quotas: a gate for each partition, and the way of a request through it.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import type { RateLimited } from "../AuthError.ts"
import * as AuthEvent from "../AuthEvent.ts"
import type { Attempt, Governor, Limits, Snapshot } from "../RateLimit.ts"
import * as RateLimitDialect from "../RateLimitDialect.ts"
import * as ReplayPolicy from "../ReplayPolicy.ts"
import * as Body from "./body.ts"
import * as Gate from "./quotaGate.ts"
import * as State from "./quotaState.ts"

export const make = (limits: Limits): Governor => {
  const gates = new Map<string, Gate.Gate>()
  const sweepAt = MutableRef.make(fewestSwept)

  const gateOf = (key: string, now: number): Gate.Gate => {
    const known = gates.get(key)
    if (known !== undefined) return known
    if (gates.size >= MutableRef.get(sweepAt)) {
      sweep(gates, now)
      MutableRef.set(sweepAt, Math.max(fewestSwept, 2 * gates.size))
    }
    const gate = Gate.make(key, limits, now)
    gates.set(key, gate)
    return gate
  }

  return {
    run: (request, attempt) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.clockWith((clock) => {
          const now = clock.unsafeCurrentTimeMillis()
          const gate = gateOf(limits.partition(request), now)
          return through({ gate, request, attempt, clock, restore }, Gate.turn(gate, now), limits.maxReplays, now)
        })
      ),
    snapshot: Effect.map(Clock.currentTimeMillis, (now) => Array.from(gates.values(), (gate) => snapshotOf(gate, now)))
  }
}

/** Forgets the partitions that were not used for long. */
const sweep = (gates: Map<string, Gate.Gate>, now: number): void => {
  for (const [key, gate] of gates) {
    if (Gate.waiting(gate) === 0 && State.isIdle(MutableRef.get(gate.state), now)) gates.delete(key)
  }
}

const fewestSwept = 64

const snapshotOf = (gate: Gate.Gate, now: number): Snapshot => {
  const state = MutableRef.get(gate.state)
  return {
    key: gate.key,
    quotas: State.quotas(state, now),
    concurrency: state.concurrency,
    inFlight: state.inFlight,
    waiting: Gate.waiting(gate),
    blockedFor: Math.max(0, state.blockedUntil - now)
  }
}

/** A request on its way through a gate. Runs uninterruptibly but for what is given to `restore`. */
interface Journey<E, R> {
  readonly gate: Gate.Gate
  readonly request: HttpClientRequest.HttpClientRequest
  readonly attempt: Attempt<E, R>
  readonly clock: Clock.Clock
  readonly restore: Gate.Restore
}

type Outcome<E, R> = Effect.Effect<HttpClientResponse.HttpClientResponse, E | RateLimited, R>

/** Passes the gate, sends, learns; again while blocked and replays are left. */
const through = <E, R>(journey: Journey<E, R>, turn: Gate.Turn, replays: number, now: number): Outcome<E, R> => {
  const { gate, restore } = journey
  const passage = Gate.passAtOnce(gate, turn, now)
  return passage === undefined
    ? Effect.flatMap(Gate.wait(gate, turn, restore), (passage) => send(journey, passage, replays))
    : send(journey, passage, replays)
}

const send = <E, R>(journey: Journey<E, R>, passage: Gate.Passage, replays: number): Outcome<E, R> =>
  // suspended: an attempt that throws has been counted, and is counted out as any other failure
  Effect.matchCauseEffect(journey.restore(Effect.suspend(() => journey.attempt(passage.sentAt))), {
    onFailure: (cause) => Effect.zipRight(Gate.abandon(journey.gate), Effect.failCause(cause)),
    onSuccess: (response) => heard(journey, passage, replays, response)
  })

/** An answer came. When its body has to be looked at, the response that is handed on can still be read. */
const heard = <E, R>(
  journey: Journey<E, R>,
  passage: Gate.Passage,
  replays: number,
  response: HttpClientResponse.HttpClientResponse
): Outcome<E, R> => {
  const { clock, gate, restore } = journey
  const { dialect } = gate.limits
  const now = clock.unsafeCurrentTimeMillis()
  // a transport's response makes its headers anew each time that it is asked for them
  const head = { status: response.status, headers: response.headers }
  const reading = RateLimitDialect.read(dialect, head, now)
  const learn = (reading: RateLimitDialect.Reading, response: HttpClientResponse.HttpClientResponse) =>
    learned(journey, passage, replays, response, Gate.answered(gate, passage, reading, now))
  const { body } = dialect
  if (body === undefined || !body.wanted(head)) return learn(reading, response)
  return Effect.matchCauseEffect(restore(Body.buffered(response)), {
    // a body that cannot be read says nothing; whoever reads the response will see why
    onFailure: (cause) =>
      Cause.isInterrupted(cause) ? Effect.zipRight(Gate.abandon(gate), Effect.interrupt) : learn(reading, response),
    onSuccess: (buffered) =>
      Effect.flatMap(
        Effect.orElseSucceed(buffered.text, () => ""),
        (text) => learn(RateLimitDialect.merge(reading, body.read(text, head, now)), buffered)
      )
  })
}

const learned = <E, R>(
  journey: Journey<E, R>,
  passage: Gate.Passage,
  replays: number,
  response: HttpClientResponse.HttpClientResponse,
  { blocked, events }: Gate.Lesson
): Outcome<E, R> => {
  const next = blocked === "none" ? Effect.succeed(response) : again(journey, passage, replays, response)
  return events.length === 0
    ? next
    : Effect.zipRight(Effect.forEach(events, AuthEvent.publish, { discard: true }), next)
}

/** The answer is a block: the request goes back to its place in the queue. */
const again = <E, R>(
  journey: Journey<E, R>,
  { turn }: Gate.Passage,
  replays: number,
  response: HttpClientResponse.HttpClientResponse
): Outcome<E, R> =>
  Effect.zipRight(
    journey.restore(Body.discard(response)),
    Effect.suspend(() => {
      const now = journey.clock.unsafeCurrentTimeMillis()
      return replays > 0 && ReplayPolicy.isReplayable(journey.request)
        ? through(journey, turn, replays - 1, now)
        : Effect.fail(Gate.rateLimited(journey.gate, now))
    })
  )
