/**
 * Yamcs: authenticated access to its HTTP API. The credential is the mode; each mode is a layer that provides the client
 * of the system for paths such as `/api/user`.
 *
 * | mode                   | layer                 | on the wire                                                    |
 * |------------------------|-----------------------|----------------------------------------------------------------|
 * | `Yamcs/Password`       | `layerPassword`       | access token, refreshed; a login when that is refused          |
 * | `Yamcs/Bearer`         | `layerBearer`         | an access token obtained before, refreshed if it can be        |
 * | `Yamcs/ServiceAccount` | `layerServiceAccount` | client id and secret, as another account (`become`) |
 * | `Yamcs/ApiKey`         | `layerApiKey`         | `x-api-key`                                                    |
 * | `Yamcs/Basic`          | `layerBasic`          | `Authorization: Basic`                                         |
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { AuthModeMismatch, ExchangeError, InvalidSetting, SetupError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as CoreCredential from "@effect-auth/core/Credential"
import type { Fields, Given, Inferred, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type { Token } from "@effect-auth/core/Token"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Address from "./internal/address.ts"
import { YamcsClient } from "./internal/client.ts"
import * as Once from "./internal/once.ts"
import * as Requests from "./internal/requests.ts"
import * as SlidingWindow from "./internal/slidingWindow.ts"
import * as Tokens from "./internal/tokens.ts"
import type { ApiKey, Password, ServiceAccount, Session, YamcsCredential } from "./YamcsCredential.ts"
import * as Credentials from "./YamcsCredential.ts"

export {
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

/**
 * The mode of a credential: `Yamcs/Password`, `Yamcs/Bearer`, `Yamcs/ServiceAccount`, `Yamcs/ApiKey` or `Yamcs/Basic`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends { readonly _tag: YamcsCredential["_tag"] }> = `Yamcs/${C["_tag"]}`

/**
 * The name of a mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeName = Mode<YamcsCredential>

/**
 * The settings of every mode. `baseUrl` is the server's address: a URL, with its context path if it has one, or
 * `host:port`, which means https, and http for a loopback host. A trailing slash makes no difference.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings {}

/**
 * The options of every mode, so that changing the mode changes nothing else. `refreshPolicy` is {@link refreshPolicy} by
 * default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Settings, System.PlainOptions {}

/**
 * The credential of {@link make} and {@link layer}: a class or a plain object of its fields, whose `_tag` is the mode.
 *
 * @since 0.1.0
 * @category models
 */
export type TaggedCredential = TokenCredential | Fields<ApiKey> | Fields<CoreCredential.Basic>

/** The credentials that are exchanged for tokens, or hold one. */
type TokenCredential = Fields<Password> | Fields<Session> | Fields<ServiceAccount>

/**
 * What the layer of a mode provides.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Name extends string, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | YamcsClient | AuthMode.Evidence<Name>,
  SetupError | E,
  HttpClient.HttpClient | Inferred<R>
>

/**
 * Renews five minutes before expiry (after 80 % of the lifetime if that is later). A token with a refresh token is renewed
 * with the first request after 15 minutes at the latest: its session ends when it is not refreshed for 30 minutes
 * (`SessionManager`), so a program that makes a request every 15 minutes keeps it, and so does one that makes one at any
 * regular interval below 30. A transient failure is retried up to three times, 429 up to eight times. The waits begin at
 * half a second and are jittered, because the server counts requests by address and does not say how long to wait.
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
export const refreshPolicy: RefreshPolicy.RefreshPolicy = RefreshPolicy.default.pipe(
  RefreshPolicy.renewal(Schedule.union(
    RefreshPolicy.early,
    // half of what ends a session: after a request that finds the renewal not due, there is as much time for the next one
    Schedule.whileInput(
      Schedule.jitteredWith(RefreshPolicy.afterIssue("15 minutes"), { min: 0.95, max: 1 }),
      // an access token of client credentials belongs to no session (`AuthHandler`)
      ({ refreshToken }: Token) => refreshToken !== undefined
    )
  )),
  RefreshPolicy.retry(
    Schedule.exponential("500 millis").pipe(
      Schedule.union(Schedule.spaced("4 seconds")),
      Schedule.jitteredWith({ min: 0.5, max: 1.5 }),
      Schedule.intersect(Schedule.union(
        Schedule.recurs(3),
        Schedule.whileInput(Schedule.recurs(8), isTooManyRequests)
      ))
    )
  )
)

/**
 * A client in the mode of the given credential.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options & { readonly credential: TaggedCredential }): Client<ExchangeError> => {
  const { credential } = options
  switch (credential._tag) {
    case "ApiKey":
      return makeApiKey(credential, options)
    case "Basic":
      return makeBasic(credential, options)
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
      return passwordTokens(credential, options)
    case "Bearer":
      return bearerTokens(credential, options)
    case "ServiceAccount":
      return serviceAccountTokens(credential, options)
  }
}

/**
 * A client on tokens of {@link makeTokens}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = (
  tokens: TokenSource,
  options: Options & { readonly credential: TokenCredential }
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
  Layer.unwrapEffect(
    Effect.map(
      System.readConfig(config),
      (settings): ModeLayer<Mode<C>, ExchangeError> => layer<C>({ ...options, ...settings })
    )
  )

/**
 * User name and password, exchanged for an access token and a refresh token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPassword = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Password>, R> }
): ModeLayer<"Yamcs/Password", ExchangeError, R> =>
  layerTokens("Yamcs/Password", passwordTokens(options.credential, options), options)

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerPassword({ ...options, ...settings })))

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
  layerTokens("Yamcs/Bearer", bearerTokens(options.credential, options), options)

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerBearer({ ...options, ...settings })))

/**
 * The client id and secret of a service account, exchanged for an access token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerServiceAccount = <R = never>(
  options: Options & { readonly credential: Given<Untagged<ServiceAccount>, R> }
): ModeLayer<"Yamcs/ServiceAccount", ExchangeError, R> =>
  layerTokens("Yamcs/ServiceAccount", serviceAccountTokens(options.credential, options), options)

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
  Layer.unwrapEffect(
    Effect.map(System.readConfig(config), (settings) => layerServiceAccount({ ...options, ...settings }))
  )

/**
 * An API key on every request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerApiKey = <R = never>(
  options: Options & { readonly credential: Given<Untagged<ApiKey>, R> }
): ModeLayer<"Yamcs/ApiKey", never, R> => layerOf("Yamcs/ApiKey", makeApiKey(options.credential, options))

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerApiKey({ ...options, ...settings })))

/**
 * HTTP Basic: user name and password on every request.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = <R = never>(
  options: Options & { readonly credential: Given<Untagged<CoreCredential.Basic>, R> }
): ModeLayer<"Yamcs/Basic", never, R> => layerOf("Yamcs/Basic", makeBasic(options.credential, options))

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerBasic({ ...options, ...settings })))

/**
 * Everything from the environment: the address from `YAMCS_URL`, the credential from `YAMCS_API_KEY`,
 * `YAMCS_CLIENT_ID`, `YAMCS_ACCESS_TOKEN` or `YAMCS_USERNAME` and the variables that belong to each; see
 * {@link credentialConfig}. The environment decides the mode: wrap a function that needs a certain one in
 * {@link require}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromEnvironment: ModeLayer<string, ExchangeError | ConfigError> = layerConfig({
  baseUrl: CoreCredential.variableConfig("YAMCS_URL", Either.right),
  credential: Credentials.credentialConfig("YAMCS")
})

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

type Needs = HttpClient.HttpClient | Scope.Scope

type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

type MakeTokens<R> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

const layerOf = <const Name extends string, E, R = never>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, HttpClient.HttpClient | Scope.Scope | R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | YamcsClient | AuthMode.Evidence<Name>,
  E,
  HttpClient.HttpClient | Inferred<R>
> =>
  System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient | YamcsClient | AuthMode.Evidence<Name>, E, R>(
    AuthenticatedHttpClient.layerMode({ mode, client: YamcsClient }, make)
  )

const layerTokens = <const Name extends string, R>(mode: Name, tokens: MakeTokens<R>, options: Options) =>
  layerOf(mode, Effect.flatMap(tokens, (tokens) => bindTokens(mode, tokens, options)))

const passwordTokens = <R>(given: Given<Untagged<Password>, R>, options: Options): MakeTokens<R> =>
  sessionTokens("Yamcs/Password", given, options, {
    make: ({ password, username }) => Credentials.password({ username, password }),
    account: ({ username }) => username,
    login: Tokens.password
  })

const serviceAccountTokens = <R>(given: Given<Untagged<ServiceAccount>, R>, options: Options): MakeTokens<R> =>
  Effect.flatMap(Once.make("Yamcs/ServiceAccount"), (once) =>
    sessionTokens("Yamcs/ServiceAccount", given, options, {
      make: ({ asItself, become, clientId, clientSecret }) =>
        Credentials.serviceAccount({ clientId, clientSecret, become, asItself }),
      account: ({ become, clientId }) => become === undefined ? clientId : `${clientId} as ${become}`,
      login: (endpoint, account) => {
        const exchange = Tokens.clientCredentials(endpoint, account)
        return account.become === undefined ? once(exchange) : exchange
      }
    }))

const bearerTokens = <R>(given: Given<Untagged<Session>, R>, options: Options): MakeTokens<R> =>
  sessionTokens("Yamcs/Bearer", given, options, {
    make: ({ accessToken, expiresAt, refreshToken }) => Credentials.session({ accessToken, expiresAt, refreshToken }),
    // no account is named: the session itself is what a stored token continues
    account: ({ accessToken, refreshToken }) => Redacted.value(refreshToken ?? accessToken),
    login: ({ mode }) => Tokens.sessionOver(mode),
    initial: Tokens.given
  })

const sessionTokens = <R, F extends object, C>(
  mode: ModeName,
  given: Given<F, R>,
  options: Options,
  session: {
    readonly make: (fields: F) => Either.Either<C, InvalidSetting>
    readonly account: (credential: C) => string
    readonly login: (endpoint: Tokens.Endpoint, credential: C) => Tokens.Exchange
    readonly initial?: ((mode: string, credential: C) => Tokens.Given) | undefined
  }
): MakeTokens<R> =>
  Effect.gen(function*() {
    const { baseUrl } = yield* OriginPolicy.make(located(options))
    const credential = yield* CredentialSource.make(given, { mode, make: session.make })
    const endpoint: Tokens.Endpoint = { baseUrl, mode, delaying: yield* SlidingWindow.make(tokenRequests) }
    const { initial } = session
    return yield* System.makeTokens(
      {
        mode,
        origin: baseUrl,
        account: Effect.map(credential.read, session.account),
        login: Effect.flatMap(credential.read, (credential) => session.login(endpoint, credential)),
        refresh: Tokens.refresh(endpoint),
        initial: initial === undefined
          ? undefined
          : Effect.asSome(Effect.flatMap(credential.read, (credential) => initial(mode, credential)))
      },
      { ...options, refreshPolicy: options.refreshPolicy ?? refreshPolicy }
    )
  })

/**
 * The server answers 429 to the sixth token request of an address within a second (`maxAuthRequestsPerSecond`). A fifth
 * of a second is added, because requests may arrive closer together than they were sent.
 */
const tokenRequests: SlidingWindow.Limit = { starts: 5, within: "1200 millis" }

const makeApiKey = <R>(given: Given<Untagged<ApiKey>, R>, options: Options): Client<never, R> =>
  Effect.flatMap(
    CredentialSource.make(given, { mode: "Yamcs/ApiKey", make: ({ key }) => Credentials.apiKey({ key }) }),
    (credential) => bindCredential("Yamcs/ApiKey", credential, Requests.apiKey, options)
  )

/** The server reads the scheme of the header case-sensitively. */
const makeBasic = <R>(given: Given<Untagged<CoreCredential.Basic>, R>, options: Options): Client<never, R> =>
  Effect.flatMap(
    CredentialSource.make(given, {
      mode: "Yamcs/Basic",
      make: ({ password, username }) => CoreCredential.basic({ username, password })
    }),
    (credential) => bindCredential("Yamcs/Basic", credential, RequestCredentials.basic, options)
  )

const bindCredential = <C>(
  mode: ModeName,
  credential: CredentialSource.CredentialSource<C>,
  credentials: (credential: C) => RequestCredentials.RequestCredentials,
  options: Options
) =>
  AuthenticatedHttpClient.make(
    Authenticator.fromCredential(credential, {
      mode,
      explain: Requests.explain,
      coolDown: options.refreshPolicy?.coolDown,
      credentials
    }),
    located(options)
  )

const bindTokens = (mode: string, tokens: TokenSource, options: Options) =>
  AuthenticatedHttpClient.make(Authenticator.bearer(tokens, { mode, explain: Requests.explain }), located(options))

const modeOf = <C extends TaggedCredential>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `Yamcs/${tag}`
}

/** Only the address has short forms; `origins` are complete. */
const located = (options: Options): Options => ({ ...options, baseUrl: Address.absolute(options.baseUrl) })

function isTooManyRequests(error: ExchangeError): boolean {
  return error._tag === "TokenEndpointError" && error.reason === "TooManyRequests"
}
