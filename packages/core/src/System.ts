/**
 * The options every system's layers share, and what they mean for a token source, so that systems differ only in what
 * their servers do.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as AuthenticatedHttpClient from "./AuthenticatedHttpClient.ts"
import type { CredentialUnavailable, ExchangeError } from "./AuthError.ts"
import { InvalidSetting } from "./AuthError.ts"
import type { Inferred } from "./CredentialSource.ts"
import * as ConfigReading from "./internal/configReading.ts"
import * as Grammar from "./internal/grammar.ts"
import type * as OriginPolicy from "./OriginPolicy.ts"
import type * as RefreshPolicy from "./RefreshPolicy.ts"
import type { Token } from "./Token.ts"
import * as TokenSource from "./TokenSource.ts"
import type { TokenStore } from "./TokenStore.ts"
import * as TokenStores from "./TokenStores.ts"

export {
  /**
   * A layer whose settings are read from Config, as by {@link readConfig}.
   *
   * @example
   * ```ts
   * import * as System from "@effect-auth/core/System"
   * import * as Config from "effect/Config"
   * import type * as Layer from "effect/Layer"
   *
   * interface Settings {
   *   readonly baseUrl: string
   * }
   *
   * declare const layer: (settings: Settings) => Layer.Layer<"Acme">
   *
   * const layerConfig = (config: Config.Config.Wrap<Settings>) => System.layerConfig(config, layer)
   *
   * const Acme = layerConfig({ baseUrl: Config.string("ACME_URL") })
   * ```
   *
   * @since 0.1.0
   * @category layers
   */
  layerConfig
} from "./internal/layerConfig.ts"

/**
 * What can be configured, as a value or through Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends OriginPolicy.Options, SessionSettings {}

/** The settings of a session; modes without one ignore them, so that changing the mode changes nothing else. */
interface SessionSettings {
  /** Whether to log in at once, so that wrong credentials fail the start. Default: with the first request. */
  readonly eager?: boolean | undefined
  /**
   * Whether the end of the Scope ends the session at the server, if the server has a way to. Default: yes, unless a store
   * keeps the session.
   */
  readonly logout?: boolean | undefined
}

/**
 * What only code can give. `refreshPolicy`, `store` and `onTokenChange` concern modes with a session; others ignore them.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions
  extends Pick<AuthenticatedHttpClient.Options, "rateLimiter" | "redirects" | "replay">, SessionOptions
{}

interface SessionOptions {
  /** When and how tokens are renewed. */
  readonly refreshPolicy?: RefreshPolicy.RefreshPolicy | undefined
  /**
   * Where tokens outlive this process. Whatever it holds, a token of another mode, server or account is not used. Default:
   * the store of the mode's audience in `TokenStores`, if the program provides that service; otherwise tokens are kept in
   * memory only.
   */
  readonly store?: TokenStore | undefined
  /**
   * Run with every change of the token, in order and one at a time. It delays no request; a defect in it is logged.
   */
  readonly onTokenChange?: ((change: TokenSource.TokenChange) => Effect.Effect<unknown>) | undefined
}

/**
 * What a session mode brings: its server's exchanges.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session<R> {
  readonly mode: string
  /** The origin of the token endpoint, with its path if several servers share the origin. */
  readonly origin: string
  /**
   * The account a stored token belongs to; an Effect when the credential is one. Without one nothing is stored, because
   * one account would get the token of another.
   */
  readonly account?: Effect.Effect<string, CredentialUnavailable> | undefined
  /** A function can ask for more than the settings say, when the server demands it. */
  readonly login?: TokenSource.Options<R>["login"]
  /** How a person logs in, where nothing else will do. */
  readonly interactive?: TokenSource.Options<R>["interactive"]
  /** When to try a token again that was just issued and is refused. */
  readonly settling?: TokenSource.Options<R>["settling"]
  readonly refresh?:
    | ((refreshToken: Redacted.Redacted, token: Token) => Effect.Effect<Token, ExchangeError, R>)
    | undefined
  readonly revoke?: ((token: Token) => Effect.Effect<unknown, ExchangeError, R>) | undefined
  readonly initial?: Effect.Effect<Option.Option<Token>, ExchangeError, R> | undefined
  /** Whether a session is ended at the server when a login replaces it, because the server counts open sessions. */
  readonly endReplaced?: boolean | undefined
}

/**
 * The layer of a mode, which requires what its credential requires and is not inferred from where it is used: see
 * `CredentialSource.Inferred`.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import type { Basic } from "@effect-auth/core/Credential"
 * import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
 * import * as System from "@effect-auth/core/System"
 * import type * as HttpClient from "@effect/platform/HttpClient"
 * import type * as Layer from "effect/Layer"
 *
 * declare const layerOf: <R>(
 *   credential: Given<Untagged<Basic>, R>
 * ) => Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, never, HttpClient.HttpClient | R>
 *
 * const layerBasic = <R = never>(options: { readonly credential: Given<Untagged<Basic>, R> }) =>
 *   System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient, never, R>(layerOf(options.credential))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const inferred = <A, E, R>(
  layer: Layer.Layer<A, E, HttpClient.HttpClient | R>
): Layer.Layer<A, E, HttpClient.HttpClient | Inferred<R>> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the same type; unseen while `R` is open
  layer as Layer.Layer<A, E, HttpClient.HttpClient | Inferred<R>>

/**
 * The token source of a session mode under the shared options: its store is the given one, else that of its audience;
 * with `eager` it logs in at once and fails with the error of the login; without `logout` nothing is revoked.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R>(
  session: Session<R>,
  options: SessionSettings & SessionOptions
): Effect.Effect<TokenSource.TokenSource, ExchangeError, R | Scope.Scope> =>
  Effect.gen(function*() {
    const { account, endReplaced, initial, interactive, login, mode, origin, refresh, revoke, settling } = session
    const store = yield* storeOf({ mode, origin }, options)
    const tokens = yield* TokenSource.make({
      mode,
      login,
      interactive,
      refresh,
      settling,
      initial,
      revoke: options.logout === false ? undefined : revoke,
      policy: options.refreshPolicy,
      endReplaced,
      store: account === undefined || store === undefined ? undefined : Effect.asSome(Effect.flatMap(account, store)),
      onChange: options.onTokenChange
    })
    if (options.eager === true) yield* tokens.get
    return tokens
  })

/**
 * Where a session mode keeps the tokens of an account: the given store, else that of their audience in `TokenStores`;
 * `undefined` if there is neither.
 *
 * @since 0.1.0
 * @category constructors
 */
export const storeOf = (
  { mode, origin }: Pick<TokenStores.Audience, "mode" | "origin">,
  { store }: Pick<SessionOptions, "store">
): Effect.Effect<((account: string) => Effect.Effect<TokenStore>) | undefined> =>
  Effect.map(
    store === undefined
      ? Effect.serviceOption(TokenStores.TokenStores)
      : Effect.succeedSome(TokenStores.make(() => store)),
    Option.match({
      onNone: () => undefined,
      onSome: ({ forAudience }) => (account) =>
        Effect.map(TokenStores.audienceKey({ mode, origin, account }), forAudience)
    })
  )

/**
 * Reads the Config of a layer's settings. An empty variable counts as unset, also for a caller's own Config: `MQ_URL=` is no
 * URL, and `ACME_PASSWORD=` no password. The error says what to set, each variable once and one on a line.
 *
 * @since 0.1.0
 * @category config
 */
export const readConfig = <A>(config: Config.Config.Wrap<A>): Effect.Effect<A, ConfigError> =>
  ConfigReading.read(config)

/**
 * A setting that goes into a header as it is, such as a CSRF token; it may be empty. Fails with `InvalidSetting` if it
 * could not be sent (RFC 9110 section 5.5), without quoting it.
 *
 * @since 0.1.0
 * @category settings
 */
export const headerSetting = (setting: string, value: string): Either.Either<string, InvalidSetting> =>
  checked(setting, value, value === "" || Grammar.fieldValue(value))

/**
 * A setting that is the name of a header or a cookie. Fails with `InvalidSetting` if it is no token (RFC 9110 section
 * 5.6.2), without quoting it.
 *
 * @since 0.1.0
 * @category settings
 */
export const nameSetting = (setting: string, value: string): Either.Either<string, InvalidSetting> =>
  checked(setting, value, Grammar.token(value))

const checked = (setting: string, value: string, verdict: true | string): Either.Either<string, InvalidSetting> =>
  verdict === true ? Either.right(value) : Either.left(new InvalidSetting({ setting, problem: verdict }))
