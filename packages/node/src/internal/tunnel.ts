/**
 * Tunnels through proxies, by undici's `ProxyAgent`. What is added: a refusal keeps its status and names the proxy, a
 * proxy that does not answer is given up after ten seconds, and its password stays out of the URL that undici keeps.
 */
import * as Undici from "@effect/platform-node/Undici"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { Refusal, Server } from "./proxy.ts"

/** Why there is no tunnel; the error that undici's requests fail with. */
export class TunnelFailed extends Data.TaggedError("TunnelFailed")<Refusal> {}

/** What tunnels are made with. */
export interface Options {
  readonly server: Server
  /** TLS to the server, in the tunnel. */
  readonly requestTls: Undici.buildConnector.BuildOptions
  /** TLS to the proxy. */
  readonly proxyTls: Undici.buildConnector.BuildOptions
  /** The connections to one origin, given what connects them. */
  readonly pool: (origin: string | URL, given: object, connect: Undici.buildConnector.connector) => Undici.Dispatcher
}

/** A dispatcher whose every connection is a tunnel through the proxy. */
export const agent = ({ pool, proxyTls, requestTls, server }: Options): Undici.ProxyAgent =>
  new Agent({
    uri: server.origin,
    ...(server.authorization === undefined ? undefined : { token: Redacted.value(server.authorization) }),
    requestTls,
    proxyTls,
    // undici 8 makes none for http: URLs by itself
    proxyTunnel: true,
    clientFactory: (origin, given) => new Connections(server, origin, { ...given, headersTimeout: patience }),
    factory: (origin, given) =>
      Predicate.hasProperty(given, "connect") && isConnector(given.connect)
        ? pool(origin, given, given.connect)
        : new Undici.Pool(origin, given)
  })

/** `ProxyAgent` writes `Host` into the header fields that it is given, which are those of the platform's request. */
class Agent extends Undici.ProxyAgent {
  override dispatch(options: Undici.Agent.DispatchOptions, handler: Undici.Dispatcher.DispatchHandler): boolean {
    const { headers } = options
    return super.dispatch(Predicate.isRecord(headers) ? { ...options, headers: { ...headers } } : options, handler)
  }
}

/** In milliseconds; as long as undici waits for a connection. */
const patience = 10_000

const isConnector = (connect: unknown): connect is Undici.buildConnector.connector => typeof connect === "function"

type ConnectOptions = Omit<Undici.Dispatcher.ConnectOptions, "origin">

type ConnectData = Undici.Dispatcher.ConnectData

/** Connections to a proxy. `ProxyAgent` itself makes of every refusal the same error, with its status in the text. */
class Connections extends Undici.Pool {
  readonly #server: Server

  constructor(server: Server, origin: URL, options: Undici.Pool.Options) {
    super(origin, options)
    this.#server = server
  }

  override connect(options: ConnectOptions): Promise<ConnectData>
  override connect(options: ConnectOptions, callback: (error: Error | null, data: ConnectData) => void): void
  override connect(
    options: ConnectOptions,
    callback?: (error: Error | null, data: ConnectData) => void
  ): Promise<ConnectData> | void {
    if (callback !== undefined) return super.connect(options, callback)
    const failed = (outcome: Refusal["outcome"]) =>
      Promise.reject(new TunnelFailed({ server: this.#server, target: options.path, outcome }))
    return super.connect(options).then(
      (data) => {
        // any 2xx opens the tunnel (RFC 9110 section 9.3.6); ProxyAgent knows 200 only
        if (data.statusCode >= 200 && data.statusCode < 300) return { ...data, statusCode: 200 }
        data.socket.on("error", () => {}).destroy()
        return failed({
          _tag: "Answered",
          status: data.statusCode,
          challenges: String(data.headers["proxy-authenticate"] ?? "")
        })
      },
      (error: unknown) => failed({ _tag: "Failed", code: codeOf(error) })
    )
  }
}

const codeOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : undefined
