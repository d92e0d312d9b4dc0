/**
 * Yamcs: authenticated access to its HTTP API. The credential says the mode; each mode is a layer that provides an
 * `AuthenticatedHttpClient` for paths such as `/api/user`.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { ExchangeError, InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import type * as TokenSource from "@effect-auth/core/TokenSource"
import type { TokenStore } from "@effect-auth/core/TokenStore"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Address from "./internal/address.ts"
import * as Authenticators from "./internal/authenticators.ts"
import type { TokenCredential, YamcsCredential } from "./YamcsCredential.ts"
import { credentialConfig } from "./YamcsCredential.ts"

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
   * @since 0.1.0
   * @category config
   */
  credentialConfig
} from "./YamcsCredential.ts"

/**
 * The mode of a credential: `Yamcs/Password`, `Yamcs/Bearer`, `Yamcs/ServiceAccount`, `Yamcs/ApiKey` or `Yamcs/Basic`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends YamcsCredential> = `Yamcs/${C["_tag"]}`

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<C extends YamcsCredential> extends AuthenticatedHttpClient.Options {
  /**
   * The server's address: a URL, its context path included, or `host:port`, which means https, and http for a loopback
   * host. A trailing slash is immaterial.
   */
  readonly baseUrl: string | URL
  readonly credential: C
  /** When and how tokens are renewed. Default: {@link refreshPolicy}. */
  readonly refresh?: RefreshPolicy.RefreshPolicy | undefined
  /** Where tokens outlive this process: the next one takes them up without a login. */
  readonly store?: TokenStore | undefined
  /**
   * Run with every change of the token, by login and refresh alike, in order and one at a time. It delays no request;
   * a defect in it is logged.
   */
  readonly onTokenChange?: ((change: TokenSource.TokenChange) => Effect.Effect<unknown>) | undefined
}

/**
 * Renews five minutes, or 20 % of the lifetime when that is less, before the access token expires or its session has
 * been idle for 30 minutes (`SessionManager`), whichever comes first. A transient failure is tried again up to three
 * times, 429 up to eight times; the waits begin at half a second and differ from one process to another, because the
 * server counts requests by address and does not say how long to wait.
 *
 * @example
 * ```ts
 * import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 *
 * // goes on refreshing while no request is made, so that the session never ends
 * const refresh = Yamcs.refreshPolicy.pipe(RefreshPolicy.keepAlive(true))
 * ```
 *
 * @since 0.1.0
 * @category policies
 */
export const refreshPolicy: RefreshPolicy.RefreshPolicy = RefreshPolicy.default.pipe(
  RefreshPolicy.renew(Schedule.union(
    RefreshPolicy.early,
    Schedule.jitteredWith(RefreshPolicy.afterIssue("25 minutes"), { min: 0.98, max: 1.02 })
  )),
  RefreshPolicy.retry(
    Schedule.exponential("500 millis").pipe(
      Schedule.union(Schedule.spaced("4 seconds")),
      Schedule.jitteredWith({ min: 0.5, max: 1.5 }),
      Schedule.intersect(Schedule.union(
        Schedule.recurs(3),
        Schedule.whileInput(Schedule.recurs(8), isTooMany)
      ))
    )
  )
)

/**
 * An authenticated client for Yamcs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <C extends YamcsCredential>(
  options: Options<C>
): Effect.Effect<
  AuthenticatedHttpClient.Service,
  InvalidSetting | InsecureTransport,
  HttpClient.HttpClient | Scope.Scope
> =>
  Effect.gen(function*() {
    const credential: YamcsCredential = options.credential
    const mode = modeOf(credential)
    switch (credential._tag) {
      case "Basic":
        return yield* AuthenticatedHttpClient.make(Authenticators.basic(credential, { mode }), located(options))
      case "ApiKey":
        return yield* AuthenticatedHttpClient.make(Authenticators.apiKey(credential, { mode }), located(options))
      case "Bearer":
      case "Password":
      case "ServiceAccount":
        return yield* makeWith(yield* makeTokens({ ...options, credential }), { ...options, credential })
    }
  })

/**
 * The tokens by themselves, for what is more than a request and a response: a WebSocket that wants one in its
 * handshake, or a display that follows `changes`. Give them to {@link makeWith} for a client that shares them.
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
export const makeTokens = <C extends TokenCredential>(
  options: Options<C>
): Effect.Effect<
  TokenSource.TokenSource,
  InvalidSetting | InsecureTransport,
  HttpClient.HttpClient | Scope.Scope
> =>
  Authenticators.tokens(options.credential, {
    ...located(options),
    mode: modeOf(options.credential),
    policy: options.refresh ?? refreshPolicy,
    store: options.store,
    onChange: options.onTokenChange
  })

/**
 * An authenticated client on tokens of {@link makeTokens}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = <C extends TokenCredential>(
  tokens: TokenSource.TokenSource,
  options: Options<C>
): Effect.Effect<AuthenticatedHttpClient.Service, InvalidSetting | InsecureTransport, HttpClient.HttpClient> =>
  AuthenticatedHttpClient.make(Authenticators.bearer(tokens, { mode: modeOf(options.credential) }), located(options))

/**
 * The mode of the given credential as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <C extends YamcsCredential>(
  options: Options<C>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AuthMode.AuthMode<Mode<C>>,
  InvalidSetting | InsecureTransport,
  HttpClient.HttpClient
> => AuthenticatedHttpClient.layerMode(modeOf(options.credential), make(options))

/**
 * {@link layer} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <C extends YamcsCredential>(
  options: Config.Config.Wrap<Options<C>>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AuthMode.AuthMode<Mode<C>>,
  InvalidSetting | InsecureTransport | ConfigError,
  HttpClient.HttpClient
> => Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

/**
 * Everything from the environment: the address from `YAMCS_URL`, the credential from `YAMCS_API_KEY`,
 * `YAMCS_CLIENT_ID`, `YAMCS_ACCESS_TOKEN` or `YAMCS_USERNAME` and what belongs to each of them; see
 * {@link credentialConfig}. The environment decides the mode: a function that needs a certain one is wrapped in
 * `AuthMode.require`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromEnvironment: Layer.Layer<
  | AuthenticatedHttpClient.AuthenticatedHttpClient
  | AuthMode.AuthMode<Mode<Config.Config.Success<ReturnType<typeof credentialConfig>>>>,
  InvalidSetting | InsecureTransport | ConfigError,
  HttpClient.HttpClient
> = layerConfig({ baseUrl: Config.string("YAMCS_URL"), credential: credentialConfig("YAMCS") })

const modeOf = <C extends YamcsCredential>(credential: C) => `Yamcs/${credential._tag}` as const

/** Origins are what they are; only the address has short forms. */
const located = (options: AuthenticatedHttpClient.Options): AuthenticatedHttpClient.Options => ({
  ...options,
  baseUrl: Address.absolute(options.baseUrl)
})

function isTooMany(error: ExchangeError): boolean {
  return error._tag === "TokenEndpointError" && error.reason === "TooManyRequests"
}
