/**
 * How a request with credentials on it is handed to the transport: redirects are not followed there. Of the platform's
 * transports only fetch follows them by itself, and takes credentials along; it is told not to by a service in the
 * fiber's context. Changing the context costs more than all the rest of an authenticated request, so it is no longer done
 * once an answer has shown that the transport is not fetch.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as MutableRef from "effect/MutableRef"
import * as Predicate from "effect/Predicate"

/** Sends a request and leaves redirects to the caller. */
export type Send = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

export const make = (client: HttpClient.HttpClient): Send => {
  const mayBeFetch = MutableRef.make(true)
  return (request) =>
    MutableRef.get(mayBeFetch)
      ? Effect.tap(withoutRedirects(client.execute(request)), (response) => {
        if (isFromNode(response)) MutableRef.set(mayBeFetch, false)
      })
      : client.execute(request)
}

/** {@link make} for a single request. */
export const execute = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): ReturnType<Send> => withoutRedirects(client.execute(request))

/**
 * Sets the context and sets it back: half the cost of providing a service. An interruption in between ends the only
 * fiber that sees the difference.
 */
const withoutRedirects = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => {
    const context = fiber.currentContext
    const manual = Context.add(context, FetchHttpClient.RequestInit, {
      ...Context.getOrElse(context, FetchHttpClient.RequestInit, () => undefined),
      redirect: "manual"
    })
    const restore = FiberRef.set(FiberRef.currentContext, context)
    return Effect.zipRight(
      FiberRef.set(FiberRef.currentContext, manual),
      Effect.matchCauseEffect(self, {
        onFailure: (cause) => Effect.zipRight(restore, Effect.failCause(cause)),
        onSuccess: (value) => Effect.as(restore, value)
      })
    )
  })

/**
 * Whether an answer came through node:http or undici: what it was made of has a `statusCode`, which a web `Response` has
 * not. The platform keeps that to itself, so this looks behind its types; whatever looks different stays under suspicion.
 */
const isFromNode = (response: HttpClientResponse.HttpClientResponse): boolean => {
  const original = Predicate.hasProperty(response, "original") ? response.original : response
  return Predicate.hasProperty(original, "source") && Predicate.hasProperty(original.source, "statusCode")
}
