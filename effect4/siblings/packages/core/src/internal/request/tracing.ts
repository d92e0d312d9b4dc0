/**
 * By hand for Effect 4, where what a fiber knows of tracing are references, and the platform redacts query parameters by
 * name, which is done here too.
 *
 * The span of a request. The platform's own shows the request with its credentials: its whole URL, every header but those
 * that the program's `Headers.currentRedactedNames` lists, and, as its exit, the request itself. So it is replaced by one
 * of the same name and attributes that shows the request as the caller made it, whenever a tracer is installed. Effect's
 * default tracer shows its spans to nobody; there the platform's stays, and this costs nothing.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { constTrue } from "effect/Function"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpTraceContext from "effect/http/HttpTraceContext"
import * as UrlParams from "effect/http/UrlParams"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"
import * as Masking from "../masking.ts"
import type { Locations } from "./locations.ts"
import { nowhere, wellKnownHeaders, withoutQueryParameters } from "./locations.ts"
import type { Handlers, Send } from "./manualRedirect.ts"
import * as ManualRedirect from "./manualRedirect.ts"
import * as Scrub from "./scrub.ts"
import * as Upgrade from "./upgrade.ts"

/** A request with credentials, and what must not be seen of it. */
export interface Outgoing {
  readonly request: HttpClientRequest.HttpClientRequest
  /** The request as the caller made it. */
  readonly shown: HttpClientRequest.HttpClientRequest
  /** `undefined`: no credentials were written on it. */
  readonly credentials: Written | undefined
}

/** Credentials on a request. */
export interface Written {
  readonly locations: Locations
  readonly secrets: () => ReadonlyArray<string>
}

/**
 * The way to a server. Both run in the given fiber, which is that of the effect they return. `sendMatched` is `send` and
 * `Effect.matchCauseEffect` in one; what it returns has to be the very next thing that the fiber runs.
 */
export interface Transport {
  readonly send: (fiber: AnyFiber, outgoing: Outgoing) => ReturnType<Send>
  readonly sendMatched: <A, E>(fiber: AnyFiber, outgoing: Outgoing, handlers: Handlers<A, E>) => Effect.Effect<A, E>
}

export type AnyFiber = Fiber.Fiber<unknown, unknown>

export const make = (client: HttpClient.HttpClient): Transport => {
  const send = ManualRedirect.make(client)
  const sendManually = ManualRedirect.makeMatched(client)
  const untraced = ManualRedirect.make(
    ManualRedirect.inheritMark(
      client,
      HttpClient.transformResponse(client, Effect.provideService(HttpClient.TracerDisabledWhen, constTrue))
    )
  )
  const upgrade = (fiber: AnyFiber, outgoing: Outgoing) => {
    const send = Upgrade.sendOf(fiber, untraced)
    return isTraced(fiber) ? inSpan(fiber, send, outgoing) : send(outgoing.request)
  }
  return {
    send: (fiber, outgoing) =>
      isUpgrade(outgoing.request)
        ? upgrade(fiber, outgoing)
        : isTraced(fiber)
        ? inSpan(fiber, untraced, outgoing)
        : send(outgoing.request),
    sendMatched: (fiber, outgoing, handlers) =>
      isUpgrade(outgoing.request)
        ? Effect.matchCauseEffect(upgrade(fiber, outgoing), handlers)
        : isTraced(fiber)
        ? Effect.matchCauseEffect(inSpan(fiber, untraced, outgoing), handlers)
        : sendManually === undefined
        ? Effect.matchCauseEffect(client.execute(outgoing.request), handlers)
        : sendManually(fiber, outgoing.request, handlers)
  }
}

/** Whether `Upgrade.header` is set. */
const isUpgrade = (request: HttpClientRequest.HttpClientRequest): boolean => "upgrade" in request.headers

const defaultTracer = Context.get(Context.empty(), Tracer.Tracer)

const isTraced = (fiber: AnyFiber): boolean => fiber.getRef(Tracer.Tracer) !== defaultTracer

const inSpan = (
  fiber: AnyFiber,
  send: Send,
  { credentials, request, shown }: Outgoing
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  const url = HttpClientRequest.toUrl(request)
  const isOff = !fiber.getRef(References.TracerEnabled) ||
    fiber.getRef(HttpClient.TracerDisabledWhen)(request)
  if (isOff || Option.isNone(url)) return send(request)
  const locations = credentials?.locations ?? nowhere
  const redacted = [...fiber.getRef(Headers.CurrentRedactedNames), ...wellKnownHeaders, ...locations.headers]
  return Effect.useSpan(
    fiber.getRef(HttpClient.SpanNameGenerator)(shown),
    {
      kind: "client",
      attributes: {
        ...urlAttributes(request, url.value, locations, fiber.getRef(UrlParams.CurrentRedactedNames)),
        ...headerAttributes("request", Headers.redact(request.headers, redacted))
      }
    },
    (span) =>
      send(
        fiber.getRef(HttpClient.TracerPropagationEnabled)
          ? HttpClientRequest.setHeaders(request, HttpTraceContext.toHeaders(span))
          : request
      ).pipe(
        Effect.withParentSpan(span, { captureStackTrace: false }),
        // the span ends with this exit
        Effect.matchCauseEffect({
          onFailure: (cause) => Scrub.failure(cause, shown),
          onSuccess: (response) =>
            Scrub.withoutWords(
              Effect.sync(() => {
                const scrubbed = Scrub.response(response, shown, credentials)
                span.attribute("http.response.status_code", scrubbed.status)
                const secrets = credentials?.secrets() ?? []
                const headers = Headers.redact(scrubbed.headers, redacted)
                for (const [name, value] of Object.entries(headerAttributes("response", headers))) {
                  span.attribute(name, Masking.field(value, secrets))
                }
                return scrubbed
              }),
              "masking an answer"
            )
        })
      )
  )
}

/** OpenTelemetry's semantic conventions for HTTP clients, as the platform writes them. */
const urlAttributes = (
  request: HttpClientRequest.HttpClientRequest,
  sent: URL,
  locations: Locations,
  redacted: ReadonlyArray<string | RegExp>
): Record<string, unknown> => {
  const url = new URL(UrlParams.redactUrl(withoutQueryParameters(sent, locations).href, redacted))
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

const headerAttributes = (
  kind: "request" | "response",
  headers: Readonly<Record<string, string | Redacted.Redacted>>
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      `http.${kind}.header.${name}`,
      String(name === "location" && typeof value === "string" ? Scrub.withoutQuery(value) : value)
    ])
  )
