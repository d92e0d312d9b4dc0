/**
 * The platform's span of a request shows its whole URL and every header but a few well-known ones. For clients that
 * write credentials elsewhere the transport is wrapped, so that its spans do not show them. For all others it is the
 * transport itself: nothing is wrapped and nothing costs.
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpTraceContext from "@effect/platform/HttpTraceContext"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import { constTrue } from "effect/Function"
import * as Option from "effect/Option"
import type { Places } from "../Authenticator.ts"
import * as InPlaces from "./places.ts"

export const concealing = (transport: HttpClient.HttpClient, places: Places): HttpClient.HttpClient => {
  if (places.urlParams.length > 0) return withOwnSpan(transport, places)
  const names = places.headers.filter((name) => !alwaysRedacted.has(name))
  return names.length === 0 ? transport : HttpClient.transformResponse(
    transport,
    Effect.locallyWith(Headers.currentRedactedNames, (others) => [...others, ...names])
  )
}

/** The default of `Headers.currentRedactedNames`. A cookie is within the `cookie` header. */
const alwaysRedacted = new Set(["authorization", "cookie", "set-cookie", "x-api-key"])

/**
 * Names of query parameters cannot be redacted, so the platform's span gives way to one of the same name and the same
 * attributes, over the URL without them. It has no headers: a server's `Location` may repeat the query.
 */
const withOwnSpan = (transport: HttpClient.HttpClient, places: Places): HttpClient.HttpClient => {
  const quiet = HttpClient.withTracerDisabledWhen(transport, constTrue)
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) =>
      Effect.withFiberRuntime<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((fiber) => {
        const url = HttpClientRequest.toUrl(request)
        const untraced = !fiber.getFiberRef(FiberRef.currentTracerEnabled) ||
          fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request)
        return untraced || Option.isNone(url)
          ? quiet.execute(request)
          : Effect.useSpan(
            Context.get(fiber.currentContext, HttpClient.SpanNameGenerator)(request),
            { kind: "client", captureStackTrace: false, attributes: attributes(request, url.value, places) },
            (span) =>
              quiet.execute(
                fiber.getFiberRef(HttpClient.currentTracerPropagation)
                  ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span))
                  : request
              ).pipe(
                Effect.withParentSpan(span),
                Effect.tap(({ status }) => Effect.sync(() => span.attribute("http.response.status_code", status)))
              )
          )
      })
    ),
    (request) => Effect.succeed(request)
  )
}

/** OpenTelemetry's semantic conventions for HTTP clients, as the platform writes them. */
const attributes = (
  request: HttpClientRequest.HttpClientRequest,
  signed: URL,
  places: Places
): Record<string, unknown> => {
  const url = InPlaces.withoutUrlParams(signed, places)
  return {
    "http.request.method": request.method,
    "server.address": url.origin,
    ...(url.port === "" ? undefined : { "server.port": Number(url.port) }),
    "url.full": url.href,
    "url.path": url.pathname,
    "url.scheme": url.protocol.slice(0, -1),
    ...(url.search === "" ? undefined : { "url.query": url.search.slice(1) })
  }
}
