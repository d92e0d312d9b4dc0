/**
 * Runs one `HttpApp` in two places: behind an in-memory `HttpClient`, where a test clock drives it, and on a real
 * loopback socket, where every transport reaches it.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as RequestBody from "./internal/requestBody.ts"

/**
 * An `HttpClient` that hands every request to `app` in the calling fiber, without a socket and whatever the host of its
 * URL. A defect of the application becomes a `RequestError` with reason `Transport`, as a connection that breaks does.
 *
 * Pre-response handlers (`HttpApp.appendPreResponseHandler`) do not run: they need a fiber that cannot be interrupted,
 * and a client's timeout must end the request at once, as a closed socket does.
 *
 * @example
 * ```ts
 * import * as FakeServer from "@effect-auth/testing/FakeServer"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as Effect from "effect/Effect"
 *
 * const client = FakeServer.httpClient(Effect.succeed(HttpServerResponse.text("hello")))
 *
 * const test = Effect.flatMap(client.get("https://any.example/"), (response) => response.text) // "hello"
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const httpClient = (app: HttpApp.Default): HttpClient.HttpClient =>
  HttpClient.make((request, url) =>
    Effect.gen(function*() {
      const body = yield* RequestBody.web(request)
      const serverRequest = yield* Effect.try({
        try: () => toServerRequest(request, url, body),
        catch: RequestBody.transportError(request)
      })
      const response = yield* Effect.provideService(app, HttpServerRequest.HttpServerRequest, serverRequest)
      const runtime = yield* Effect.runtime<never>() // a streamed answer runs under the caller's Clock
      const source = HttpServerResponse.toWeb(response, { withoutBody: isBodiless(request, response), runtime })
      return HttpClientResponse.fromWeb(request, source)
    }).pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause) || Cause.isFailure(cause)
          ? Effect.failCause(cause)
          : Effect.fail(RequestBody.transportError(request)(Cause.squash(cause)))
      )
    )
  )

/**
 * Serves `app` on the `HttpServer` of the context until the Scope closes, and returns its base URL,
 * `http://127.0.0.1:PORT`. The server must listen on a TCP port.
 *
 * @example
 * ```ts
 * import * as FakeServer from "@effect-auth/testing/FakeServer"
 * import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
 * import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
 * import * as Effect from "effect/Effect"
 * import { createServer } from "node:http"
 *
 * const test = Effect.gen(function*() {
 *   const fake = yield* FakeYamcs.make()
 *   const baseUrl = yield* FakeServer.serve(fake.app)
 *   return baseUrl
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
 * )
 * ```
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

const toServerRequest = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  body: RequestBody.WebBody | undefined
): HttpServerRequest.HttpServerRequest => {
  const target = new URL(url)
  target.hash = "" // a fragment never leaves the client
  const source = new Request(target, {
    method: request.method,
    headers: request.headers,
    ...(body === undefined ? undefined : { body })
  })
  // some platforms drop headers such as `cookie` from a Request, and a Request adds the content type of its body
  const headers = Headers.merge(request.headers, Headers.fromInput(source.headers))
  return HttpServerRequest.fromWeb(source).modify({ headers: Headers.set(headers, "host", url.host) })
}

/** A Response with one of these statuses must not have a body; a real server drops it. */
const isBodiless = (
  request: HttpClientRequest.HttpClientRequest,
  response: HttpServerResponse.HttpServerResponse
): boolean => request.method === "HEAD" || [204, 205, 304].includes(response.status)
