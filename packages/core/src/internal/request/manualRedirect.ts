/**
 * Hands a request to the transport in a way that redirects are not followed there. Of the platform's transports only
 * fetch follows them by itself, and it takes custom headers along. It reads `redirect: "manual"` from a service in the
 * fiber's context. Changing that context costs more than the rest of an authenticated request, so it is skipped for
 * transports that are marked as not following redirects, and the changed context is cached for all others. However a
 * request ends, its fiber has the context that it had before.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import * as MutableRef from "effect/MutableRef"
import * as Predicate from "effect/Predicate"
import { RedirectRefused } from "../../AuthError.ts"
import { addressOf } from "./address.ts"

/** Sends a request and leaves redirects to the caller. */
export type Send = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

/** What becomes of the transport's answer. */
export interface Handlers<A, E> {
  readonly onFailure: (cause: Cause.Cause<HttpClientError.HttpClientError>) => Effect.Effect<A, E>
  readonly onSuccess: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<A, E>
}

/**
 * {@link Send} and its `Effect.matchCauseEffect` in one, for the fiber that runs it next: that costs an unmarked transport
 * two effects less.
 */
export type SendMatched = <A, E>(
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  request: HttpClientRequest.HttpClientRequest,
  handlers: Handlers<A, E>
) => Effect.Effect<A, E>

/** Marks a client as one that never follows a redirect by itself. */
export const mark = (client: HttpClient.HttpClient): HttpClient.HttpClient => {
  neverFollowing.add(client)
  return client
}

/** The derived client with the mark of the original one, for combinators that send each request through unchanged. */
export const inheritMark = (original: HttpClient.HttpClient, derived: HttpClient.HttpClient): HttpClient.HttpClient =>
  neverFollowing.has(original) ? mark(derived) : derived

/** One for each client, because it caches. `undefined`: the client is marked, and sends requests by itself. */
export const makeMatched = (client: HttpClient.HttpClient): SendMatched | undefined => {
  if (neverFollowing.has(client)) return undefined
  const cache = MutableRef.make<Changed | undefined>(undefined)
  // the last step before the transport, so within whatever context its layer or a combinator gives it
  const guarded = HttpClient.mapRequestEffect(client, (request) =>
    Effect.withFiberRuntime((fiber) => {
      enterManualMode(fiber, cache)
      return Effect.succeed(request)
    }))
  const ownContext = MutableRef.make(false)
  return <A, E>(
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    request: HttpClientRequest.HttpClientRequest,
    handlers: Handlers<A, E>
  ) => {
    const context = fiber.currentContext
    const leave = () => {
      MutableRef.set(ownContext, fiber.currentContext === context)
      restore(fiber, context, cache)
    }
    const failed = (cause: Cause.Cause<HttpClientError.HttpClientError>) => {
      leave()
      return handlers.onFailure(cause)
    }
    const succeeded = (response: HttpClientResponse.HttpClientResponse) => {
      leave()
      const problem = redirectOf(response)
      return problem === undefined
        ? handlers.onSuccess(response)
        : handlers.onFailure(Cause.fail(refused(request, response, problem)))
    }
    // a transport that has a context of its own leaves it however a request ends, as the last one showed
    if (MutableRef.get(ownContext)) {
      return Effect.matchCauseEffect(guarded.execute(request), { onFailure: failed, onSuccess: succeeded })
    }
    // for any other this must run after an interruption too, which skips all handlers within the interrupted region;
    // what comes of the answer runs where the caller is
    return Effect.flatten(
      Effect.uninterruptibleMask((interruptibly) =>
        Effect.matchCause(interruptibly(guarded.execute(request)), { onFailure: failed, onSuccess: succeeded })
      )
    )
  }
}

/**
 * What a fetch made of a redirect all the same. The platform keeps the web's response to itself, so this looks behind its
 * types; of any other transport it finds nothing. Not by its class: a fetch that is not the global one has its own.
 */
const redirectOf = (response: HttpClientResponse.HttpClientResponse): "Followed" | "Opaque" | undefined => {
  const original = Predicate.hasProperty(response, "original") ? response.original : response
  if (!Predicate.hasProperty(original, "source") || !Predicate.hasProperty(original.source, "redirected")) {
    return undefined
  }
  const { source } = original
  if (source.redirected === true) return "Followed"
  return Predicate.hasProperty(source, "type") && source.type === "opaqueredirect" ? "Opaque" : undefined
}

/** `InvalidUrl` is the reason that says most and is never tried again. */
const refused = (
  request: HttpClientRequest.HttpClientRequest,
  response: HttpClientResponse.HttpClientResponse,
  reason: "Followed" | "Opaque"
): HttpClientError.HttpClientError => {
  const cause = new RedirectRefused({ reason, url: addressOf(request), status: response.status })
  return new HttpClientError.RequestError({ request, reason: "InvalidUrl", cause, description: cause.message })
}

/** {@link makeMatched} for those who take the answer as it is. */
export const make = (client: HttpClient.HttpClient): Send => {
  const sendMatched = makeMatched(client)
  return sendMatched === undefined
    ? client.execute
    : (request) => Effect.withFiberRuntime((fiber) => sendMatched(fiber, request, asItIs))
}

const asItIs: Handlers<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> = {
  onFailure: Effect.failCause,
  onSuccess: Effect.succeed
}

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
  readonly references: FiberRefs.FiberRefs
  readonly context: Context.Context<never>
}

/**
 * What Effect 3's fiber has beyond its public type; an effect that does the same costs ten times as much. Its public
 * `getFiberRefs` makes new references each time, and `setFiberRefs` looks up six references of which the context is one.
 */
type OpenFiber = Omit<Fiber.RuntimeFiber<unknown, unknown>, "currentContext"> & {
  currentContext: Context.Context<never>
  _fiberRefs: FiberRefs.FiberRefs
  readonly setFiberRef: <A>(ref: FiberRef.FiberRef<A>, value: A) => void
}

const isOpen = (fiber: object): fiber is OpenFiber =>
  "_fiberRefs" in fiber && "setFiberRef" in fiber && "currentContext" in fiber

/** Changes the context of a fiber that is about to send a request. Nothing that is provided to the transport is lost. */
const enterManualMode = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  cache: MutableRef.MutableRef<Changed | undefined>
): void => {
  if (!isOpen(fiber)) return
  const original = fiber._fiberRefs
  const cached = MutableRef.get(cache)
  if (cached !== undefined && cached.original === original) {
    fiber._fiberRefs = cached.references
    fiber.currentContext = cached.context
  } else {
    fiber.setFiberRef(FiberRef.currentContext, manual(fiber.currentContext))
    MutableRef.set(cache, { original, references: fiber._fiberRefs, context: fiber.currentContext })
  }
}

/** A transport with a context of its own has left it already; any other shares the caller's. */
const restore = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  context: Context.Context<never>,
  cache: MutableRef.MutableRef<Changed | undefined>
): void => {
  if (fiber.currentContext === context || !isOpen(fiber)) return
  const cached = MutableRef.get(cache)
  if (cached !== undefined && fiber._fiberRefs === cached.references) {
    fiber._fiberRefs = cached.original
    fiber.currentContext = context
  } else {
    // the transport has set references of its own, which stay
    fiber.setFiberRef(FiberRef.currentContext, context)
  }
}
