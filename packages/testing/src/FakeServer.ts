/**
 * Runs any `HttpApp` in two places: behind an in-memory `HttpClient`, where a test clock drives it, and on a real loopback
 * socket, where every transport reaches it. {@link make} adds a log of its requests and faults on demand.
 *
 * @since 0.1.0
 */
import { Connector, type ConnectorService, type Handshake, type Opening } from "@effect-auth/core/AuthenticatedSocket"
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type { Fault } from "./Fault.ts"
import * as FaultyApp from "./internal/faultyApp.ts"
import * as MemorySocket from "./internal/memorySocket.ts"
import * as RequestBody from "./internal/requestBody.ts"
import * as RequestLog from "./RequestLog.ts"

/**
 * A server that keeps a log and misbehaves when it is told to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** For {@link serve}. */
  readonly app: HttpApp.Default
  /** Reaches the server in memory, whatever the host of the URL. */
  readonly httpClient: HttpClient.HttpClient
  /** Opens WebSockets to the server in memory, whatever the host of the URL. */
  readonly connector: ConnectorService
  /** The requests so far, in the order in which they arrived. */
  readonly requests: Effect.Effect<ReadonlyArray<RequestLog.Received>>
  /** Dies with the difference unless these, and no others, were the requests so far. */
  readonly expect: (requests: ReadonlyArray<RequestLog.Expected>) => Effect.Effect<void>
  /**
   * The next requests suffer this fault: as many as `times` (default: 1; `Infinity` for all), of those to the route `on`,
   * such as `POST /token` (default: all; `*` stands for every method, and at the end of a path for every ending). Of several
   * faults that concern a request, the one that was injected first strikes.
   */
  readonly inject: (
    fault: Fault,
    options?: { readonly times?: number | undefined; readonly on?: string | undefined }
  ) => Effect.Effect<void>
  /** Faults that have not struck yet never will. */
  readonly clearFaults: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class FakeServer extends Context.Tag("@effect-auth/testing/FakeServer")<FakeServer, Service>() {}

/**
 * A server for an app of one's own, such as that of an `HttpRouter`, an `HttpApi` or an `RpcServer`. What the app fails
 * with becomes an answer, as on a real server. It holds state: make one for each test.
 *
 * @example
 * ```ts
 * import * as Fault from "@effect-auth/testing/Fault"
 * import * as FakeServer from "@effect-auth/testing/FakeServer"
 * import * as HttpRouter from "@effect/platform/HttpRouter"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as Effect from "effect/Effect"
 *
 * const things = HttpRouter.empty.pipe(HttpRouter.get("/things", HttpServerResponse.json([1, 2])))
 *
 * const test = Effect.gen(function*() {
 *   const server = yield* FakeServer.make(things)
 *   yield* server.inject(Fault.status(503), { times: 2, on: "GET /things" })
 *   const first = yield* server.httpClient.get("https://acme.example/things")
 *   yield* server.expect([{ line: "GET /things", status: 503 }])
 *   return first.status // 503
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<Service, never, Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.map(FaultyApp.make(app), ({ app, log, rules }): Service => ({
    app,
    httpClient: httpClient(app),
    connector: connector(app),
    requests: Ref.get(log),
    expect: (expected) =>
      Effect.flatMap(Ref.get(log), (requests) =>
        Option.match(RequestLog.difference(requests, expected), {
          onNone: () => Effect.void,
          onSome: (difference) => Effect.dieMessage(difference)
        })),
    inject: (fault, options) => Ref.update(rules, (rules) => [...rules, FaultyApp.rule(fault, options)]),
    clearFaults: Ref.set(rules, [])
  }))

/**
 * {@link make} as a layer, with the client that reaches the server in memory as the transport, and its WebSockets.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Layer.Layer<
  FakeServer | HttpClient.HttpClient | Connector,
  never,
  Exclude<R, HttpServerRequest.HttpServerRequest | Scope.Scope>
> =>
  Layer.effectContext(
    Effect.map(make(app), (server) =>
      Context.make(FakeServer, server).pipe(
        Context.add(HttpClient.HttpClient, server.httpClient),
        Context.add(Connector, server.connector)
      ))
  )

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
 * Opens WebSockets to `app` in memory, without a socket and whatever the host of their URL. The app accepts one by the
 * `upgrade` of its `HttpServerRequest`; its end lives as long as the app runs. An app that answers otherwise refuses the
 * handshake.
 *
 * @example
 * ```ts
 * import * as FakeServer from "@effect-auth/testing/FakeServer"
 * import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as Effect from "effect/Effect"
 *
 * const echo = Effect.gen(function*() {
 *   const socket = yield* Effect.orDie(HttpServerRequest.upgrade)
 *   const write = yield* socket.writer
 *   yield* Effect.ignore(socket.runRaw(write))
 *   return HttpServerResponse.empty()
 * }).pipe(Effect.scoped)
 *
 * const connector = FakeServer.connector(echo)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const connector = (app: HttpApp.Default): ConnectorService => ({
  isBlind: false,
  open: (handshake) =>
    Effect.gen(function*() {
      const [here, there] = MemorySocket.MemorySocket.pair()
      const outcome = yield* Deferred.make<Opening<typeof here>>()
      const failed = (cause: string) => new Socket.SocketGenericError({ reason: "Open", cause })
      const request = yield* Effect.try({
        try: () =>
          upgradeRequest(handshake, serverEnd(there, Deferred.succeed(outcome, { _tag: "Opened", value: here }))),
        catch: () => failed("the request cannot be sent")
      })
      const served = app.pipe(
        Effect.provideService(HttpServerRequest.HttpServerRequest, request),
        Effect.tap((response) =>
          Deferred.succeed(outcome, { _tag: "Refused", response: HttpServerResponse.toWeb(response) })
        ),
        Effect.ensuring(Effect.sync(() => there.close(1006)))
      )
      const fiber = yield* Effect.forkScoped(Effect.zipRight(Effect.yieldNow(), served))
      yield* Effect.addFinalizer(() => Effect.sync(() => here.close(1000)))
      const opening = yield* Effect.raceFirst(
        Deferred.await(outcome),
        Effect.zipRight(Effect.exit(Fiber.join(fiber)), failed("the connection was closed by the other side"))
      )
      return opening._tag === "Refused" ? opening : {
        _tag: "Opened",
        value: { webSocket: MemorySocket.asWebSocket(here), resume: Effect.sync(() => here.resume()) }
      }
    })
})

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

const upgradeRequest = (
  { headers, protocols, url }: Handshake,
  upgrade: Effect.Effect<Socket.Socket>
): HttpServerRequest.HttpServerRequest => {
  const target = new URL(Redacted.value(url).replace(/^ws/u, "http"))
  const sent = HttpClientRequest.get(target, {
    headers: {
      ...Redacted.value(headers),
      connection: "Upgrade",
      upgrade: "websocket",
      ...(protocols.length === 0 ? undefined : { "sec-websocket-protocol": protocols.join(", ") })
    }
  })
  return Object.create(toServerRequest(sent, target, undefined), { upgrade: { value: upgrade } })
}

const serverEnd = (socket: MemorySocket.MemorySocket, accepted: Effect.Effect<unknown>): Effect.Effect<Socket.Socket> =>
  Effect.zipRight(
    accepted,
    Socket.fromWebSocket(
      Effect.acquireRelease(
        Effect.sync(() => {
          // its listeners are set before anything can come
          queueMicrotask(() => socket.resume())
          return MemorySocket.asWebSocket(socket)
        }),
        () => Effect.sync(() => socket.close(1006))
      )
    )
  )

/** A Response with one of these statuses must not have a body; a real server drops it. */
const isBodiless = (
  request: HttpClientRequest.HttpClientRequest,
  response: HttpServerResponse.HttpServerResponse
): boolean => request.method === "HEAD" || [204, 205, 304].includes(response.status)
