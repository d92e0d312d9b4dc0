/**
 * IBM MQ: authenticated access to its administrative REST API (mqweb). Each mode is a layer that provides an
 * `AuthenticatedHttpClient` for paths such as `/admin/qmgr`; going from one to another is one line.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type { TokenStore } from "@effect-auth/core/TokenStore"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Csrf from "./internal/csrf.ts"
import * as LtpaToken from "./internal/ltpa.ts"
import type { MqCredential, UserPassword } from "./MqCredential.ts"
import * as MqError from "./MqError.ts"

export {
  /**
   * @since 0.1.0
   * @category config
   */
  ltpaConfig as credentialConfig
} from "./MqCredential.ts"

/**
 * The mode of a credential: `IbmMq/Ltpa`, `IbmMq/Basic`, ...
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends MqCredential> = `IbmMq/${C["_tag"]}`

/**
 * The same for every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends AuthenticatedHttpClient.Options {
  /**
   * The value of the `ibm-mq-rest-csrf-token` header, which may be empty; `null` leaves the header out. Servers before
   * 9.0.5 hand out the value with a login; theirs is used then. Default: `local`.
   */
  readonly csrfToken?: string | null | undefined
  /**
   * LTPA: the whole name of the token's cookie, where the server was configured with a name of its own. Default: the
   * cookie whose name begins with `LtpaToken2`.
   */
  readonly cookieName?: string | undefined
  /**
   * LTPA: how long the server's tokens live (its `ltpaExpiration`); the cookie does not tell. A server that remembers
   * an earlier login of the user (ten minutes) answers with that login's token, which lives shorter; its refusal leads to
   * a new login. Default: 120 minutes, as the server's.
   */
  readonly lifetime?: Duration.DurationInput | undefined
  /** LTPA: whether to log in at once, so that wrong credentials fail the start. Default: with the first request. */
  readonly eager?: boolean | undefined
  /** LTPA: when and how tokens are renewed. */
  readonly refresh?: RefreshPolicy.RefreshPolicy | undefined
  /** LTPA: where tokens outlive this process. With it, the end of the Scope does not log out. */
  readonly store?: TokenStore | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<C extends MqCredential = MqCredential> extends Settings {
  readonly credential: C
}

type Client<E = never, R = never> = Effect.Effect<
  AuthenticatedHttpClient.Service,
  InvalidSetting | InsecureTransport | E,
  HttpClient.HttpClient | Scope.Scope | R
>

type ModeLayer<Name extends string, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AuthMode.AuthMode<Name>,
  InvalidSetting | InsecureTransport | E,
  HttpClient.HttpClient | R
>

/**
 * A client in the mode of the given credential. A client certificate has to be given to the `HttpClient` too: without
 * `MutualTls`, the evidence of it, that mode fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <C extends MqCredential>(options: Options<C>): Client<ExchangeError> => {
  const credential: MqCredential = options.credential
  switch (credential._tag) {
    case "Basic":
      return makeBasic({ ...options, credential })
    case "Ltpa":
      return makeLtpa({ ...options, credential })
    case "ClientCertificate":
      return Effect.provideServiceEffect(makeClientCertificate(options), MutualTls, installed)
  }
}

/**
 * The mode of the given credential as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <C extends MqCredential>(options: Options<C>): ModeLayer<Mode<C>, ExchangeError> =>
  AuthenticatedHttpClient.layerMode(modeOf(options.credential), make(options))

/**
 * {@link layer} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <C extends MqCredential>(
  options: Config.Config.Wrap<Options<C>>
): ModeLayer<Mode<C>, ExchangeError | ConfigError> => Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

/**
 * HTTP Basic: user name and password on every request. The user name has no colon (RFC 7617 section 2).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeBasic = (options: Options<UserPassword>): Client =>
  Effect.flatMap(Credential.basic(options.credential), (credential) =>
    bind(
      Authenticator.fixed(
        { mode: "IbmMq/Basic", explain: MqError.explain },
        Authenticator.signatures(Authenticator.userPass(credential), Csrf.signature(csrfToken(options)))
      ),
      options
    ))

/**
 * {@link makeBasic} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = (options: Options<UserPassword>): ModeLayer<"IbmMq/Basic"> =>
  AuthenticatedHttpClient.layerMode("IbmMq/Basic", makeBasic(options))

/**
 * {@link layerBasic} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasicConfig = (
  options: Config.Config.Wrap<Options<UserPassword>>
): ModeLayer<"IbmMq/Basic", ConfigError> => Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerBasic))

/**
 * LTPA: one login, then a cookie. Renewed before it expires, obtained anew when the server refuses it, logged out at
 * the end of the Scope. Fails with an error of the login only when that is `eager`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeLtpa = (options: Options<UserPassword>): Client<ExchangeError> =>
  Effect.gen(function*() {
    const mode = "IbmMq/Ltpa"
    const { baseUrl } = yield* OriginPolicy.make(options)
    const endpoint: LtpaToken.Endpoint = {
      baseUrl,
      mode,
      cookieName: options.cookieName,
      lifetime: options.lifetime ?? "120 minutes",
      csrfToken: csrfToken(options)
    }
    const tokens = yield* TokenSource.make({
      mode,
      login: LtpaToken.login(endpoint, options.credential),
      logout: LtpaToken.logout(endpoint),
      policy: options.refresh,
      store: options.store
    })
    if (options.eager === true) yield* tokens.get
    const authenticator = Authenticator.fromTokens(tokens, {
      mode,
      explain: MqError.explain,
      places: LtpaToken.places,
      sign: LtpaToken.sign(endpoint)
    })
    return yield* bind(authenticator, options)
  })

/**
 * {@link makeLtpa} as a layer.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
 * import * as MqCredential from "@effect-auth/ibm-mq/MqCredential"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const credential = new MqCredential.Ltpa({ username: "reader", password: Redacted.make("…") })
 * const Mq = IbmMq.layerLtpa({ baseUrl: "https://mq.example:9443/ibmmq/rest/v3", credential })
 * // const Mq = IbmMq.layerBasic({ baseUrl: "https://mq.example:9443/ibmmq/rest/v3", credential })
 *
 * const program = Effect.gen(function*() {
 *   const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
 *   const response = yield* http.get("/admin/qmgr")
 *   return yield* response.json
 * }).pipe(Effect.provide(Mq))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLtpa = (options: Options<UserPassword>): ModeLayer<"IbmMq/Ltpa", ExchangeError> =>
  AuthenticatedHttpClient.layerMode("IbmMq/Ltpa", makeLtpa(options))

/**
 * {@link layerLtpa} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLtpaConfig = (
  options: Config.Config.Wrap<Options<UserPassword>>
): ModeLayer<"IbmMq/Ltpa", ExchangeError | ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerLtpa))

/**
 * Client certificate: the proof is in TLS, and its common name is the user. The certificate itself is given to the
 * `HttpClient` (`@effect-auth/node`); a program without one does not compile. Every origin has to be https.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeClientCertificate = (options: Settings): Client<never, MutualTls> =>
  Effect.gen(function*() {
    yield* MutualTls
    const { origins } = yield* OriginPolicy.make(options)
    if (origins.some((origin) => !origin.startsWith("https:"))) {
      return yield* new InvalidSetting({
        setting: "baseUrl",
        problem: "must begin with https://, as must all origins: a client certificate is presented in TLS alone"
      })
    }
    return yield* bind(
      Authenticator.fixed(
        { mode: "IbmMq/ClientCertificate", explain: MqError.explain },
        Csrf.signature(csrfToken(options))
      ),
      options
    )
  })

/**
 * {@link makeClientCertificate} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCertificate = (
  options: Settings
): ModeLayer<"IbmMq/ClientCertificate", never, MutualTls> =>
  AuthenticatedHttpClient.layerMode("IbmMq/ClientCertificate", makeClientCertificate(options))

/**
 * {@link layerClientCertificate} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCertificateConfig = (
  options: Config.Config.Wrap<Settings>
): ModeLayer<"IbmMq/ClientCertificate", ConfigError, MutualTls> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerClientCertificate))

/** The evidence of a client certificate where the types could not ask for it. */
const installed = Effect.flatMap(
  Effect.serviceOption(MutualTls),
  Option.match({
    onNone: () =>
      Effect.fail(
        new InvalidSetting({ setting: "credential", problem: "is a client certificate, which the HttpClient lacks" })
      ),
    onSome: Effect.succeed
  })
)

const modeOf = <C extends MqCredential>(credential: C) => `IbmMq/${credential._tag}` as const

const csrfToken = ({ csrfToken }: Settings): string | null => csrfToken === undefined ? "local" : csrfToken

const bind = (
  authenticator: Authenticator.Authenticator,
  options: AuthenticatedHttpClient.Options
): Effect.Effect<AuthenticatedHttpClient.Service, InvalidSetting | InsecureTransport, HttpClient.HttpClient> =>
  Effect.map(AuthenticatedHttpClient.make(authenticator, options), HttpClient.mapRequest(acceptingJson))

/** mqweb answers in nothing but JSON, and wants to be asked for it. */
const acceptingJson = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  request.headers["accept"] === undefined ? HttpClientRequest.acceptJson(request) : request
