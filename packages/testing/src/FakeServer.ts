/**
 * Runs one `HttpApp` in two places: behind an in-memory `HttpClient`, where TestClock drives it, and on a real loopback
 * socket, where every transport can reach it.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

type WebBody = ArrayBuffer | Blob | FormData | ReadableStream | string | Uint8Array<ArrayBuffer> | URLSearchParams

/**
 * An `HttpClient` that hands every request to `app` in the calling fiber, without a socket. The host of a URL does not
 * matter. An application that dies is a `RequestError` with reason `Transport`, so that no caller waits for ever.
 *
 * Pre-response handlers (`HttpApp.appendPreResponseHandler`) are not run: they need a fiber that cannot be interrupted,
 * and a client's timeout must end the request at once, as a closed socket does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const httpClient = (app: HttpApp.Default): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.gen(function*() {
      const body = yield* webBody(request)
      const serverRequest = yield* Effect.try({
        try: () => toServerRequest(request, url, body),
        catch: transportError(request)
      })
      const response = yield* Effect.provideService(app, HttpServerRequest.HttpServerRequest, serverRequest)
      const runtime = yield* Effect.runtime<never>() // a streamed answer runs under the caller's Clock
      const source = HttpServerResponse.toWeb(response, { withoutBody: isBodiless(request, response), runtime })
      return HttpClientResponse.fromWeb(request, source)
    }).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause) || Cause.isFailure(cause)
          ? Effect.failCause(cause)
          : Effect.fail(transportError(request)(Cause.squash(cause)))
      )
    )
  )

/**
 * Serves `app` on the `HttpServer` in the context until the scope closes, and returns its base URL
 * (`http://127.0.0.1:PORT`, no slash at the end). The server has to listen on a TCP port.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serve = (app: HttpApp.Default): Effect.Effect<string, never, HttpServer.HttpServer | Scope.Scope> =>
  Effect.zipRight(
    HttpServer.serveEffect(app),
    HttpServer.addressWith((address) =>
      address._tag === "TcpAddress"
        ? Effect.succeed(`http://127.0.0.1:${address.port}`)
        : Effect.dieMessage("FakeServer.serve: the HttpServer listens on a Unix socket, not on a TCP port")
    )
  )

const transportError = (request: HttpClientRequest.HttpClientRequest) => (cause: unknown) =>
  new HttpClientError.RequestError({ request, reason: "Transport", cause })

// A stream is read to its end first, in the calling fiber: its failure then is the client's, as with a real upload.
const webBody = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<WebBody | undefined, HttpClientError.RequestError> => {
  const body = request.body
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(undefined)
    case "Uint8Array":
      return Effect.succeed(new Uint8Array(body.body))
    case "FormData":
      return Effect.succeed(body.formData)
    case "Stream":
      return Stream.runFold(Stream.mapError(body.stream, transportError(request)), new Uint8Array(0), concat)
    case "Raw":
      return rawBody(request, body.body)
  }
}

const rawBody = (
  request: HttpClientRequest.HttpClientRequest,
  body: unknown
): Effect.Effect<WebBody | undefined, HttpClientError.RequestError> => {
  if (body === undefined || body === null) {
    return Effect.succeed(undefined)
  }
  if (body instanceof ReadableStream) {
    return Effect.tryPromise({ try: () => new Response(body).arrayBuffer(), catch: transportError(request) })
  }
  if (body instanceof Uint8Array) {
    return Effect.succeed(new Uint8Array(body))
  }
  if (
    typeof body === "string" || body instanceof ArrayBuffer || body instanceof Blob || body instanceof FormData ||
    body instanceof URLSearchParams
  ) {
    return Effect.succeed(body)
  }
  return Effect.fail(
    new HttpClientError.RequestError({ request, reason: "Encode", description: "FakeServer: unsupported raw body" })
  )
}

const concat = (left: Uint8Array<ArrayBuffer>, right: Uint8Array): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(left.length + right.length)
  out.set(left, 0)
  out.set(right, left.length)
  return out
}

const toServerRequest = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  body: WebBody | undefined
): HttpServerRequest.HttpServerRequest => {
  const target = new URL(url)
  target.hash = "" // a fragment never leaves the client
  const source = new Request(target, {
    method: request.method,
    headers: request.headers,
    ...(body === undefined ? undefined : { body })
  })
  // Some platforms drop headers such as `cookie` from a Request, and a Request adds the content type of its body.
  const headers = Headers.merge(request.headers, Headers.fromInput(source.headers))
  return HttpServerRequest.fromWeb(source).modify({ headers: Headers.set(headers, "host", url.host) })
}

// A Response with one of these statuses must not have a body; a real server drops it.
const isBodiless = (
  request: HttpClientRequest.HttpClientRequest,
  response: HttpServerResponse.HttpServerResponse
): boolean => request.method === "HEAD" || [204, 205, 304].includes(response.status)
