/**
 * By hand for Effect 4, whose fibers let their context be set.
 *
 * Hands a request to the transport in a way that redirects are not followed there. Of the platform's transports only
 * fetch follows them by itself, and it takes custom headers along. It reads `redirect: "manual"` from a service in the
 * fiber's context. Changing that context costs more than the rest of an authenticated request, so it is skipped for
 * transports that are marked as not following redirects, and the changed context is cached for all others. However a
 * request ends, its fiber has the context that it had before.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
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
  fiber: Fiber.Fiber<unknown, unknown>,
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
    Effect.withFiber((fiber) => {
      enterManualMode(fiber, cache)
      return Effect.succeed(request)
    }))
  const ownContext = MutableRef.make(false)
  return <A, E>(
    fiber: Fiber.Fiber<unknown, unknown>,
    request: HttpClientRequest.HttpClientRequest,
    handlers: Handlers<A, E>
  ) => {
    const context = fiber.context
    const leave = () => {
      MutableRef.set(ownContext, fiber.context === context)
      restore(fiber, context)
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
  return new HttpClientError.HttpClientError({
    reason: new HttpClientError.InvalidUrlError({ request, cause, description: cause.message })
  })
}

/** {@link makeMatched} for those who take the answer as it is. */
export const make = (client: HttpClient.HttpClient): Send => {
  const sendMatched = makeMatched(client)
  return sendMatched === undefined
    ? client.execute
    : (request) => Effect.withFiber((fiber) => sendMatched(fiber, request, asItIs))
}

const asItIs: Handlers<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> = {
  onFailure: Effect.failCause,
  onSuccess: Effect.succeed
}

/** A mark by identity: a client made from a marked one may do anything with a request, so it is not marked. */
const neverFollowing = new WeakSet<HttpClient.HttpClient>()

const manual = (context: Context.Context<never>) =>
  Context.add(context, FetchHttpClient.RequestInit, {
    ...Context.getOrUndefined(context, FetchHttpClient.RequestInit),
    redirect: "manual"
  })

/** The fiber's context as it is, and changed. */
interface Changed {
  readonly original: Context.Context<never>
  readonly context: Context.Context<never>
}

/** Changes the context of a fiber that is about to send a request. Nothing that is provided to the transport is lost. */
const enterManualMode = (
  fiber: Fiber.Fiber<unknown, unknown>,
  cache: MutableRef.MutableRef<Changed | undefined>
): void => {
  const original = fiber.context
  const cached = MutableRef.get(cache)
  if (cached !== undefined && cached.original === original) return fiber.setContext(cached.context)
  const context = manual(original)
  MutableRef.set(cache, { original, context })
  fiber.setContext(context)
}

/** A transport with a context of its own has left it already; any other shares the caller's. */
const restore = (fiber: Fiber.Fiber<unknown, unknown>, context: Context.Context<never>): void => {
  if (fiber.context !== context) fiber.setContext(context)
}
