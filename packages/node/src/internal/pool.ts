/**
 * Connections that all present one certificate, and how a client moves from such a pool to the next: a request goes to
 * the pool that is current at the moment it is dispatched, and the previous pool closes each connection when it is idle.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import * as Https from "node:https"
import type * as Stream from "node:stream"
import type * as Tls from "node:tls"

/** The settings of every connection of a pool. */
export interface Options {
  readonly secureContext: Tls.SecureContext
  readonly serverName: string | undefined
  readonly connections: number | undefined
}

/** A transport in terms of its pools. */
export interface Transport<Pool> {
  readonly open: (options: Options) => Pool
  readonly client: (current: () => Pool) => Effect.Effect<HttpClient.HttpClient>
  /** Closes the connections as they become idle; done when all are closed, or when they will close by themselves. */
  readonly drain: (pool: Pool) => Effect.Effect<void>
  readonly destroy: (pool: Pool) => Effect.Effect<void>
}

export const undici: Transport<Undici.Agent> = {
  open: (options) => new Undici.Agent({ connect: tls(options), connections: options.connections ?? null }),
  client: (current) => Effect.sync(() => NodeHttpClient.makeUndici(new CurrentDispatcher(current))),
  drain: (agent) => Effect.promise(() => agent.close()),
  destroy: (agent) => Effect.promise(() => agent.destroy())
}

export const nodeHttp: Transport<DrainableAgent> = {
  open: (options) =>
    new DrainableAgent({ ...tls(options), keepAlive: true, maxSockets: options.connections ?? Infinity }),
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

/** Nothing runs between reading the current agent and its accepting the request, so no request meets a closed one. */
class CurrentDispatcher extends Undici.Dispatcher {
  readonly #current: () => Undici.Dispatcher

  constructor(current: () => Undici.Dispatcher) {
    super()
    this.#current = current
  }

  override dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler): boolean {
    return this.#current().dispatch(options, handler)
  }
}

/** An agent that stops keeping connections alive once it is drained. */
class DrainableAgent extends Https.Agent {
  #draining = false

  drain(): void {
    this.#draining = true
    for (const sockets of Object.values(this.freeSockets)) sockets?.forEach((socket) => socket.destroy())
  }

  /** Returns whether to keep the connection (nodejs.org/api/http.html#agentkeepsocketalivesocket). */
  override keepSocketAlive(socket: Stream.Duplex): unknown {
    return this.#draining ? false : super.keepSocketAlive(socket)
  }
}

const tls = ({ secureContext, serverName }: Options) => ({
  secureContext,
  ...(serverName === undefined ? undefined : { servername: serverName })
})
