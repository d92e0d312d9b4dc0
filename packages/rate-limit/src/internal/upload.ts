/**
 * The source of a streamed body, closed once the server has refused the request. A transport may go on pulling it for an
 * answer that is long since there (Node's fetch does, without end and even after the request was interrupted), so it runs
 * behind a gate that can be shut from outside. What the transport has been given stays unfinished: to end it would tell
 * the server that a truncated body is complete.
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as Body from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { declareReplayable, isReplayable } from "../ReplayPolicy.ts"

/** What becomes of a response to what was sent. */
export type Closing = <A, E, R>(
  response: { readonly status: number },
  outcome: Effect.Effect<A, E, R>
) => Effect.Effect<A, E, R>

/**
 * Sends a streamed request as one whose source is closed in time: before the outcome of a response that is no success,
 * which is the last word of the server; at the end, if there is no answer or the caller is interrupted.
 */
export const send = <A, E, R>(
  request: HttpClientRequest.HttpClientRequest,
  sending: (sent: HttpClientRequest.HttpClientRequest, closing: Closing) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const sent = closable(request)
  return closedByFailure(
    sent,
    sending(sent, ({ status }, outcome) => status >= 300 ? Effect.zipRight(close(sent), outcome) : outcome)
  )
}

/** The request with a source that can be closed; the same request if its body is no stream. */
export const closable = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
  const { body } = request
  if (body._tag !== "Stream") return request
  const runs: Runs = new Set()
  const gated = Body.stream(gate(body.stream, runs), body.contentType, body.contentLength)
  runsOf.set(gated, runs)
  // a header that the caller set after the body counts more than what the body says
  const sent = HttpClientRequest.setHeaders(HttpClientRequest.setBody(request, gated), request.headers)
  return isReplayable(request) ? declareReplayable(sent) : sent
}

/** Closes the source of a {@link closable} request. It can be read again, from its start. */
export const close = ({ body }: HttpClientRequest.HttpClientRequest): Effect.Effect<void> => {
  const runs = runsOf.get(body)
  return runs === undefined || runs.size === 0
    ? Effect.void
    : patiently(Effect.forEach(Array.from(runs), (end) => end, { discard: true, concurrency: "unbounded" }))
}

/**
 * Waits for a source to be closed, and not for long: one that cannot be interrupted holds nobody. This may run where
 * nothing can be interrupted, at the end of a request that was, so it cannot be a timeout.
 */
const patiently = (closing: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const over = yield* Deferred.make<void>()
    const goOn = Deferred.succeed(over, undefined)
    yield* Effect.forkDaemon(Effect.ensuring(closing, goOn))
    const timer = yield* Effect.forkDaemon(Effect.interruptible(Effect.zipRight(Effect.sleep(patience), goOn)))
    yield* Effect.ensuring(Deferred.await(over), Fiber.interruptFork(timer))
  })

const patience = Duration.seconds(1)

/** The answer, after which the source is closed if there is none, or the caller is interrupted. */
export const closedByFailure = <A, E, R>(
  request: HttpClientRequest.HttpClientRequest,
  answer: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  request.body._tag === "Stream"
    ? Effect.onExit(answer, (exit) => Exit.isFailure(exit) ? close(request) : Effect.void)
    : answer

/** What ends each of the readings of one body that are under way. */
type Runs = Set<Effect.Effect<void>>

const runsOf = new WeakMap<HttpBody.HttpBody, Runs>()

const gate = (source: Stream.Stream<Uint8Array, unknown>, runs: Runs): Stream.Stream<Uint8Array, unknown> =>
  Stream.fromPull(
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const closed = yield* Deferred.make<void>()
      // a source must not be closed in the middle of a pull, which is interrupted first
      const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
      const end = Effect.suspend(() => {
        runs.delete(end)
        return Effect.zipRight(
          Deferred.succeed(closed, undefined),
          oneAtATime(Effect.suspend(() => Scope.close(scope, Exit.void)))
        )
      })
      yield* Effect.addFinalizer((exit) => {
        runs.delete(end)
        return oneAtATime(Scope.close(scope, exit))
      })
      const pull = yield* Scope.extend(Stream.toPull(source), scope)
      runs.add(end)
      return pullUntil(closed, oneAtATime(pull))
    })
  )

const pullUntil = <A, E>(closed: Deferred.Deferred<void>, pull: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  const pullOrClosed = Effect.raceFirst(Effect.exit(pull), Effect.as(Deferred.await(closed), undefined))
  return Effect.flatMap(
    Deferred.isDone(closed),
    (isClosed) => isClosed ? pending : Effect.flatMap(pullOrClosed, (exit) => exit ?? pending)
  )
}

/** Without a timer, unlike `Effect.never`: a transport that asks for more does not keep the process alive. */
const pending = Effect.async<never>(() => {})
