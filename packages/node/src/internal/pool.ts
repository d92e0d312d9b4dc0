/**
 * Connections that all present one certificate, and how a client moves from such a pool to the next: a request goes to
 * the pool that is current at the moment it is dispatched, and the previous pool closes each connection when it is idle.
 *
 * Both transports note the errors of connections that the server closed before it answered anything on them, because
 * the error alone does not tell such a connection from one that had been kept alive.
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type { EventEmitter } from "node:events"
import { errorMonitor } from "node:events"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"
import type * as Stream from "node:stream"
import type * as Tls from "node:tls"
import * as Proxy from "./proxy.ts"
import * as Tunnel from "./tunnel.ts"

/** The settings of every connection of a pool. */
export interface Options {
  readonly secureContext: Tls.SecureContext
  readonly serverName: string | undefined
  readonly connections: number | undefined
  /** Whether to take any server for the right one. */
  readonly acceptAnyServer: boolean
  /** Which requests take a proxy, and TLS to the proxy itself; for undici only. */
  readonly proxy?: { readonly routes: Proxy.Routes; readonly secureContext: Tls.SecureContext } | undefined
  /** Where to note the errors of connections that the server closed before it answered anything on them. */
  readonly unanswered: Pick<WeakSet<WeakKey>, "add">
}

/** One that is none would fail a request, or have it wait for ever. */
export const checkedConnections = (connections: number | undefined): Either.Either<void, InvalidSetting> =>
  connections === undefined || (Number.isSafeInteger(connections) && connections >= 1)
    ? Either.void
    : Either.left(new InvalidSetting({ setting: "connections", problem: "must be a whole number, at least 1" }))

/** A transport in terms of its pools. */
export interface Transport<Pool> {
  readonly open: (options: Options) => Pool
  readonly client: (current: () => Pool) => Effect.Effect<HttpClient.HttpClient>
  /** Closes the connections as they become idle; done when all are closed, or when they will close by themselves. */
  readonly drain: (pool: Pool) => Effect.Effect<void>
  readonly destroy: (pool: Pool) => Effect.Effect<void>
}

export const undici: Transport<Agents> = {
  open: (options) => {
    const agent = new Undici.Agent({
      // each origin has a connector, and with it a cache of TLS sessions, of its own
      factory: (origin, given) => pool(origin, given, Undici.buildConnector(tls(options)), options)
    })
    return options.proxy === undefined ? { all: [agent], of: () => agent } : routed(agent, options.proxy, options)
  },
  client: (current) => Effect.sync(() => NodeHttpClient.makeUndici(new CurrentDispatcher(current))),
  drain: ({ all }) => Effect.promise(() => Promise.all(all.map((agent) => agent.close()))),
  destroy: ({ all }) => Effect.promise(() => Promise.all(all.map((agent) => agent.destroy())))
}

export const nodeHttp: Transport<DrainableAgent> = {
  open: (options) =>
    new DrainableAgent(
      { ...tls(options), keepAlive: true, maxSockets: options.connections ?? Infinity },
      options.unanswered
    ),
  client: (current) =>
    Effect.provideService(NodeHttpClient.make, NodeHttpClient.HttpAgent, {
      [NodeHttpClient.HttpAgentTypeId]: NodeHttpClient.HttpAgentTypeId,
      http: Http.globalAgent,
      // the platform asks for it with every request
      get https() {
        return current()
      }
    }),
  drain: (agent) => Effect.sync(() => agent.drain()),
  destroy: (agent) => Effect.sync(() => agent.destroy())
}

/** Undici's dispatchers, and which of them a request takes. */
interface Agents {
  readonly all: ReadonlyArray<Undici.Dispatcher>
  readonly of: (origin: string | URL | undefined) => Undici.Dispatcher
}

const routed = (
  direct: Undici.Dispatcher,
  { routes, secureContext }: NonNullable<Options["proxy"]>,
  options: Options
): Agents => {
  const tunnels = new Map<Proxy.Server, Undici.Dispatcher>()
  for (const server of [routes.https, routes.http]) {
    if (server !== undefined) {
      tunnels.set(
        server,
        Tunnel.agent({
          server,
          requestTls: tls(options),
          // what is accepted of servers is not accepted of a proxy
          proxyTls: { secureContext, rejectUnauthorized: true },
          pool: (origin, given, connect) => pool(origin, given, connect, options)
        })
      )
    }
  }
  return {
    all: [direct, ...tunnels.values()],
    of: (origin) => {
      const server = origin === undefined ? undefined : Proxy.route(routes, new URL(origin))
      return (server === undefined ? undefined : tunnels.get(server)) ?? direct
    }
  }
}

/** Nothing runs between reading the current agent and its accepting the request, so no request meets a closed one. */
class CurrentDispatcher extends Undici.Dispatcher {
  readonly #current: () => Agents

  constructor(current: () => Agents) {
    super()
    this.#current = current
  }

  override dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler): boolean {
    return this.#current().of(options.origin).dispatch(options, handler)
  }
}

/** An agent that stops keeping connections alive once it is drained. */
class DrainableAgent extends Https.Agent {
  readonly #unanswered: Options["unanswered"]
  #draining = false

  constructor(options: Https.AgentOptions, unanswered: Options["unanswered"]) {
    super(options)
    this.#unanswered = unanswered
  }

  override createConnection(
    ...[options, callback]: Parameters<Https.Agent["createConnection"]>
  ): ReturnType<Https.Agent["createConnection"]> {
    const socket = super.createConnection(options, callback)
    if (socket instanceof Net.Socket) {
      noteErrors(socket, this.#unanswered)
      // Node makes the error of a request whose connection ends only then, for the request that it keeps here. This
      // listener runs before Node's, because the socket has no request yet
      socket.once("end", () => {
        if (isUnanswered(socket) && Predicate.hasProperty(socket, "_httpMessage")) {
          const request = socket._httpMessage
          if (request instanceof Http.ClientRequest) {
            request.prependOnceListener("error", (error) => this.#unanswered.add(error))
          }
        }
      })
    }
    return socket
  }

  drain(): void {
    this.#draining = true
    for (const sockets of Object.values(this.freeSockets)) sockets?.forEach((socket) => socket.destroy())
  }

  /** Returns whether to keep the connection (nodejs.org/api/http.html#agentkeepsocketalivesocket). */
  override keepSocketAlive(socket: Stream.Duplex): unknown {
    return this.#draining ? false : super.keepSocketAlive(socket)
  }
}

/** The connections to one origin. */
const pool = (
  origin: string | URL,
  given: object,
  connect: Undici.buildConnector.connector,
  { connections, unanswered }: Options
): Undici.Pool =>
  new Undici.Pool(origin, { ...given, connections: connections ?? null, connect: noted(connect, unanswered) })

/** A connector with its errors noted. Those of its sockets become those of the requests, as they are. */
const noted =
  (connect: Undici.buildConnector.connector, unanswered: Options["unanswered"]): Undici.buildConnector.connector =>
  (target, callback) =>
    connect(target, (...result) => {
      const [error, socket] = result
      if (error !== null) unanswered.add(error)
      else if (socket !== null) noteErrors(socket, unanswered)
      callback(...result)
    })

/** Only looks: an error that nobody handles stays one. */
const noteErrors = (socket: Net.Socket, unanswered: Options["unanswered"]): void => {
  const emitter: EventEmitter = socket
  emitter.on(errorMonitor, (error: unknown) => {
    if (Predicate.isObject(error) && isUnanswered(socket)) unanswered.add(error)
  })
}

/** Of a TLS socket, what it read is counted after decryption: a handshake alone leaves it at zero. */
const isUnanswered = (socket: Net.Socket): boolean => socket.bytesRead === 0

/** Says whether to verify in any case: what is left out follows `NODE_TLS_REJECT_UNAUTHORIZED`. */
const tls = ({ acceptAnyServer, secureContext, serverName }: Options) => ({
  secureContext,
  rejectUnauthorized: !acceptAnyServer,
  ...(serverName === undefined ? undefined : { servername: serverName })
})
