/**
 * WebSockets that can send headers, which those of the Web cannot: what `AuthenticatedSocket` of core opens its connections
 * with on Node. Over `ws`, as the sockets of the platform.
 *
 * @since 0.1.0
 */
import type { Connection, ConnectorService, Handshake, Opening } from "@effect-auth/core/AuthenticatedSocket"
import { Connector } from "@effect-auth/core/AuthenticatedSocket"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Http from "node:http"
import { Readable } from "node:stream"
import * as WS from "ws"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The longest message that is received, in bytes; a longer one ends the connection. Default: 16 MiB. */
  readonly maxMessage?: number | undefined
}

/**
 * Connections that trust what Node trusts, without a proxy.
 *
 * @example
 * ```ts
 * import * as SocketConnector from "@effect-auth/node/SocketConnector"
 * import * as Layer from "effect/Layer"
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 *
 * // what an authenticated client and its sockets need on Node
 * const Platform = Layer.merge(NodeHttpClient.layerUndici, SocketConnector.layer())
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options = {}): Layer.Layer<Connector> =>
  Layer.succeed(Connector, make(options, () => undefined))

/**
 * Connections over the agents of `NodeHttpClient`, so that requests and sockets have the same certificates and the same
 * trust.
 *
 * @example
 * ```ts
 * import * as SocketConnector from "@effect-auth/node/SocketConnector"
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as Layer from "effect/Layer"
 * import { readFileSync } from "node:fs"
 *
 * const Platform = Layer.merge(NodeHttpClient.layerWithoutAgent, SocketConnector.layerAgent()).pipe(
 *   Layer.provide(NodeHttpClient.makeAgentLayer({ ca: readFileSync("authority.pem") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerAgent = (options: Options = {}): Layer.Layer<Connector, never, NodeHttpClient.HttpAgent> =>
  Layer.effect(
    Connector,
    Effect.map(
      NodeHttpClient.HttpAgent,
      ({ http, https }) => make(options, (url) => url.startsWith("wss:") ? https : http)
    )
  )

type AgentFor = (url: string) => Http.Agent | undefined

const make = (options: Options, agentFor: AgentFor): ConnectorService => ({
  isBlind: false,
  open: (handshake) =>
    Effect.flatMap(
      Effect.acquireRelease(connect(handshake, options, agentFor), (socket) => Effect.sync(() => close(socket))),
      opened
    )
})

const connect = (
  { headers, protocols, url }: Handshake,
  { maxMessage }: Options,
  agentFor: AgentFor
): Effect.Effect<WS.WebSocket, Socket.SocketError> =>
  Effect.try({
    try: () => {
      const agent = agentFor(Redacted.value(url))
      const options = {
        headers: Redacted.value(headers),
        maxPayload: maxMessage ?? 16 * 1_048_576,
        // fibers that take messages run in between
        allowSynchronousEvents: false,
        // how long a server may take to answer a close, in milliseconds; earlier versions have a time of their own
        closeTimeout: 2_000,
        ...(agent === undefined ? undefined : { agent })
      }
      const socket = new WS.WebSocket(Redacted.value(url), [...protocols], options)
      // an error that nobody listens to would end the process
      socket.on("error", () => {})
      return socket
    },
    catch: () => new Socket.SocketGenericError({ reason: "Open", cause: "the handshake cannot be sent" })
  })

const opened = (socket: WS.WebSocket): Effect.Effect<Opening<Connection>, Socket.SocketError> =>
  Effect.async((resume) => {
    socket.once("open", () => {
      socket.pause()
      resume(Effect.succeed({
        _tag: "Opened",
        value: { webSocket: asOfTheWeb(socket), resume: Effect.sync(() => socket.resume()) }
      }))
    })
    socket.once("unexpected-response", (_request, message) => resume(Effect.map(responseOf(message), refused)))
    // of an error only its code is known to hold no secret
    socket.once(
      "error",
      (cause: unknown) => resume(Effect.fail(new Socket.SocketGenericError({ reason: "Open", cause })))
    )
    // what comes later is for others to hear
    return Effect.sync(() => {
      socket.removeAllListeners("open")
      socket.removeAllListeners("unexpected-response")
    })
  })

const refused = (response: Response): Opening<Connection> => ({ _tag: "Refused", response })

/** A server that is gone answers no close, so a connection that is not open is cut. */
const close = (socket: WS.WebSocket): void =>
  socket.readyState === socket.OPEN ? socket.close(1000) : socket.terminate()

/** The same in all that the platform's `Socket` does with it. */
const asOfTheWeb = (socket: WS.WebSocket): globalThis.WebSocket =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the types differ in events that nobody here looks at
  socket as unknown as globalThis.WebSocket

const responseOf = (message: Http.IncomingMessage): Effect.Effect<Response, Socket.SocketError> =>
  Effect.try({
    try: () => {
      const headers = new Headers()
      for (const [name, values] of Object.entries(message.headersDistinct)) {
        for (const value of values ?? []) headers.append(name, value)
      }
      const status = message.statusCode ?? 0
      const body = withoutBody.has(status) ? null : Readable.toWeb(message)
      // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- Node has two types for one class
      return new Response(body as ReadableStream<Uint8Array> | null, { status, headers })
    },
    catch: () => new Socket.SocketGenericError({ reason: "Open", cause: "the server's answer is not HTTP" })
  })

/** A `Response` with one of these cannot have one. */
const withoutBody: ReadonlySet<number> = new Set([204, 205, 304])
