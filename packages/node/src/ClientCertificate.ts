/**
 * Mutual TLS: an `HttpClient` that presents a client certificate, over undici or node:http. Modes are layered on top of
 * it, so that a certificate combines with a password, a token or nothing else.
 *
 * New files are picked up while the program runs: new connections present the new certificate, busy ones finish their
 * work. Files that cannot be used are reported, and the previous certificate stays in use.
 *
 * @since 0.1.0
 */
import type { ClientCertificateError, InvalidSetting } from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import type * as Credential from "@effect-auth/core/ClientCertificate"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as System from "@effect-auth/core/System"
import * as Transport from "@effect-auth/core/Transport"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Certificate from "./internal/certificate.ts"
import * as Expiry from "./internal/expiry.ts"
import * as Handshake from "./internal/handshake.ts"
import * as Pool from "./internal/pool.ts"
import * as Proxy from "./internal/proxy.ts"
import * as Unverified from "./internal/unverified.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly credential: Credential.ClientCertificate
  /** When to look for new files and at the certificate's expiry. Default: every 10 seconds. */
  readonly reload?: Schedule.Schedule<unknown> | undefined
  /** How long before the certificate expires to warn, once each. Default: 30, 7 and 1 days. */
  readonly warnBefore?: ReadonlyArray<DurationWithUnit> | undefined
  /** The most connections to one origin. Default: as many as there are concurrent requests. */
  readonly connections?: number | undefined
  /**
   * The highest TLS version. Default: `TLSv1.3`. Node cannot present a certificate after the handshake, which servers
   * request that want certificates for some paths only (`SSLVerifyClient` in an Apache `<Location>`, which then answers
   * 403). With `TLSv1.2` they renegotiate instead.
   */
  readonly maxVersion?: "TLSv1.2" | "TLSv1.3" | undefined
  /**
   * Whether to accept every server, whatever its certificate: an attacker on the way then gets the credentials. The log
   * says so when the client is built. Default: no, even with `NODE_TLS_REJECT_UNAUTHORIZED=0`.
   */
  readonly dangerouslyAcceptAnyServerCertificate?: boolean | undefined
}

/**
 * {@link Options} with a way through proxies, which only undici's transport has.
 *
 * @since 0.1.0
 * @category models
 */
export interface UndiciOptions extends Options {
  /** The proxies on the way, see `Tls.proxyConfig` for those of the environment. Default: none. */
  readonly proxy?: Proxy.Proxy | undefined
}

/**
 * What a certificate provides: a client that presents it, and the evidence of it.
 *
 * @since 0.1.0
 * @category models
 */
export type Services = HttpClient.HttpClient | MutualTls

/**
 * An `HttpClient` over undici, with the evidence. Fails with `ClientCertificateError` when the certificate cannot be
 * used, and with `InvalidSetting` when `connections` or a proxy's URL cannot be; a handshake that fails later is the cause of
 * the request's error, as `HandshakeFailed`, and so is a proxy that refuses, as `ProxyFailed`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeUndici = (
  options: UndiciOptions
): Effect.Effect<
  Context.Context<Services>,
  ClientCertificateError | InvalidSetting,
  FileSystem.FileSystem | Scope.Scope
> =>
  options.proxy === undefined
    ? make(options, Pool.undici)
    : Effect.flatMap(Proxy.routes(options.proxy), (routes) => make(options, Pool.undici, routes))

/**
 * An `HttpClient` over node:http, with connections kept alive; otherwise as {@link makeUndici}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNodeHttp = (
  options: Options
): Effect.Effect<
  Context.Context<Services>,
  ClientCertificateError | InvalidSetting,
  FileSystem.FileSystem | Scope.Scope
> => make(options, Pool.nodeHttp)

/**
 * {@link makeUndici} as a layer.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as Certificate from "@effect-auth/core/ClientCertificate"
 * import * as Credential from "@effect-auth/core/Credential"
 * import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const credential = new Certificate.ClientCertificate({ pkcs12File: "client.p12", passphrase: Redacted.make("…") })
 *
 * // a certificate and a password
 * const Acme = AuthenticatedHttpClient.layer(
 *   Effect.map(Credential.basic({ username: "reader", password: Redacted.make("…") }), (basic) => Authenticator.basic(basic)),
 *   { baseUrl: "https://acme.example" }
 * ).pipe(Layer.provide(ClientCertificate.layerUndici({ credential })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndici = (options: UndiciOptions): Layer.Layer<Services, ClientCertificateError | InvalidSetting> =>
  Layer.provide(Layer.scopedContext(makeUndici(options)), NodeFileSystem.layer)

/**
 * {@link layerUndici} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndiciConfig = (
  options: Config.Config.Wrap<UndiciOptions>
): Layer.Layer<Services, ClientCertificateError | InvalidSetting | ConfigError> =>
  System.layerConfig(options, layerUndici)

/**
 * {@link makeNodeHttp} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNodeHttp = (options: Options): Layer.Layer<Services, ClientCertificateError | InvalidSetting> =>
  Layer.provide(Layer.scopedContext(makeNodeHttp(options)), NodeFileSystem.layer)

/**
 * {@link layerNodeHttp} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNodeHttpConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<Services, ClientCertificateError | InvalidSetting | ConfigError> =>
  System.layerConfig(options, layerNodeHttp)

/** The certificate in use, the connections that present it, and the warnings that were given. */
interface Current<P> {
  readonly identity: Certificate.Identity
  readonly pool: P
  /** The last threshold that was warned of, in days. */
  readonly warned: number
}

const make = <P>(
  options: Options,
  transport: Pool.Transport<P>,
  routes?: Proxy.Routes
): Effect.Effect<
  Context.Context<Services>,
  ClientCertificateError | InvalidSetting,
  FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const scope = yield* Effect.scope
    const { credential } = options
    yield* Pool.checkedConnections(options.connections)
    const acceptAnyServer = yield* Unverified.accepted(options)
    const thresholds = (options.warnBefore ?? ["30 days", "7 days", "1 day"]).map(Duration.toDays)

    const read = Certificate.read(fs, credential)
    const unanswered = new WeakSet<WeakKey>()
    const parse = (material: Certificate.Material) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.all({
          identity: Certificate.parse(material, credential, options, now),
          proxy: routes === undefined
            ? Effect.succeed(undefined)
            // the certificate is for servers, not for the proxy on the way
            : Effect.map(Certificate.anonymous(material.ca, credential), (secureContext) => ({ routes, secureContext }))
        }))
    const open = ({ identity, proxy }: Effect.Effect.Success<ReturnType<typeof parse>>): Current<P> => ({
      identity,
      pool: transport.open({
        secureContext: identity.secureContext,
        serverName: credential.serverName,
        connections: options.connections,
        acceptAnyServer,
        proxy,
        unanswered
      }),
      warned: Infinity
    })

    const current = MutableRef.make(open(yield* Effect.flatMap(read, parse)))
    /** What was wrong at the last look, and whether it was reported. */
    const trouble = MutableRef.make<{ readonly message: string; readonly said: boolean } | undefined>(undefined)
    yield* Effect.addFinalizer(() => transport.destroy(MutableRef.get(current).pool))

    const installed = (replaced: boolean) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const { identity } = MutableRef.get(current)
        return AuthEvent.publish(AuthEvent.AuthEvent.CertificateInstalled({
          subject: nameOf(identity),
          serialNumber: identity.serialNumber,
          expiresIn: Duration.millis(Math.max(0, identity.notAfter - now)),
          replaced
        }))
      })

    const replace = (parsed: Effect.Effect.Success<ReturnType<typeof parse>>) =>
      Effect.uninterruptible(Effect.gen(function*() {
        const previous = MutableRef.getAndSet(current, open(parsed))
        yield* Effect.forkIn(
          Effect.onInterrupt(
            Effect.interruptible(transport.drain(previous.pool)),
            () => transport.destroy(previous.pool)
          ),
          scope
        )
        yield* installed(true)
      }))

    const reload = Effect.gen(function*() {
      const material = yield* read
      if (material.digest !== MutableRef.get(current).identity.digest) yield* replace(yield* parse(material))
      MutableRef.set(trouble, undefined)
    }).pipe(
      // certificate and key are not written at the same instant, so only a problem seen twice is reported
      Effect.catchAll((error) => {
        const before = MutableRef.get(trouble)
        const again = before !== undefined && before.message === error.message
        MutableRef.set(trouble, { message: error.message, said: again })
        return again && !before.said
          ? AuthEvent.publish(
            AuthEvent.AuthEvent.CertificateNotReplaced({ subject: nameOf(MutableRef.get(current).identity), error })
          )
          : Effect.void
      })
    )

    const watchExpiry = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { identity, warned } = MutableRef.get(current)
      const left = Expiry.daysLeft(identity.notAfter, now)
      const due = Expiry.due(left, thresholds, warned)
      const subject = nameOf(identity)
      if (due !== undefined) MutableRef.update(current, (current) => ({ ...current, warned: due }))
      return Effect.zipRight(
        Metric.update(Metric.tagged(AuthEvent.metrics.certificateDaysLeft, "subject", subject), left),
        due === undefined ? Effect.void : AuthEvent.publish(
          AuthEvent.AuthEvent.CertificateExpiring({
            subject,
            serialNumber: identity.serialNumber,
            expiresIn: Duration.millis(Math.max(0, identity.notAfter - now))
          })
        )
      )
    })

    yield* installed(false)
    yield* watchExpiry
    yield* Effect.forkScoped(
      Effect.schedule(Effect.zipRight(reload, watchExpiry), options.reload ?? Schedule.spaced("10 seconds"))
    )

    const trusted = Certificate.trustedBy(credential)
    const client = yield* transport.client(() => MutableRef.get(current).pool)
    const explained = HttpClient.transformResponse(
      client,
      Effect.mapError((error) =>
        Handshake.explain(error, { identity: MutableRef.get(current).identity, trusted, unanswered })
      )
    )
    return Context.make(HttpClient.HttpClient, Transport.withoutRedirects(explained)).pipe(Context.add(MutualTls, {
      get subject() {
        return MutableRef.get(current).identity.subject
      }
    }))
  })

const nameOf = (identity: Certificate.Identity): string =>
  Option.getOrElse(identity.subject, () => `without a subject (${identity.serialNumber})`)
