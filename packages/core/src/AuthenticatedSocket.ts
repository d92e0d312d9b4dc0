/**
 * WebSockets whose opening handshake carries the proof of an authenticated client. The handshake is a request of that
 * client: it goes to the client's own origins only, a rate limiter admits it, and a refusal (401) renews the credentials
 * as any other refusal does, once for the sockets and the requests of one client together. So it works with every kind of
 * credential that a client can have.
 *
 * A socket outlives its proof: whether a server closes it when the token expires is the server's affair. Each opening
 * takes the credentials that are current then.
 *
 * Who opens the connection is a {@link Connector}: that of `@effect-auth/node`, which can send headers, or in a browser
 * {@link layerCookie}.
 *
 * @since 0.1.0
 */
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { ClientError } from "./AuthError.ts"
import type { Service } from "./internal/service.ts"
import type { Connection, Handshake, Opening } from "./internal/socket/connector.ts"
import { Connector } from "./internal/socket/connector.ts"
import * as Listening from "./internal/socket/listening.ts"
import type { Target } from "./internal/socket/opening.ts"
import * as Openings from "./internal/socket/opening.ts"
import * as SocketErrors from "./internal/socket/socketErrors.ts"

export {
  /**
   * An open WebSocket that holds back its messages until somebody listens to them.
   *
   * @since 0.1.0
   * @category models
   */
  type Connection,
  /**
   * Opens WebSockets.
   *
   * @since 0.1.0
   * @category tags
   */
  Connector,
  /**
   * What a {@link Connector} does.
   *
   * @since 0.1.0
   * @category models
   */
  type ConnectorService,
  /**
   * What is sent to open a WebSocket. It holds the proof, so what is secret in it is redacted.
   *
   * @since 0.1.0
   * @category models
   */
  type Handshake,
  /**
   * What a handshake led to: an open connection, or an HTTP answer that is no upgrade.
   *
   * @since 0.1.0
   * @category models
   */
  type Opening
} from "./internal/socket/connector.ts"

export {
  /**
   * Where a socket leads.
   *
   * @since 0.1.0
   * @category models
   */
  type Target
} from "./internal/socket/opening.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Target {
  /** Default: every close code but 1000 and 1006, as of the platform. 1006 is also that of a connection that broke. */
  readonly closeCodeIsError?: ((code: number) => boolean) | undefined
  /** How long one opening may take, without the logins before it. Default: 10 seconds. */
  readonly openTimeout?: DurationWithUnit | undefined
}

export {
  /**
   * Raised when a server answers a handshake with anything but an upgrade. Refused credentials are an `AuthError` instead.
   *
   * @since 0.1.0
   * @category errors
   */
  UpgradeRefused
} from "./internal/socket/socketErrors.ts"

/**
 * A platform `Socket` whose handshake is authenticated, anew at each `run`. What the client fails with is the cause of a
 * `SocketError` with reason `Open`; {@link authErrorOf} finds it. No error holds what was sent.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
 * import * as Effect from "effect/Effect"
 *
 * const listen = Effect.gen(function*() {
 *   const client = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
 *   const socket = yield* AuthenticatedSocket.make(client, { url: "/events", closeCodeIsError: () => true })
 *   yield* socket.runRaw((message) => Effect.log(message))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <E = ClientError>(
  client: Service<E>,
  options: Options
): Effect.Effect<Socket.Socket, never, Connector> =>
  Effect.gen(function*() {
    const latest = MutableRef.make<Effect.Effect<void>>(Effect.void)
    const acquire = open(client, options).pipe(
      Effect.mapError(SocketErrors.whileOpening),
      Effect.map(({ resume, webSocket }) => {
        MutableRef.set(latest, resume)
        return webSocket
      })
    )
    return yield* Listening.fromWebSocket(acquire, Effect.suspend(() => MutableRef.get(latest)), options)
  })

/**
 * A connection of {@link open} as a platform `Socket`, for one `run`. No error holds what was sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromConnection = (
  { resume, webSocket }: Connection,
  options: Pick<Options, "closeCodeIsError"> = {}
): Effect.Effect<Socket.Socket> => Listening.fromWebSocket(Effect.succeed(webSocket), resume, options)

/**
 * The error of this library that kept a socket from opening, of the error of a socket of {@link make}.
 *
 * @since 0.1.0
 * @category destructors
 */
export const authErrorOf: (error: Socket.SocketError) => Option.Option<SocketErrors.Known> = SocketErrors.knownCause

/**
 * Opens a WebSocket, authenticated, and closes it with the Scope; for those who need more than a `Socket`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = <E = ClientError>(
  client: Service<E>,
  options: Pick<Options, "url" | "protocols" | "openTimeout">
): Effect.Effect<
  Connection,
  E | HttpClientError.HttpClientError | SocketErrors.UpgradeRefused | Socket.SocketError,
  Connector | Scope.Scope
> =>
  Effect.flatMap(Connector, (connector) => {
    const duration = Duration.decode(options.openTimeout ?? "10 seconds")
    const opening = handshake(client, options, (handshake) =>
      Effect.timeoutFail(connector.open(handshake), {
        duration,
        onTimeout: () =>
          new Socket.SocketGenericError({ reason: "OpenTimeout", cause: `${handshake.address} did not answer in time` })
      }))
    return connector.isBlind
      ? Effect.catchIf(opening, Socket.isSocketError, (error) =>
        Openings.probe(client, options).pipe(
          Effect.catchIf(HttpClientError.isHttpClientError, () => Effect.fail(error)),
          Effect.flatMap(Option.match({ onNone: () => opening, onSome: Effect.fail }))
        ))
      : opening
  })

/**
 * A handshake of one's own: `open` is given what to send, and returns what came of it. It is called again with other
 * credentials after a refusal that could be the old ones' fault; a refusal that renewing them does not change is the
 * client's error, any other an {@link UpgradeRefused}.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * declare const connect: (
 *   url: string,
 *   headers: Readonly<Record<string, string>>
 * ) => Effect.Effect<AuthenticatedSocket.Opening<WebSocket>>
 *
 * const webSocket = Effect.gen(function*() {
 *   const client = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
 *   return yield* AuthenticatedSocket.handshake(client, { url: "/events" }, ({ headers, url }) =>
 *     connect(Redacted.value(url), Redacted.value(headers)))
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const handshake = <E, A, E2, R>(
  client: Service<E>,
  target: Target,
  open: (handshake: Handshake) => Effect.Effect<Opening<A>, E2, R>
): Effect.Effect<A, E | E2 | HttpClientError.HttpClientError | SocketErrors.UpgradeRefused, R> =>
  Effect.flatten(Openings.attempt(client, target, open))

/**
 * What would be sent now: the URL and the headers with the current credentials, for a handshake that is made elsewhere. The
 * client does not learn what becomes of it; with {@link handshake} it does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const signed = <E = ClientError>(
  client: Service<E>,
  target: Target
): Effect.Effect<Handshake, E | HttpClientError.HttpClientError | SocketErrors.UpgradeRefused> =>
  // it fails because nothing is sent: there is nothing to trace, and nothing says that the credentials are good
  Effect.flatMap(
    Effect.withTracerEnabled(Openings.attempt<E, never, Handshake, never>(client, target, Effect.fail), false),
    Exit.match({
      onFailure: (cause) =>
        Either.match(Cause.failureOrCause(cause), { onLeft: Effect.succeed, onRight: Effect.failCause }),
      onSuccess: (never) => never
    })
  )

export {
  /**
   * Connections of a platform whose WebSockets cannot send headers but cookies, such as a browser's: the bearer token of a
   * client becomes a cookie, which `write` gives to the browser before each opening. That works for pages of the same site
   * as the server, if the server reads the token from a cookie; others need a proxy. A client with any other credential gets
   * a `SocketError`.
   *
   * The cookie is `SameSite=Strict`, and `Secure` with `wss:`, because servers may not check where a handshake comes from.
   * It stays in the browser until that is closed or the next opening replaces it.
   *
   * @example
   * ```ts
   * import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
   * import * as Socket from "@effect/platform/Socket"
   * import * as Effect from "effect/Effect"
   * import * as Layer from "effect/Layer"
   *
   * declare const document: { cookie: string }
   *
   * const ConnectorLive = AuthenticatedSocket.layerCookie({
   *   name: "access_token",
   *   write: (cookie) =>
   *     Effect.sync(() => {
   *       document.cookie = cookie
   *     })
   * }).pipe(Layer.provide(Socket.layerWebSocketConstructorGlobal))
   * ```
   *
   * @since 0.1.0
   * @category layers
   */
  layerCookie
} from "./internal/socket/cookieConnector.ts"
