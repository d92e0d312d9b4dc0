/**
 * The platform's span of a request shows its whole URL and every header but a few well-known ones. Credentials in other
 * locations are kept out of it. For all others this costs nothing.
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
import type { Locations } from "./locations.ts"
import { wellKnownHeaders, withoutQueryParameters } from "./locations.ts"
import * as ManualRedirect from "./manualRedirect.ts"

/** The ways to send a request: in the platform's span, or without one. Redirects are followed by none. */
export interface Transport {
  readonly send: ManualRedirect.Send
  readonly sendMatched: ManualRedirect.SendMatched
  readonly sendUntraced: ManualRedirect.Send
}

/** How a request is sent so that its span does not show the credentials. */
export type Concealed = (
  transport: Transport,
  request: HttpClientRequest.HttpClientRequest
) => ReturnType<ManualRedirect.Send>

export const make = (client: HttpClient.HttpClient): Transport => ({
  send: ManualRedirect.make(client),
  sendMatched: ManualRedirect.makeMatched(client),
  sendUntraced: ManualRedirect.make(
    ManualRedirect.inheritMark(client, HttpClient.withTracerDisabledWhen(client, constTrue))
  )
})

/** What it takes to conceal credentials in these locations; `undefined` when the platform's span does not show them. */
export const concealing = (locations: Locations): Concealed | undefined => {
  if (locations.queryParameters.length > 0) return (transport, request) => withOwnSpan(transport, request, locations)
  const names = locations.headers.filter((name) => !wellKnownHeaders.has(name))
  return names.length === 0 ?
    undefined :
    (transport, request) =>
      Effect.locallyWith(transport.send(request), Headers.currentRedactedNames, (others) => [...others, ...names])
}

/**
 * Names of query parameters cannot be redacted, so the platform's span is replaced by one of the same name and the same
 * attributes, over the URL without them. It has no response headers: a server's `Location` may repeat the query.
 */
const withOwnSpan = (
  { sendUntraced }: Transport,
  request: HttpClientRequest.HttpClientRequest,
  locations: Locations
): ReturnType<ManualRedirect.Send> =>
  Effect.withFiberRuntime<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>((fiber) => {
    const url = HttpClientRequest.toUrl(request)
    const untraced = !fiber.getFiberRef(FiberRef.currentTracerEnabled) ||
      fiber.getFiberRef(HttpClient.currentTracerDisabledWhen)(request)
    if (untraced || Option.isNone(url)) return sendUntraced(request)
    return Effect.useSpan(
      Context.get(fiber.currentContext, HttpClient.SpanNameGenerator)(request),
      { kind: "client", captureStackTrace: false, attributes: attributes(request, url.value, locations) },
      (span) =>
        sendUntraced(
          fiber.getFiberRef(HttpClient.currentTracerPropagation)
            ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span))
            : request
        ).pipe(
          Effect.withParentSpan(span),
          Effect.tap(({ status }) => Effect.sync(() => span.attribute("http.response.status_code", status)))
        )
    )
  })

/** OpenTelemetry's semantic conventions for HTTP clients, as the platform writes them. */
const attributes = (
  request: HttpClientRequest.HttpClientRequest,
  sent: URL,
  locations: Locations
): Record<string, unknown> => {
  const url = withoutQueryParameters(sent, locations)
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
