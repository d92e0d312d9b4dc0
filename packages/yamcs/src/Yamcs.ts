/**
 * Yamcs: authenticated access to its HTTP API. The credential is the mode; each mode is a layer that provides the client
 * of the system for paths such as `/api/user`.
 *
 * | mode                   | layer                 | on the wire                                                    |
 * |------------------------|-----------------------|----------------------------------------------------------------|
 * | `Yamcs/Password`       | `layerPassword`       | access token, refreshed; a login when that is refused          |
 * | `Yamcs/Bearer`         | `layerBearer`         | an access token obtained before, refreshed if it can be        |
 * | `Yamcs/ServiceAccount` | `layerServiceAccount` | client id and secret, as another account (`become`)            |
 * | `Yamcs/ApiKey`         | `layerApiKey`         | `x-api-key`                                                    |
 * | `Yamcs/Basic`          | `layerBasic`          | `Authorization: Basic`                                         |
 * | `Yamcs/Spnego`         | `layerSpnego`         | a Kerberos ticket, exchanged for an access token               |
 * | `Yamcs/OpenId`         | `layerOpenId`         | a login in a browser, then tokens as `Yamcs/Password` has them |
 * | `Yamcs/Anonymous`      | `layerAnonymous`      | nothing, for a server that admits everyone                     |
 *
 * @since 0.1.0
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as CoreCredential from "@effect-auth/core/Credential"
import type { Fields, Given, Untagged } from "@effect-auth/core/CredentialSource"
import type { Negotiate } from "@effect-auth/core/Negotiate"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { YamcsClient } from "./internal/client.ts"
import type {
  Client,
  Mode,
  ModeLayer,
  ModeName,
  OpenIdOptions,
  Options,
  Person,
  Settings,
  SpnegoOptions,
  TaggedCredential,
  TokenCredential
} from "./internal/mode.ts"
import { bindTokens, layerOf, layerTokens, modeOf } from "./internal/mode.ts"
import * as Sessionless from "./internal/sessionless.ts"
import * as Sessions from "./internal/sessions.ts"
import type { ApiKey, OpenId, Password, ServiceAccount, Session, Spnego } from "./YamcsCredential.ts"
import * as Credentials from "./YamcsCredential.ts"

export {
  /**
   * @since 0.1.0
   * @category constructors
   */
  anonymous,
  /**
   * @since 0.1.0
   * @category config
   */
  credentialConfig
} from "./YamcsCredential.ts"

export {
  /**
   * @since 0.1.0
   * @category requests
   */
  authInfo,
  /**
   * @since 0.1.0
   * @category requests
   */
  user
} from "./YamcsApi.ts"

export {
  /**
   * The subscriptions of the client of a layer below: see `YamcsSubscription`.
   *
   * @since 0.1.0
   * @category layers
   */
  layer as layerSubscriptions,
  /**
   * A subscription as a stream: see `YamcsSubscription`.
   *
   * @since 0.1.0
   * @category subscriptions
   */
  subscribe
} from "./YamcsSubscription.ts"

export {
  /**
   * The client of Yamcs, whatever its mode. Every layer of this module provides it.
   *
   * @since 0.1.0
   * @category tags
   */
  YamcsClient,
  /**
   * `YamcsClient` under the name it has in every system.
   *
   * @since 0.1.0
   * @category tags
   */
  YamcsClient as Client
}

export type { Mode, ModeLayer, ModeName, OpenIdOptions, Options, Person, Settings, SpnegoOptions, TaggedCredential }

export {
  /**
   * Renews five minutes before expiry (after 80 % of the lifetime if that is later). A token with a refresh token is renewed
   * with the first request after 15 minutes at the latest: its session ends when it is not refreshed for 30 minutes
   * (`SessionManager`), so a program that makes a request every 15 minutes keeps it, and so does one that makes one at any
   * regular interval below 30. A transient failure is retried up to three times, 429 up to eight times. The waits begin at
   * half a second and are jittered, because the server counts requests by address and does not say how long to wait.
   *
   * A session that cannot be logged in again without a person (`Yamcs/Bearer` with a refresh token, `Yamcs/OpenId`) is also
   * renewed while no request is made.
   *
   * @example
   * ```ts
   * import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
   * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
   *
   * // keeps refreshing while no request is made, so that the session never ends
   * const refreshPolicy = Yamcs.refreshPolicy.pipe(RefreshPolicy.keepAlive(true))
   * ```
   *
   * @since 0.1.0
   * @category policies
   */
  refreshPolicy
} from "./internal/mode.ts"

/**
 * A client in the mode of the given credential.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options & { readonly credential: TaggedCredential }
): Client<ExchangeError> => {
  const { credential } = options
  switch (credential._tag) {
    case "ApiKey":
      return Sessionless.apiKey(credential, options)
    case "Basic":
      return Sessionless.basic(credential, options)
    case "Anonymous":
      return Sessionless.anonymous(options)
    case "Bearer":
    case "Password":
    case "ServiceAccount":
      return Effect.flatMap(
        makeTokens({ ...options, credential }),
        (tokens) => makeWith(tokens, { ...options, credential })
      )
  }
}

/**
 * The tokens of a mode by themselves, for what is more than a request and a response: a WebSocket that needs one in its
 * handshake, or a display that follows `changes`. {@link makeWith} makes a client that shares them.
 *
 * @example
 * ```ts
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import { type Password } from "@effect-auth/yamcs/YamcsCredential"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const program = (credential: Password) =>
 *   Effect.gen(function*() {
 *     const options = { baseUrl: "https://yamcs.example", credential }
 *     const tokens = yield* Yamcs.makeTokens(options)
 *     const http = yield* Yamcs.makeWith(tokens, options)
 *     yield* Effect.forkScoped(Stream.runForEach(tokens.changes, (change) => Effect.log(change._tag)))
 *     return yield* http.get("/api/instances")
 *   })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = (
  options: Options & { readonly credential: TokenCredential }
): Effect.Effect<TokenSource, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope> => {
  const { credential } = options
  switch (credential._tag) {
    case "Password":
      return Sessions.password(credential, options)
    case "Bearer":
      return Sessions.bearer(credential, options)
    case "ServiceAccount":
      return Sessions.serviceAccount(credential, options)
  }
}

/**
 * {@link makeTokens} by Kerberos tickets.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeSpnegoTokens = (
  { credential = {}, ...options }: SpnegoOptions
): Effect.Effect<TokenSource, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope | Negotiate> =>
  Sessions.spnego(credential, options)

/**
 * {@link makeTokens} of a person who logs in with a browser.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeOpenIdTokens = (
  { credential = {}, ...options }: OpenIdOptions
): Effect.Effect<TokenSource, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope | Person> =>
  Sessions.openId(credential, options)

/**
 * A client on tokens of {@link makeTokens}, {@link makeSpnegoTokens} or {@link makeOpenIdTokens}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = (
  tokens: TokenSource,
  options: Options & { readonly credential: TokenCredential | Fields<Spnego> | Fields<OpenId> }
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  bindTokens(modeOf(options.credential), tokens, options)

/**
 * The mode of the given credential as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <const C extends TaggedCredential>(
  options: Options & { readonly credential: C }
): ModeLayer<Mode<C>, ExchangeError> =>
  layerOf<Mode<C>, SetupError | ExchangeError, never>(modeOf(options.credential), make(options))

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <C extends TaggedCredential>(
  config: Config.Config.Wrap<Settings & { readonly credential: C }>,
  options?: System.PlainOptions
): ModeLayer<Mode<C>, ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings): ModeLayer<Mode<C>, ExchangeError> => layer<C>({ ...options, ...settings }))

/**
 * User name and password, exchanged for an access token and a refresh token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPassword = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Password>, R> }
): ModeLayer<"Yamcs/Password", ExchangeError, R> =>
  layerTokens("Yamcs/Password", Sessions.password(options.credential, options), options)

/**
 * {@link layerPassword} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPasswordConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<Password> }>,
  options?: System.PlainOptions
): ModeLayer<"Yamcs/Password", ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings) => layerPassword({ ...options, ...settings }))

/**
 * A session that began elsewhere: an access token, which is refreshed if it comes with a refresh token. The session
 * cannot be logged in again.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBearer = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Session>, R> }
): ModeLayer<"Yamcs/Bearer", ExchangeError, R> =>
  layerTokens("Yamcs/Bearer", Sessions.bearer(options.credential, options), options)

/**
 * {@link layerBearer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBearerConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<Session> }>,
  options?: System.PlainOptions
): ModeLayer<"Yamcs/Bearer", ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings) => layerBearer({ ...options, ...settings }))

/**
 * The client id and secret of a service account, exchanged for an access token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServiceAccount = <R = never>(
  options: Options & { readonly credential: Given<Untagged<ServiceAccount>, R> }
): ModeLayer<"Yamcs/ServiceAccount", ExchangeError, R> =>
  layerTokens("Yamcs/ServiceAccount", Sessions.serviceAccount(options.credential, options), options)

/**
 * {@link layerServiceAccount} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServiceAccountConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<ServiceAccount> }>,
  options?: System.PlainOptions
): ModeLayer<"Yamcs/ServiceAccount", ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings) => layerServiceAccount({ ...options, ...settings }))

/**
 * An API key on every request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApiKey = <R = never>(
  options: Options & { readonly credential: Given<Untagged<ApiKey>, R> }
): ModeLayer<"Yamcs/ApiKey", never, R> => layerOf("Yamcs/ApiKey", Sessionless.apiKey(options.credential, options))

/**
 * {@link layerApiKey} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApiKeyConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<ApiKey> }>,
  options?: System.PlainOptions
): ModeLayer<"Yamcs/ApiKey", ConfigError> =>
  System.layerConfig(config, (settings) => layerApiKey({ ...options, ...settings }))

/**
 * HTTP Basic: user name and password on every request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = <R = never>(
  options: Options & { readonly credential: Given<Untagged<CoreCredential.Basic>, R> }
): ModeLayer<"Yamcs/Basic", never, R> => layerOf("Yamcs/Basic", Sessionless.basic(options.credential, options))

/**
 * {@link layerBasic} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasicConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<CoreCredential.Basic> }>,
  options?: System.PlainOptions
): ModeLayer<"Yamcs/Basic", ConfigError> =>
  System.layerConfig(config, (settings) => layerBasic({ ...options, ...settings }))

/**
 * Kerberos tickets, exchanged for an access token: silently, at the start and whenever it is due. The program holds no
 * secret. It requires `Negotiate`, such as `Kerberos.layer` of `@effect-auth/node`.
 *
 * Without a ticket a request fails with `CredentialUnavailable`, whose `code` says why (`NoCredentials`, `TicketExpired`,
 * `UnknownService`, `KdcUnreachable`, ...), and succeeds as soon as there is one. What the server refuses is
 * `CredentialsRejected`.
 *
 * @example
 * ```ts
 * import * as Kerberos from "@effect-auth/node/Kerberos"
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as Layer from "effect/Layer"
 *
 * const Ops = Yamcs.layerSpnego({ baseUrl: "https://yamcs.example" }).pipe(Layer.provide(Kerberos.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSpnego = (options: SpnegoOptions): ModeLayer<"Yamcs/Spnego", ExchangeError, Negotiate> =>
  layerTokens("Yamcs/Spnego", makeSpnegoTokens(options), options)

/**
 * {@link layerSpnego} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSpnegoConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<Spnego> }>,
  options?: System.PlainOptions
): ModeLayer<"Yamcs/Spnego", ExchangeError | ConfigError, Negotiate> =>
  System.layerConfig(config, (settings) => layerSpnego({ ...options, ...settings }))

/**
 * A person on this machine, who logs in with a browser: at the OpenID provider that the server names, or at the server's
 * own page where it names none. The first request opens the browser, and so does one whose session has ended. It requires
 * a receiver and a prompt, such as those of `TerminalLogin.layer` of `@effect-auth/node`.
 *
 * The session is kept alive while no request is made. A provider that demands PKCE cannot be used, because Yamcs redeems
 * the code itself and sends no verifier.
 *
 * @example
 * ```ts
 * import * as TerminalLogin from "@effect-auth/node/TerminalLogin"
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as Layer from "effect/Layer"
 *
 * const Ops = Yamcs.layerOpenId({
 *   baseUrl: "https://yamcs.example",
 *   redirect: { port: 8976 } // where the provider compares the port
 * }).pipe(Layer.provide(TerminalLogin.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOpenId = (options: OpenIdOptions): ModeLayer<"Yamcs/OpenId", ExchangeError, Person> =>
  layerTokens("Yamcs/OpenId", makeOpenIdTokens(options), options)

/**
 * {@link layerOpenId} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOpenIdConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Untagged<OpenId> }>,
  options?: System.PlainOptions & Pick<OpenIdOptions, "redirect">
): ModeLayer<"Yamcs/OpenId", ExchangeError | ConfigError, Person> =>
  System.layerConfig(config, (settings) => layerOpenId({ ...options, ...settings }))

/**
 * No credentials, for a server that admits everyone, as one without `security.yaml` does. One that does not refuses each
 * request with `CredentialsRejected`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerAnonymous = (options: Options): ModeLayer<"Yamcs/Anonymous"> =>
  layerOf<"Yamcs/Anonymous", SetupError>("Yamcs/Anonymous", Sessionless.anonymous(options))

/**
 * Everything from the environment: the address from `YAMCS_URL`, the credential from `YAMCS_API_KEY`,
 * `YAMCS_CLIENT_ID`, `YAMCS_ACCESS_TOKEN` or `YAMCS_USERNAME` and the variables that belong to each; see
 * {@link credentialConfig}. If none of them is set there is no credential, as for a script that is started by a server
 * without security. The environment decides the mode: wrap a function that needs a certain one in {@link require}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromEnvironment: ModeLayer<string, ExchangeError | ConfigError> = Layer.suspend(() =>
  layerFromEnvironmentWith()
)

/**
 * {@link layerFromEnvironment} with options. A script that Yamcs starts gets the address of the server from the server
 * itself, and its key over the same way; where that address is plain http beyond loopback, `dangerouslyAllowPlainHttp`
 * lets the key go there.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromEnvironmentWith = (
  { dangerouslyAllowPlainHttp, ...options }: System.PlainOptions & Pick<Settings, "dangerouslyAllowPlainHttp"> = {}
): ModeLayer<string, ExchangeError | ConfigError> =>
  layerConfig({
    baseUrl: CoreCredential.variableConfig("YAMCS_URL", Either.right),
    credential: Credentials.optionalCredentialConfig("YAMCS"),
    dangerouslyAllowPlainHttp: Config.succeed(dangerouslyAllowPlainHttp)
  }, options)

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
) => Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode.AuthMode<Name>> | YamcsClient> =>
  AuthMode.require(mode, YamcsClient)
