/**
 * Qualys: authenticated access to the hosts of a platform. Each way to authenticate is a mode of its own, because each
 * gives access to other hosts:
 *
 * | mode             | layer          | credentials on a request | relative URLs are below | also reaches |
 * |------------------|----------------|--------------------------|-------------------------|--------------|
 * | `Qualys/Basic`   | `layerBasic`   | user name and password   | the API host            | the UI host  |
 * | `Qualys/Session` | `layerSession` | a session cookie         | the API host            |              |
 * | `Qualys/Jwt`     | `layerJwt`     | a JWT of the gateway     | the gateway             | the API host with `alsoApi` |
 * | `Qualys/ClientCredentials` | `layerClientCredentials` | a JWT of the gateway | the gateway | the API host |
 * | `Qualys/Bearer`  | `layerBearer`  | another provider's token | the API host            | the gateway  |
 *
 * `X-Requested-With`, without which the API refuses every call, is on each request that does not set its own.
 *
 * @since 0.1.0
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Clients from "./internal/clients.ts"
import * as Layers from "./internal/layers.ts"
import type {
  Client,
  Login,
  Mode,
  ModeLayer,
  ModeName,
  Needs,
  Options,
  PlainOptions,
  Settings,
  TaggedCredential,
  TokenCredential
} from "./internal/mode.ts"
import { modeOf, QualysClient } from "./internal/mode.ts"
import * as Tokens from "./internal/tokens.ts"
import type { Account, ApiAccess, GatewayAccess } from "./QualysAccess.ts"
import type * as QualysCredential from "./QualysCredential.ts"

export {
  /**
   * @since 0.1.0
   * @category tags
   */
  Account,
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
  requireAccount,
  /**
   * @since 0.1.0
   * @category combinators
   */
  requireApi,
  /**
   * @since 0.1.0
   * @category combinators
   */
  requireGateway,
  /**
   * @since 0.1.0
   * @category encoding
   */
  revealJson
} from "./QualysAccess.ts"

export {
  /**
   * The client of Qualys, whatever its mode. Every layer of this module provides it.
   *
   * @since 0.1.0
   * @category tags
   */
  QualysClient,
  /**
   * `QualysClient` under the name it has in every system.
   *
   * @since 0.1.0
   * @category tags
   */
  QualysClient as Client
}

export type { Login, Mode, ModeLayer, ModeName, Options, PlainOptions, Settings, TaggedCredential }

/**
 * A client in the mode of the given credential.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options & { readonly credential: TaggedCredential }): Client<ExchangeError> => {
  const { credential } = options
  switch (credential._tag) {
    case "Basic":
      return Clients.basic(credential, options)
    case "Bearer":
      return Clients.bearer(credential, options)
    case "Jwt":
    case "Session":
    case "ClientCredentials":
      return Effect.flatMap(
        makeTokens({ ...options, credential }),
        (tokens) => makeWith(tokens, { ...options, credential })
      )
  }
}

/**
 * The tokens of a mode by themselves, to watch them or to share one session among clients made by {@link makeWith}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = (
  options: Options & { readonly credential: TokenCredential }
): Effect.Effect<TokenSource, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope> => {
  const { credential } = options
  switch (credential._tag) {
    case "Jwt":
      return Tokens.jwt(credential, options)
    case "Session":
      return Tokens.session(credential, options)
    case "ClientCredentials":
      return Tokens.clientCredentials(credential, options)
  }
}

/**
 * A client on tokens of {@link makeTokens}; without a credential, on those of another provider, in the mode
 * `Qualys/Bearer`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = (
  tokens: TokenSource,
  options: Options & { readonly credential?: TokenCredential | undefined }
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> => {
  const { credential } = options
  switch (credential?._tag) {
    case undefined:
      return Clients.bearerOf(tokens, options)
    case "Jwt":
      return Clients.jwt(tokens, credential, options)
    case "Session":
      return Clients.session(tokens, credential, options)
    case "ClientCredentials":
      return Clients.clientCredentials(tokens, options)
  }
}

/**
 * The mode of the given credential as a layer, for programs that learn their mode at run time. A function that needs a
 * certain mode or host is wrapped in {@link require}, {@link requireApi} or {@link requireGateway}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const C extends TaggedCredential>(
  options: Options & { readonly credential: C }
): ModeLayer<Mode<C>, never, ExchangeError> => {
  const credential: TaggedCredential = options.credential
  const mode = modeOf(options.credential)
  switch (credential._tag) {
    case "Basic":
      return Layers.basic(mode, credential, options)
    case "Session":
      return Layers.session(mode, credential, options)
    case "Jwt":
      return Layers.jwt(mode, credential, options)
    case "ClientCredentials":
      return Layers.clientCredentials(mode, credential, options)
    case "Bearer":
      return Layers.bearer(mode, credential, options)
  }
}

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <C extends TaggedCredential>(
  config: Config.Config.Wrap<Settings & { readonly credential: C }>,
  options?: PlainOptions
): ModeLayer<Mode<C>, never, ExchangeError | ConfigError> =>
  System.layerConfig(
    config,
    (settings): ModeLayer<Mode<C>, never, ExchangeError> => layer<C>({ ...options, ...settings })
  )

/**
 * User name and password on every call to the API host.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = <R = never>(
  options: Options & { readonly credential: Given<Login, R> }
): ModeLayer<"Qualys/Basic", ApiAccess | Account, never, R> => Layers.basic("Qualys/Basic", options.credential, options)

/**
 * {@link layerBasic} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasicConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Login }>,
  options?: PlainOptions
): ModeLayer<"Qualys/Basic", ApiAccess | Account, ConfigError> =>
  System.layerConfig(config, (settings) => layerBasic({ ...options, ...settings }))

/**
 * User name and password, exchanged for a JWT that lives for four hours. It is renewed by a new login before it expires,
 * and when the gateway refuses it.
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
 *   refreshPolicy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.beforeExpiry("1 minute")))
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerJwt: {
  <R = never>(
    options: Options & { readonly credential: Given<Login, R>; readonly alsoApi: true }
  ): ModeLayer<"Qualys/Jwt", ApiAccess | GatewayAccess | Account, ExchangeError, R>
  <R = never>(
    options: Options & { readonly credential: Given<Login, R> }
  ): ModeLayer<"Qualys/Jwt", GatewayAccess | Account, ExchangeError, R>
} = <R = never>(
  options: Options & { readonly credential: Given<Login, R> }
): ModeLayer<"Qualys/Jwt", ApiAccess | GatewayAccess | Account, ExchangeError, R> =>
  Layers.jwt("Qualys/Jwt", options.credential, options)

/**
 * {@link layerJwt} with its settings from Config.
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
export const layerJwtConfig: {
  (
    config: Config.Config.Wrap<Settings & { readonly credential: Login }>,
    options: PlainOptions & { readonly alsoApi: true }
  ): ModeLayer<"Qualys/Jwt", ApiAccess | GatewayAccess | Account, ExchangeError | ConfigError>
  (
    config: Config.Config.Wrap<Settings & { readonly credential: Login }>,
    options?: PlainOptions
  ): ModeLayer<"Qualys/Jwt", GatewayAccess | Account, ExchangeError | ConfigError>
} = (
  config: Config.Config.Wrap<Settings & { readonly credential: Login }>,
  options?: PlainOptions
): ModeLayer<"Qualys/Jwt", ApiAccess | GatewayAccess | Account, ExchangeError | ConfigError> =>
  System.layerConfig(
    config,
    ({ credential, ...settings }) =>
      Layers.jwt<"Qualys/Jwt", never>("Qualys/Jwt", credential, { ...options, ...settings })
  )

/**
 * User name and password, exchanged for a session cookie. The session is logged out when the Scope ends, because a
 * subscription may have few of them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSession = <R = never>(
  options: Options & { readonly credential: Given<Login, R> }
): ModeLayer<"Qualys/Session", ApiAccess | Account, ExchangeError, R> =>
  Layers.session("Qualys/Session", options.credential, options)

/**
 * {@link layerSession} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSessionConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Login }>,
  options?: PlainOptions
): ModeLayer<"Qualys/Session", ApiAccess | Account, ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings) => layerSession({ ...options, ...settings }))

/**
 * The id and secret of a client that Qualys manages, exchanged for a JWT of four hours, for the gateway and the API host. It
 * is renewed by the same exchange before it expires, and when it is refused.
 *
 * @example
 * ```ts
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import * as QualysCredential from "@effect-auth/qualys/QualysCredential"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const program = Effect.gen(function*() {
 *   const http = yield* Qualys.Client
 *   const { hosts } = yield* Qualys.ApiAccess
 *   return yield* http.get(`${hosts.api}/qps/rest/3.0/count/was/webapp`)
 * }).pipe(Effect.provide(Qualys.layerClientCredentials({
 *   platform: "qg2",
 *   credential: { clientId: "reporting", clientSecret: Redacted.make("..."), level: "user" }
 * })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCredentials = <R = never>(
  options: Options & { readonly credential: Given<Untagged<QualysCredential.ClientCredentials>, R> }
): ModeLayer<"Qualys/ClientCredentials", ApiAccess | GatewayAccess, ExchangeError, R> =>
  Layers.clientCredentials("Qualys/ClientCredentials", options.credential, options)

/**
 * {@link layerClientCredentials} with its settings from Config, such as `QualysCredential.clientCredentialsConfig` reads.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCredentialsConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: QualysCredential.ClientCredentials }>,
  options?: PlainOptions
): ModeLayer<"Qualys/ClientCredentials", ApiAccess | GatewayAccess, ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings) => layerClientCredentials({ ...options, ...settings }))

/**
 * A token of the identity provider the subscription trusts, for the API host and the gateway: a fixed one, one that an
 * Effect gives, or with `tokens` those of a source, such as any mode of OAuth makes, which is then renewed before it expires
 * and once when Qualys refuses it. What the `Options` say of a session is for the source to say.
 *
 * @example
 * ```ts
 * import type { TokenSource } from "@effect-auth/core/TokenSource"
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import type * as Effect from "effect/Effect"
 * import type * as Scope from "effect/Scope"
 *
 * declare const tokens: Effect.Effect<TokenSource, never, Scope.Scope> // such as ClientCredentials.makeTokens of OAuth
 *
 * const Api = Qualys.layerBearer({ platform: "qg2", tokens })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBearer: {
  <E = never, R = never>(
    options: Options & { readonly tokens: TokenSource | Effect.Effect<TokenSource, E, R> }
  ): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess, E, Exclude<R, Needs>>
  <R = never>(
    options: Options & { readonly credential: Given<Untagged<Credential.Bearer>, R> }
  ): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess, never, R>
} = <E, R>(
  options:
    & Options
    & (
      | { readonly tokens: TokenSource | Effect.Effect<TokenSource, E, R> }
      | { readonly credential: Given<Untagged<Credential.Bearer>, R> }
    )
): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess, E, R> =>
  "tokens" in options
    ? Layers.bearerOf("Qualys/Bearer", options.tokens, options)
    : Layers.bearer("Qualys/Bearer", options.credential, options)

/**
 * {@link layerBearer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBearerConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Credential.Bearer }>,
  options?: PlainOptions
): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess, ConfigError> =>
  System.layerConfig(config, (settings) => layerBearer({ ...options, ...settings }))

/**
 * User name and password from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const credentialConfig = (prefix: string): Config.Config<Credential.Basic> => Credential.basicConfig(prefix)

/**
 * Checks at run time that the client has this mode, for layers whose mode was decoded from data. Fails with
 * `AuthModeMismatch` before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const require = <const Name extends ModeName>(
  mode: Name
): <A, E, R>(
  self: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode.AuthMode<Name>> | QualysClient> =>
  AuthMode.require(mode, QualysClient)
