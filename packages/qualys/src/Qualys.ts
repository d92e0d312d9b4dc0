/**
 * Qualys: authenticated access to the hosts of a platform. Each way of proving who you are is a mode of its own, because
 * each opens other doors:
 *
 * | mode             | proof                        | relative URLs are below | also reaches |
 * |------------------|------------------------------|-------------------------|--------------|
 * | `Qualys/Basic`   | user name and password       | the API host            | the UI host  |
 * | `Qualys/Session` | a session cookie             | the API host            |              |
 * | `Qualys/Jwt`     | a JWT of the gateway         | the gateway             |              |
 * | `Qualys/Bearer`  | another provider's token     | the API host            | the gateway  |
 *
 * `X-Requested-With`, without which the API refuses every call, is on each request that does not carry its own.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type { TokenStore } from "@effect-auth/core/TokenStore"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Jwt from "./internal/jwt.ts"
import * as Refusal from "./internal/refusal.ts"
import * as Session from "./internal/session.ts"
import * as Platform from "./Platform.ts"
import type { Access } from "./QualysAccess.ts"
import { ApiAccess, GatewayAccess } from "./QualysAccess.ts"
import type { QualysCredential } from "./QualysCredential.ts"
import { limits } from "./QualysQuota.ts"

export {
  /**
   * @since 0.1.0
   * @category tags
   */
  ApiAccess,
  /**
   * @since 0.1.0
   * @category tags
   */
  GatewayAccess,
  /**
   * @since 0.1.0
   * @category combinators
   */
  requireApi,
  /**
   * @since 0.1.0
   * @category combinators
   */
  requireGateway
} from "./QualysAccess.ts"

export {
  /**
   * @since 0.1.0
   * @category presets
   */
  limits
} from "./QualysQuota.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface CommonOptions extends Omit<AuthenticatedHttpClient.Options, "baseUrl"> {
  /** Where the account lives; default: the credential's platform, else `qg3`. */
  readonly platform?: Platform.Platform | undefined
  /** How quotas are respected; default: {@link limits}, which sleep as long as Qualys says, a day at the most. */
  readonly limits?: AuthenticatedHttpClient.Options["limits"]
}

/**
 * User name and password, as {@link credentialConfig} or `QualysCredential` give them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Login {
  readonly username: string
  readonly password: Redacted.Redacted
  /** A JWT that was obtained before. The mode `Qualys/Jwt` begins with it while it is good. */
  readonly token?: Redacted.Redacted | null | undefined
  readonly platform?: Platform.Platform | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface BasicOptions extends CommonOptions {
  readonly credential: Login
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SessionOptions extends BasicOptions {
  /** How a login is tried again, and how long the end of the Scope waits for the logout. */
  readonly refresh?: RefreshPolicy.RefreshPolicy | undefined
  /** Where sessions outlive this process; they are then not logged out. */
  readonly store?: TokenStore | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface JwtOptions extends BasicOptions {
  /** When and how the JWT is renewed. */
  readonly refresh?: RefreshPolicy.RefreshPolicy | undefined
  /** Where JWTs outlive this process. */
  readonly store?: TokenStore | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface BearerOptions extends CommonOptions {
  /** A token of the identity provider that the subscription trusts. */
  readonly credential: Credential.Bearer
}

/**
 * What a client can fail with when it is made: before anything is sent.
 *
 * @since 0.1.0
 * @category models
 */
export type SetupError = InvalidSetting | InsecureTransport

/**
 * User name and password on every call to the API host.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeBasic = (
  options: BasicOptions
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.flatMap(account(options), ({ hosts, login, platform }) =>
    connect(
      Authenticator.basic(login, { mode: "Qualys/Basic", explain: Refusal.explainLogin(platform) }),
      options,
      [hosts.api, hosts.ui]
    )).pipe(requestedWith)

/**
 * User name and password, exchanged for a JWT that lives for four hours. It is renewed by a new login before it
 * expires, and once when the gateway refuses it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeJwt = (
  options: JwtOptions
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function*() {
    const { hosts, login, platform } = yield* account(options)
    const mode = "Qualys/Jwt"
    const obtain = Jwt.login({ mode, platform, gateway: hosts.gateway }, login)
    const { token } = options.credential
    const tokens = yield* TokenSource.make({
      mode,
      login: token === undefined || token === null ? obtain : yield* Jwt.resume(mode, token, obtain),
      policy: options.refresh,
      store: options.store
    })
    return yield* connect(Authenticator.bearer(tokens, { mode, explain: Refusal.explainCall }), options, [
      hosts.gateway
    ])
  }).pipe(requestedWith)

/**
 * User name and password, exchanged for a session cookie. The session is logged out when the Scope ends: a subscription
 * may have few of them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSession = (
  options: SessionOptions
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function*() {
    const { hosts, login, platform } = yield* account(options)
    const mode = "Qualys/Session"
    const endpoint = { mode, platform, api: hosts.api }
    const tokens = yield* TokenSource.make({
      mode,
      login: Session.login(endpoint, login),
      logout: Session.logout(endpoint),
      policy: options.refresh,
      store: options.store
    })
    const authenticator = Authenticator.fromTokens(tokens, {
      mode,
      explain: Refusal.explainCall,
      sign: (token) => Authenticator.cookie(Session.cookieName, Redacted.value(token.value)),
      places: Authenticator.cookie(Session.cookieName, "").places
    })
    return yield* connect(authenticator, options, [hosts.api])
  }).pipe(requestedWith)

/**
 * A token of another identity provider, for the API host and the gateway. It is not renewed here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeBearer = (
  options: BearerOptions
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.flatMap(locate(options), ({ hosts }) =>
    connect(
      Authenticator.bearer(options.credential, { mode: "Qualys/Bearer", explain: Refusal.explainCall }),
      options,
      [hosts.api, hosts.gateway]
    )).pipe(requestedWith)

/**
 * {@link makeBasic} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = (options: BasicOptions): ModeLayer<"Qualys/Basic", ApiAccess> =>
  Layer.merge(
    AuthenticatedHttpClient.layerMode("Qualys/Basic", makeBasic(options)),
    access(ApiAccess, "Qualys/Basic", options)
  )

/**
 * {@link makeJwt} as a layer.
 *
 * @example
 * ```ts
 * import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import * as Redacted from "effect/Redacted"
 *
 * const Gateway = Qualys.layerJwt({
 *   platform: "qg2",
 *   credential: { username: "reader", password: Redacted.make("…") },
 *   refresh: RefreshPolicy.default.pipe(RefreshPolicy.renew(RefreshPolicy.beforeExpiry("1 minute")))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerJwt = (options: JwtOptions): ModeLayer<"Qualys/Jwt", GatewayAccess> =>
  Layer.merge(
    AuthenticatedHttpClient.layerMode("Qualys/Jwt", makeJwt(options)),
    access(GatewayAccess, "Qualys/Jwt", options)
  )

/**
 * {@link makeSession} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSession = (options: SessionOptions): ModeLayer<"Qualys/Session", ApiAccess> =>
  Layer.merge(
    AuthenticatedHttpClient.layerMode("Qualys/Session", makeSession(options)),
    access(ApiAccess, "Qualys/Session", options)
  )

/**
 * {@link makeBearer} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBearer = (options: BearerOptions): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess> =>
  Layer.mergeAll(
    AuthenticatedHttpClient.layerMode("Qualys/Bearer", makeBearer(options)),
    access(ApiAccess, "Qualys/Bearer", options),
    access(GatewayAccess, "Qualys/Bearer", options)
  )

/**
 * The mode that a credential asks for: `Qualys/Basic` or `Qualys/Jwt`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends QualysCredential> = typeof modes[C["authType"]]

/**
 * The client that a decoded credential asks for: {@link makeBasic} or {@link makeJwt}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: JwtOptions & { readonly credential: QualysCredential }
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient | Scope.Scope> =>
  options.credential.authType === "basic" ? makeBasic(options) : makeJwt(options)

/**
 * {@link make} as a layer, for programs that learn their mode at run time. Functions that need a certain one are guarded
 * by {@link requireApi}, {@link requireGateway} or `AuthMode.require`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <C extends QualysCredential>(
  options: JwtOptions & { readonly credential: C }
): ModeLayer<Mode<C>> => {
  const mode = modeOf(options.credential)
  const evidence: Layer.Layer<never, InvalidSetting> = options.credential.authType === "basic"
    ? access(ApiAccess, mode, options)
    : access(GatewayAccess, mode, options)
  return Layer.merge(AuthenticatedHttpClient.layerMode(mode, make(options)), evidence)
}

/**
 * {@link layerBasic} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasicConfig = (
  options: Config.Config.Wrap<BasicOptions>
): ModeLayer<"Qualys/Basic", ApiAccess, ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerBasic))

/**
 * {@link layerJwt} with its options from Config.
 *
 * @example
 * ```ts
 * import * as Platform from "@effect-auth/qualys/Platform"
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 *
 * const Gateway = Qualys.layerJwtConfig({
 *   platform: Platform.config("QUALYS_PLATFORM"),
 *   credential: Qualys.credentialConfig("QUALYS")
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerJwtConfig = (
  options: Config.Config.Wrap<JwtOptions>
): ModeLayer<"Qualys/Jwt", GatewayAccess, ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerJwt))

/**
 * {@link layerSession} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSessionConfig = (
  options: Config.Config.Wrap<SessionOptions>
): ModeLayer<"Qualys/Session", ApiAccess, ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerSession))

/**
 * {@link layerBearer} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBearerConfig = (
  options: Config.Config.Wrap<BearerOptions>
): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess, ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layerBearer))

/**
 * {@link layer} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <C extends QualysCredential>(
  options: Config.Config.Wrap<JwtOptions & { readonly credential: C }>
): ModeLayer<Mode<C>, never, ConfigError> => Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

/**
 * User name and password from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const credentialConfig = (prefix: string): Config.Config<Credential.Basic> => Credential.basicConfig(prefix)

/**
 * What the layer of a mode provides: the client, the mode, and what the mode may call.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Mode extends string, Access = never, E = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AuthMode.AuthMode<Mode> | Access,
  SetupError | E,
  HttpClient.HttpClient
>

const modes = { basic: "Qualys/Basic", token: "Qualys/Jwt" } as const

const modeOf = <C extends QualysCredential>(credential: C): Mode<C> => {
  const authType: C["authType"] = credential.authType
  return modes[authType]
}

/** The platform and its hosts: as the options say, else as the account says. */
const locate = (options: BasicOptions | BearerOptions) => {
  const stated = "platform" in options.credential ? options.credential.platform : undefined
  const platform = options.platform ?? stated ?? Platform.defaultPlatform
  return Either.map(Platform.hosts(platform), (hosts) => ({ platform, hosts }))
}

/** The same, with a login that is fit to be sent. */
const account = (options: BasicOptions) =>
  Either.gen(function*() {
    const { password, username } = options.credential
    const login = yield* Credential.basic({ username, password })
    return { ...(yield* locate(options)), login }
  })

const connect = (
  authenticator: Authenticator.Authenticator,
  options: CommonOptions,
  [baseUrl, ...others]: readonly [string, ...ReadonlyArray<string>]
) =>
  AuthenticatedHttpClient.make(authenticator, {
    ...options,
    baseUrl,
    origins: [...others, ...(options.origins ?? [])],
    limits: options.limits ?? limits
  })

/** The API refuses a request without this header; its value says who calls. Logins need it too. */
const requestedWith: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | HttpClient.HttpClient> = Effect
  .updateService(
    HttpClient.HttpClient,
    HttpClient.mapRequest((request) =>
      "x-requested-with" in request.headers
        ? request
        : HttpClientRequest.setHeader(request, "x-requested-with", "effect-auth")
    )
  )

const access = <Self>(
  tag: Context.Tag<Self, Access>,
  mode: string,
  options: BasicOptions | BearerOptions
): Layer.Layer<Self, InvalidSetting> => Layer.effect(tag, Either.map(locate(options), ({ hosts }) => ({ mode, hosts })))
