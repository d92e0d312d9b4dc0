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
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as FiberRefs from "effect/FiberRefs"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as RuntimeFlags from "effect/RuntimeFlags"
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
 * {@link Send} and its `Effect.matchCauseEffect` in one, for the fiber that is given: what it returns has to be the very
 * next thing that this runs, which nothing interrupts until then. That costs an unmarked transport three effects less.
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
  const guarded = HttpClient.mapRequestEffect(client, (request) => {
    const enter = (fiber: Fiber.RuntimeFiber<unknown, unknown>) => {
      enterManualMode(fiber, cache)
      return Effect.succeed(request)
    }
    // called while its fiber runs, so that it need not be asked for by an effect
    const fiber = Option.getOrUndefined(Fiber.getCurrentFiber())
    return fiber === undefined ? Effect.withFiberRuntime<HttpClientRequest.HttpClientRequest>(enter) : enter(fiber)
  })
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
    const sent = guarded.execute(request)
    const ends = { onFailure: failed, onSuccess: succeeded }
    // a transport that has a context of its own leaves it however a request ends, as the last one showed
    return MutableRef.get(ownContext) ? Effect.matchCauseEffect(sent, ends) : matchEveryEnd(fiber, sent, ends)
  }
}

/**
 * What a fetch made of a redirect all the same. The platform keeps the web's response to itself, so this looks behind its
 * types; of any other transport it finds nothing. Not by its class: a fetch that is not the global one has its own.
 */
const redirectOf = (response: HttpClientResponse.HttpClientResponse): "Followed" | "Opaque" | undefined => {
  const original = "original" in response ? response.original : response
  const source = isObject(original) && "source" in original ? original.source : undefined
  if (!isObject(source) || !("redirected" in source)) return undefined
  if (source.redirected === true) return "Followed"
  return "type" in source && source.type === "opaqueredirect" ? "Opaque" : undefined
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

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
  currentRuntimeFlags: RuntimeFlags.RuntimeFlags
  readonly isInterrupted: () => boolean
}

const isOpen = (fiber: object): fiber is OpenFiber =>
  "_fiberRefs" in fiber && "setFiberRef" in fiber && "currentContext" in fiber && "currentRuntimeFlags" in fiber &&
  "isInterrupted" in fiber

/**
 * `Effect.matchCauseEffect` whose handlers run after an interruption too, which skips all others within the interrupted
 * region. What they return runs where the caller is. The two regions that this takes are most of its cost, so the outer
 * one is made by hand: the fiber is in it from now on.
 */
const matchEveryEnd = <A, E, A2, E2>(
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  self: Effect.Effect<A, E>,
  handlers: {
    readonly onFailure: (cause: Cause.Cause<E>) => Effect.Effect<A2, E2>
    readonly onSuccess: (value: A) => Effect.Effect<A2, E2>
  }
): Effect.Effect<A2, E2> => {
  if (!isOpen(fiber)) {
    return Effect.flatten(
      Effect.uninterruptibleMask((interruptibly) => Effect.matchCause(interruptibly(self), handlers))
    )
  }
  // where nothing is interrupted no handler is skipped
  if (!RuntimeFlags.interruption(fiber.currentRuntimeFlags)) return Effect.matchCauseEffect(self, handlers)
  fiber.currentRuntimeFlags = RuntimeFlags.disable(fiber.currentRuntimeFlags, RuntimeFlags.Interruption)
  return Effect.matchCauseEffect(Effect.interruptible(self), {
    onFailure: (cause) => outside(fiber, () => handlers.onFailure(cause)),
    onSuccess: (value) => outside(fiber, () => handlers.onSuccess(value))
  })
}

/** Leaves the region first, because what looks at the answer may throw. A fiber that was interrupted meanwhile ends here. */
const outside = <A, E>(fiber: OpenFiber, handler: () => Effect.Effect<A, E>): Effect.Effect<A, E> => {
  fiber.currentRuntimeFlags = RuntimeFlags.enable(fiber.currentRuntimeFlags, RuntimeFlags.Interruption)
  const next = handler()
  return fiber.isInterrupted() ? Effect.interruptible(next) : next
}

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
