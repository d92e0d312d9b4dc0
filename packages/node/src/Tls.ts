/**
 * TLS without a client certificate: an `HttpClient` that trusts an authority of one's own, knows the server by another
 * name than its host's, or reaches it through a proxy. Servers are always verified, whatever
 * `NODE_TLS_REJECT_UNAUTHORIZED` says. Modes are layered on top of it; for a client certificate, see `ClientCertificate`.
 *
 * Proxies are undici's only: an agent of node:http neither counts connections that are still being made, nor wakes the
 * requests that wait for one which fails.
 *
 * @since 0.1.0
 */
import type { ClientCertificateError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as System from "@effect-auth/core/System"
import * as Transport from "@effect-auth/core/Transport"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Certificate from "./internal/certificate.ts"
import * as Handshake from "./internal/handshake.ts"
import * as Pool from "./internal/pool.ts"
import * as Proxies from "./internal/proxy.ts"
import * as Unverified from "./internal/unverified.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** PEM or DER: the authority that signed the server's certificate, or a self-signed certificate itself. Read once. */
  readonly caFile?: string | undefined
  /** The same as PEM. */
  readonly ca?: string | undefined
  /** Whether to trust these authorities only. Default: they are added to those that come with Node. */
  readonly caOnly?: boolean | undefined
  /** The name in the server's certificate, if it is not the host of the URL; also sent as SNI (RFC 6066 section 3). */
  readonly serverName?: string | undefined
  /** The most connections to one origin. Default: as many as there are concurrent requests. */
  readonly connections?: number | undefined
  /**
   * Whether to accept every server, whatever its certificate: an attacker on the way then gets the credentials. The log
   * says so when the client is built. Default: no, even with `NODE_TLS_REJECT_UNAUTHORIZED=0`.
   */
  readonly dangerouslyAcceptAnyServerCertificate?: boolean | undefined
}

/**
 * {@link Options} with a way through proxies.
 *
 * @since 0.1.0
 * @category models
 */
export interface UndiciOptions extends Options {
  /** The proxies on the way; {@link proxyConfig} reads those of the environment. Default: none. */
  readonly proxy?: Proxies.Proxy | undefined
}

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Proxy
} from "./internal/proxy.ts"

/**
 * An `HttpClient` over undici. Fails with `InvalidSetting` when an authority or a proxy cannot be used. A handshake that
 * fails later is the cause of the request's error, as `HandshakeFailed`, and so is a proxy that refuses, as `ProxyFailed`.
 *
 * @example
 * ```ts
 * import * as Tls from "@effect-auth/node/Tls"
 *
 * // the certificate that an IBM MQ container makes for itself is for the name localhost
 * const Transport = Tls.layerUndici({ caFile: "/etc/acme/mqweb.pem", serverName: "localhost" })
 *
 * const Proxied = Tls.layerUndici({ proxy: { https: "http://proxy.acme.example:3128", noProxy: ".acme.example" } })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndici = (options: UndiciOptions): Layer.Layer<HttpClient.HttpClient, InvalidSetting> =>
  layer(
    options.proxy === undefined
      ? make(options, Pool.undici)
      : Effect.flatMap(Proxies.routes(options.proxy), (routes) => make(options, Pool.undici, routes))
  )

/**
 * {@link layerUndici} with its options from Config.
 *
 * @example
 * ```ts
 * import * as Tls from "@effect-auth/node/Tls"
 * import * as Config from "effect/Config"
 *
 * // MQ_CA_FILE, MQ_SERVER_NAME, ..., HTTPS_PROXY, NO_PROXY
 * const Transport = Tls.layerUndiciConfig(Tls.config("MQ"))
 *
 * // the bundle that Python's requests trusts
 * const Bundle = Tls.layerUndiciConfig({ caFile: Config.string("REQUESTS_CA_BUNDLE"), proxy: Tls.proxyConfig })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndiciConfig = (
  options: Config.Config.Wrap<UndiciOptions>
): Layer.Layer<HttpClient.HttpClient, InvalidSetting | ConfigError> => System.layerConfig(options, layerUndici)

/**
 * An `HttpClient` over node:http, with connections kept alive; otherwise as {@link layerUndici}, but without proxies.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNodeHttp = (options: Options): Layer.Layer<HttpClient.HttpClient, InvalidSetting> =>
  layer(make(options, Pool.nodeHttp))

/**
 * {@link layerNodeHttp} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNodeHttpConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<HttpClient.HttpClient, InvalidSetting | ConfigError> => System.layerConfig(options, layerNodeHttp)

/**
 * The options of {@link layerUndici} from `<prefix>_CA_FILE` or `<prefix>_CA`, `<prefix>_CA_ONLY` and
 * `<prefix>_SERVER_NAME`, with the proxies of {@link proxyConfig}. Unset and empty variables are left out.
 *
 * @since 0.1.0
 * @category config
 */
export const config = (prefix: string): Config.Config<UndiciOptions> =>
  Credential.explainedConfig(Config.all({
    caFile: variable(`${prefix}_CA_FILE`),
    ca: variable(`${prefix}_CA`),
    caOnly: optional(Credential.booleanConfig(`${prefix}_CA_ONLY`)),
    serverName: variable(`${prefix}_SERVER_NAME`),
    proxy: proxyConfig
  }))

/**
 * The proxies of the environment: `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, each also in lower case, which comes first,
 * as for curl. Unset and empty variables are left out. `HTTP_PROXY` in upper case is ignored where `REQUEST_METHOD` is
 * set: in a CGI program it is what a client wrote into its `Proxy` header (CVE-2016-5385).
 *
 * @since 0.1.0
 * @category config
 */
export const proxyConfig: Config.Config<Proxies.Proxy> = Credential.explainedConfig(Config.map(
  Config.all({
    https: proxyVariable("https_proxy"),
    HTTPS: proxyVariable("HTTPS_PROXY"),
    http: proxyVariable("http_proxy"),
    HTTP: proxyVariable("HTTP_PROXY"),
    no: variable("no_proxy"),
    NO: variable("NO_PROXY"),
    cgi: variable("REQUEST_METHOD")
  }),
  ({ HTTP, HTTPS, NO, cgi, http, https, no }): Proxies.Proxy => ({
    https: https ?? HTTPS,
    http: http ?? (cgi === undefined ? HTTP : undefined),
    noProxy: no ?? NO
  })
))

const layer = (
  client: Effect.Effect<HttpClient.HttpClient, InvalidSetting, FileSystem.FileSystem | Scope.Scope>
): Layer.Layer<HttpClient.HttpClient, InvalidSetting> =>
  Layer.provide(Layer.scoped(HttpClient.HttpClient, client), NodeFileSystem.layer)

const make = <P>(
  options: Options,
  transport: Pool.Transport<P>,
  routes?: Proxies.Routes
): Effect.Effect<HttpClient.HttpClient, InvalidSetting, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    yield* consistent(options)
    yield* Pool.checkedConnections(options.connections)
    const fs = yield* FileSystem.FileSystem
    const acceptAnyServer = yield* Unverified.accepted(options)
    const secureContext = yield* Certificate.readAuthorities(fs, options).pipe(
      Effect.flatMap((ca) => Certificate.anonymous(ca, options)),
      Effect.mapError(({ problem, source }: ClientCertificateError) => new InvalidSetting({ setting: source, problem }))
    )
    const unanswered = new WeakSet<WeakKey>()
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() =>
        transport.open({
          secureContext,
          serverName: options.serverName,
          connections: options.connections,
          acceptAnyServer,
          proxy: routes === undefined ? undefined : { routes, secureContext },
          unanswered
        })
      ),
      transport.destroy
    )
    const trusted = Certificate.trustedBy(options)
    const client = yield* transport.client(() => pool)
    return Transport.withoutRedirects(HttpClient.transformResponse(
      client,
      Effect.mapError((error) => Handshake.explain(error, { identity: undefined, trusted, unanswered }))
    ))
  })

const consistent = ({ ca, caFile, caOnly }: Options): Either.Either<void, InvalidSetting> =>
  ca !== undefined && caFile !== undefined
    ? Either.left(new InvalidSetting({ setting: "ca", problem: "must not be given together with caFile" }))
    : caOnly === true && ca === undefined && caFile === undefined
    ? Either.left(new InvalidSetting({ setting: "caOnly", problem: "needs ca or caFile" }))
    : Either.void

function variable(name: string): Config.Config<string | undefined> {
  return optional(Credential.variableConfig(name, Either.right))
}

function proxyVariable(name: string): Config.Config<Redacted.Redacted | undefined> {
  return optional(Config.map(
    Credential.variableConfig(name, (text) => Either.map(Proxies.parse(text), () => text)),
    (text) => Redacted.make(text)
  ))
}

function optional<A>(config: Config.Config<A>): Config.Config<A | undefined> {
  return Config.map(Config.option(config), Option.getOrUndefined)
}
