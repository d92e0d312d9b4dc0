/**
 * Hands a request to the transport in a way that redirects are not followed there. Of the platform's transports only
 * fetch follows them by itself, and it takes custom headers along. It reads `redirect: "manual"` from a service in the
 * fiber's context. Changing that context costs more than the rest of an authenticated request, so it is skipped for
 * transports that are marked as not following redirects, and the changed context is cached for all others.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import * as MutableRef from "effect/MutableRef"

/** Sends a request and leaves redirects to the caller. */
export type Send = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

/** Marks a client as one that never follows a redirect by itself. */
export const mark = (client: HttpClient.HttpClient): HttpClient.HttpClient => {
  neverFollowing.add(client)
  return client
}

/** The derived client with the mark of the original one, for combinators that send each request through unchanged. */
export const inheritMark = (original: HttpClient.HttpClient, derived: HttpClient.HttpClient): HttpClient.HttpClient =>
  neverFollowing.has(original) ? mark(derived) : derived

/** One for each client, because it caches. */
export const make = (client: HttpClient.HttpClient): Send => {
  if (neverFollowing.has(client)) return client.execute
  const cache = MutableRef.make<Changed | undefined>(undefined)
  return (request) => {
    const sent = client.execute(request)
    return Effect.withFiberRuntime((fiber) =>
      isSettable(fiber)
        ? inManualMode(fiber, cache, sent)
        : Effect.mapInputContext(sent, (context: Context.Context<never>) => manual(context))
    )
  }
}

/** {@link make} for a single request. */
export const execute = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): ReturnType<Send> => make(client)(request)

/** A mark by identity: a client made from a marked one may do anything with a request, so it is not marked. */
const neverFollowing = new WeakSet<HttpClient.HttpClient>()

const manual = (context: Context.Context<never>) =>
  Context.add(context, FetchHttpClient.RequestInit, {
    ...Context.getOrElse(context, FetchHttpClient.RequestInit, () => undefined),
    redirect: "manual"
  })

/** The fiber's references as they are, and with the changed context. */
interface Changed {
  readonly original: FiberRefs.FiberRefs
  readonly changed: FiberRefs.FiberRefs
}

/**
 * What Effect 3's fiber can do beyond its public type; an effect that does the same costs ten times as much. Its public
 * `getFiberRefs` makes new references each time.
 */
interface SettableFiber extends Fiber.RuntimeFiber<unknown, unknown> {
  readonly _fiberRefs: FiberRefs.FiberRefs
  readonly setFiberRef: <A>(ref: FiberRef.FiberRef<A>, value: A) => void
  readonly setFiberRefs: (refs: FiberRefs.FiberRefs) => void
}

const isSettable = (fiber: Fiber.RuntimeFiber<unknown, unknown>): fiber is SettableFiber =>
  "_fiberRefs" in fiber && "setFiberRef" in fiber && "setFiberRefs" in fiber

/**
 * Changes the context of the fiber, runs the effect, and changes it back. An interruption in between ends the only fiber
 * that sees the difference.
 */
const inManualMode = <A, E>(
  fiber: SettableFiber,
  cache: MutableRef.MutableRef<Changed | undefined>,
  self: Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const original = fiber._fiberRefs
  const context = fiber.currentContext
  const cached = MutableRef.get(cache)
  if (cached !== undefined && cached.original === original) {
    fiber.setFiberRefs(cached.changed)
  } else {
    fiber.setFiberRef(FiberRef.currentContext, manual(context))
    MutableRef.set(cache, { original, changed: fiber._fiberRefs })
  }
  const changed = fiber._fiberRefs
  const restore = () => {
    // the transport may have set references of its own, which stay
    if (fiber._fiberRefs === changed) fiber.setFiberRefs(original)
    else fiber.setFiberRef(FiberRef.currentContext, context)
  }
  return Effect.matchCauseEffect(self, {
    onFailure: (cause) => {
      restore()
      return Effect.failCause(cause)
    },
    onSuccess: (value) => {
      restore()
      return Effect.succeed(value)
    }
  })
}
