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
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import type { Fields, Given, Inferred, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import type { RateLimitPolicy } from "@effect-auth/rate-limit/RateLimitPolicy"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Access from "./internal/access.ts"
import { QualysClient } from "./internal/client.ts"
import * as ClientToken from "./internal/clientToken.ts"
import * as Jwt from "./internal/jwt.ts"
import * as Refusal from "./internal/refusal.ts"
import * as RequestedWith from "./internal/requestedWith.ts"
import * as Session from "./internal/session.ts"
import * as Platform from "./Platform.ts"
import { Account, ApiAccess, GatewayAccess } from "./QualysAccess.ts"
import * as QualysCredential from "./QualysCredential.ts"
import * as QualysQuota from "./QualysQuota.ts"

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
  GatewayAccess
}

export {
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

/**
 * The name of a mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeName = Mode<TaggedCredential>

/**
 * The mode of a credential: `Qualys/Basic`, `Qualys/Session`, `Qualys/Jwt`, `Qualys/ClientCredentials` or
 * `Qualys/Bearer`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends { readonly _tag: TaggedCredential["_tag"] }> = `Qualys/${C["_tag"]}`

/**
 * User name and password, as {@link credentialConfig} or `QualysCredential` give them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Login {
  readonly username: string
  readonly password: Redacted.Redacted
  /** A JWT obtained before. The mode `Qualys/Jwt` uses it while it is valid. */
  readonly token?: Redacted.Redacted | null | undefined
  readonly platform?: Platform.Platform | undefined
}

/**
 * The credential of {@link make} and {@link layer}: a class or a plain object of its fields, whose `_tag` is the mode.
 *
 * @since 0.1.0
 * @category models
 */
export type TaggedCredential =
  | (Login & { readonly _tag: "Basic" })
  | TokenCredential
  | Fields<Credential.Bearer>

/** The credentials that are exchanged for tokens. */
type TokenCredential = (Login & { readonly _tag: "Jwt" | "Session" }) | Fields<QualysCredential.ClientCredentials>

/**
 * The settings of every mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends Omit<System.Settings, "baseUrl"> {
  /** The platform of the account. Default: the credential's platform, else `qg3`. */
  readonly platform?: Platform.Platform | undefined
}

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions extends Omit<System.PlainOptions, "rateLimiter"> {
  /**
   * Respects the subscription's quotas: a limiter, or the policy of one. Default: `QualysQuota.policy`, which waits as
   * long as Qualys says, a day at most.
   */
  readonly rateLimiter?: RateLimiter.RateLimiter | RateLimitPolicy | undefined
  /**
   * Whether the JWT goes to the API host as well, where the newer versions of some APIs take it. Relative URLs stay below
   * the gateway. `Qualys/Jwt` alone has a choice. Default: no.
   */
  readonly alsoApi?: boolean | undefined
}

/**
 * The options of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Settings, PlainOptions {}

/**
 * What the layer of a mode provides: the shared client, the client of Qualys, the evidence of the mode, and what the mode
 * can access.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Name extends string, Access = never, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | QualysClient | AuthMode.Evidence<Name> | Access,
  SetupError | E,
  HttpClient.HttpClient | Inferred<R>
>

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
      return makeBasic(credential, options)
    case "Bearer":
      return makeBearer(credential, options)
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
      return jwtTokens(credential, options)
    case "Session":
      return sessionTokens(credential, options)
    case "ClientCredentials":
      return clientTokens(credential, options)
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
      return bindBearer(bearerTokens(tokens), options)
    case "Jwt":
      return bindJwt(tokens, credential, options)
    case "Session":
      return bindSession(tokens, credential, options)
    case "ClientCredentials":
      return bindClient(tokens, options)
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
  return credential._tag === "Jwt"
    ? Layer.unwrapScoped(Effect.map(jwtTokens(credential, options), (tokens) =>
      Layer.merge(
        layerOf<Mode<C>, SetupError>(mode, bindJwt(tokens, credential, options)),
        accessOf(credential, options, tokens)
      )))
    : Layer.merge(
      layerOf<Mode<C>, SetupError | ExchangeError>(mode, make(options)),
      accessOf(credential, options, undefined)
    )
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
  Layer.unwrapEffect(
    Effect.map(
      System.readConfig(config),
      (settings): ModeLayer<Mode<C>, never, ExchangeError> => layer<C>({ ...options, ...settings })
    )
  )

/**
 * User name and password on every call to the API host.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = <R = never>(
  options: Options & { readonly credential: Given<Login, R> }
): ModeLayer<"Qualys/Basic", ApiAccess | Account, never, R> =>
  Layer.mergeAll(
    layerOf("Qualys/Basic", makeBasic(options.credential, options)),
    Access.layer(ApiAccess, "Qualys/Basic", located(options.credential, options)),
    layerAccount("basic", options.credential, options)
  )

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerBasic({ ...options, ...settings })))

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
): ModeLayer<"Qualys/Jwt", ApiAccess | GatewayAccess | Account, ExchangeError, R> => jwtLayer(options)

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => jwtLayer<never>({ ...options, ...settings })))

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
  Layer.mergeAll(
    layerOf(
      "Qualys/Session",
      Effect.flatMap(sessionTokens(options.credential, options), (tokens) =>
        bindSession(tokens, options.credential, options))
    ),
    Access.layer(ApiAccess, "Qualys/Session", located(options.credential, options)),
    layerAccount("basic", options.credential, options)
  )

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerSession({ ...options, ...settings })))

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
  Layer.mergeAll(
    layerOf(
      "Qualys/ClientCredentials",
      Effect.flatMap(clientTokens(options.credential, options), (tokens) => bindClient(tokens, options))
    ),
    Access.layer(ApiAccess, "Qualys/ClientCredentials", located(undefined, options)),
    Access.layer(GatewayAccess, "Qualys/ClientCredentials", located(undefined, options))
  )

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
  Layer.unwrapEffect(
    Effect.map(System.readConfig(config), (settings) => layerClientCredentials({ ...options, ...settings }))
  )

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
} = <E, R>(options: Options & BearerOf<E, R>): ModeLayer<"Qualys/Bearer", ApiAccess | GatewayAccess, E, R> =>
  Layer.mergeAll(
    layerOf<"Qualys/Bearer", SetupError | E, R>(
      "Qualys/Bearer",
      "tokens" in options
        ? Effect.flatMap(sourceOf(options.tokens), (tokens) => bindBearer(bearerTokens(tokens), options))
        : makeBearer(options.credential, options)
    ),
    Access.layer(ApiAccess, "Qualys/Bearer", located(undefined, options)),
    Access.layer(GatewayAccess, "Qualys/Bearer", located(undefined, options))
  )

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
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerBearer({ ...options, ...settings })))

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

type Needs = HttpClient.HttpClient | Scope.Scope

type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

type Tokens<R> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

/** Without `alsoApi` there is no `ApiAccess`, whose evidence the overloads keep back then. */
const jwtLayer = <R>(
  options: Options & { readonly credential: Given<Login, R> }
): ModeLayer<"Qualys/Jwt", ApiAccess | GatewayAccess | Account, ExchangeError, R> => {
  const { credential } = options
  const place = located(credential, options)
  const layer = Layer.unwrapScoped(Effect.map(jwtTokens(credential, options), (tokens) =>
    Layer.mergeAll(
      layerOf("Qualys/Jwt", bindJwt(tokens, credential, options)),
      Access.layer(GatewayAccess, "Qualys/Jwt", place),
      layerAccount("token", credential, options, tokens)
    )))
  return Layer.merge(layer, apiAccessOf("Qualys/Jwt", place, options))
}

const layerOf = <const Name extends string, E, R = never>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, HttpClient.HttpClient | Scope.Scope | R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | QualysClient | AuthMode.Evidence<Name>,
  E,
  HttpClient.HttpClient | Inferred<R>
> =>
  System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient | QualysClient | AuthMode.Evidence<Name>, E, R>(
    AuthenticatedHttpClient.layerMode({ mode, client: QualysClient }, make)
  )

const modeOf = <C extends TaggedCredential>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `Qualys/${tag}`
}

/** The platform and its hosts: as the options say, else as the credential says. */
const located = <R>(given: Given<Login, R> | undefined, options: Options) => {
  const stated = given === undefined || Effect.isEffect(given) ? undefined : given.platform
  const platform = options.platform ?? stated ?? Platform.defaultPlatform
  return Either.map(Platform.hosts(platform), (hosts) => ({ platform, hosts }))
}

/** Where bearers come from. */
type BearerOf<E, R> =
  | { readonly tokens: TokenSource | Effect.Effect<TokenSource, E, R> }
  | { readonly credential: Given<Untagged<Credential.Bearer>, R> }

const sourceOf = <E, R>(tokens: TokenSource | Effect.Effect<TokenSource, E, R>): Effect.Effect<TokenSource, E, R> =>
  Effect.isEffect(tokens) ? tokens : Effect.succeed(tokens)

/** What is exchanged is not empty, as what is sent by Basic may be. */
const login = <R>(mode: ModeName, given: Given<Login, R>) =>
  CredentialSource.make(given, {
    mode,
    make: ({ password, username }) => QualysCredential.jwt({ username, password })
  })

const makeBasic = <R>(given: Given<Login, R>, options: Options, mode: ModeName = "Qualys/Basic"): Client<never, R> =>
  Effect.gen(function*() {
    const { hosts, platform } = yield* located(given, options)
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ password, username }) => Credential.basic({ username, password })
    })
    const latest = MutableRef.make("")
    const authenticator = Authenticator.fromCredential(credential, {
      mode,
      explain: (response) => Refusal.explainLogin({ platform, username: MutableRef.get(latest) })(response),
      coolDown: options.refreshPolicy?.coolDown,
      credentials: (credential) => {
        MutableRef.set(latest, credential.username)
        return RequestCredentials.basic(credential)
      }
    })
    return yield* bind(authenticator, options, [hosts.api, hosts.ui])
  })

const makeBearer = <R>(given: Given<Untagged<Credential.Bearer>, R>, options: Options): Client<never, R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Bearer"
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ token }) => Credential.bearer({ token })
    })
    const { credentials, explain } = ofProvider()
    const authenticator = Authenticator.fromCredential(credential, {
      mode,
      explain,
      reviewBody: Refusal.unparsedJwt,
      coolDown: options.refreshPolicy?.coolDown,
      credentials: ({ token }) => credentials(token)
    })
    return yield* bindBearer(authenticator, options)
  })

const bearerTokens = (tokens: TokenSource): Authenticator.Authenticator => {
  const { credentials, explain } = ofProvider()
  return Authenticator.fromTokens(tokens, {
    mode: "Qualys/Bearer",
    explain,
    reviewBody: Refusal.unparsedJwt,
    credentials: ({ value }) => credentials(value)
  })
}

/** Bearers, and what the latest of them says about itself, for the refusal of one. */
const ofProvider = () => {
  const claims = MutableRef.make<string | undefined>(undefined)
  return {
    credentials: (token: Redacted.Redacted) => {
      MutableRef.set(claims, Jwt.described(token))
      return RequestCredentials.bearer(token)
    },
    explain: Refusal.explainBearer(() => MutableRef.get(claims))
  }
}

const bindBearer = (authenticator: Authenticator.Authenticator, options: Options) =>
  Effect.flatMap(located(undefined, options), ({ hosts }) => bind(authenticator, options, [hosts.api, hosts.gateway]))

const jwtTokens = <R>(given: Given<Login, R>, options: Options): Tokens<R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Jwt"
    const { hosts, platform } = yield* located(given, options)
    const credential = yield* login(mode, given)
    const kept = yield* keptToken(given)
    return yield* System.makeTokens({
      mode,
      origin: hosts.gateway,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, Jwt.login({ mode, platform, gateway: hosts.gateway })),
      initial: kept === undefined ? undefined : Jwt.given(mode, kept)
    }, options)
  })

/** One that an Effect gives has nothing to say about the JWT of this process. */
const keptToken = <R>(given: Given<Login, R>): Either.Either<Redacted.Redacted | undefined, InvalidSetting> =>
  Effect.isEffect(given) || given.token === undefined || given.token === null
    ? Either.right(undefined)
    : Either.flatMap(
      Credential.bearer({ token: given.token }),
      ({ token }) =>
        Redacted.value(token).split(".").length === 3
          ? Either.right(token)
          : Either.left(
            new InvalidSetting({ setting: "credential.token", problem: "is not a JWT, which has three parts" })
          )
    )

const bindJwt = <R>(tokens: TokenSource, given: Given<Login, R>, options: Options) =>
  Effect.flatMap(
    located(given, options),
    ({ hosts }) =>
      bind(
        Authenticator.bearer(tokens, {
          mode: "Qualys/Jwt",
          explain: Refusal.explainCall,
          reviewBody: Refusal.unparsedJwt
        }),
        options,
        options.alsoApi === true ? [hosts.gateway, hosts.api] : [hosts.gateway]
      )
  )

const clientTokens = <R>(
  given: Given<Untagged<QualysCredential.ClientCredentials>, R>,
  options: Options
): Tokens<R> =>
  Effect.gen(function*() {
    const mode = "Qualys/ClientCredentials"
    const { hosts, platform } = yield* located(undefined, options)
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ clientId, clientSecret, level }) => QualysCredential.clientCredentials({ clientId, clientSecret, level })
    })
    return yield* System.makeTokens({
      mode,
      origin: hosts.gateway,
      account: Effect.map(credential.read, ({ clientId, level }) => `${level} ${clientId}`),
      login: Effect.flatMap(credential.read, ClientToken.login({ mode, platform, gateway: hosts.gateway }))
    }, options)
  })

const bindClient = (tokens: TokenSource, options: Options) =>
  Effect.flatMap(located(undefined, options), ({ hosts }) =>
    bind(
      Authenticator.bearer(tokens, {
        mode: "Qualys/ClientCredentials",
        explain: Refusal.explainCall,
        reviewBody: Refusal.unparsedJwt
      }),
      options,
      [hosts.gateway, hosts.api]
    ))

const sessionTokens = <R>(given: Given<Login, R>, options: Options): Tokens<R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Session"
    const { hosts, platform } = yield* located(given, options)
    const credential = yield* login(mode, given)
    const endpoint = { mode, platform, api: hosts.api }
    return yield* System.makeTokens({
      mode,
      origin: hosts.api,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, Session.login(endpoint)),
      revoke: Session.logout(endpoint),
      // the number of open sessions is limited
      endReplaced: true
    }, options)
  })

const bindSession = <R>(tokens: TokenSource, given: Given<Login, R>, options: Options) =>
  Effect.flatMap(located(given, options), ({ hosts }) =>
    bind(
      Authenticator.cookie(tokens, {
        mode: "Qualys/Session",
        name: Session.cookieName,
        explain: Refusal.explainCall
      }),
      options,
      [hosts.api]
    ))

const bind = (
  authenticator: Authenticator.Authenticator,
  options: Options,
  [baseUrl, ...others]: readonly [string, ...ReadonlyArray<string>]
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const limiter = options.rateLimiter ?? QualysQuota.policy
    return yield* AuthenticatedHttpClient.make(authenticator, {
      ...options,
      baseUrl,
      origins: [...others, ...(options.origins ?? [])],
      defaultHeaders: RequestedWith.headers,
      rateLimiter: RateLimiter.isRateLimiter(limiter) ? limiter : yield* RateLimiter.make(limiter)
    })
  })

/** A user and password open the API host by Basic, whatever the mode of the program. */
const layerAccount = <R = never>(
  type: QualysCredential.QualysCredential["authType"],
  given: Given<Login, R>,
  options: Options,
  tokens?: TokenSource
): Layer.Layer<Account, SetupError, HttpClient.HttpClient | Inferred<R>> =>
  System.inferred<Account, SetupError, R>(
    Layer.scoped(
      Account,
      Effect.gen(function*() {
        const { platform } = yield* located(given, options)
        const { read } = yield* CredentialSource.make(given, {
          mode: "Qualys/Basic",
          make: ({ password, username }): Either.Either<QualysCredential.QualysCredential, InvalidSetting> =>
            type === "basic"
              ? QualysCredential.basic({ username, password, platform })
              : QualysCredential.jwt({ username, password, platform })
        })
        const credential = Effect.flatMap(read, (
          credential
        ): Effect.Effect<QualysCredential.QualysCredential, ExchangeError | InvalidSetting> =>
          credential._tag === "Basic" || tokens === undefined
            ? Effect.succeed(credential)
            : Effect.flatMap(tokens.get, ({ value }) =>
              QualysCredential.jwt({
                username: credential.username,
                password: credential.password,
                token: value,
                platform
              })))
        return { client: yield* makeBasic(given, options), credential }
      })
    )
  )

/** The evidence of the API host for a JWT that goes there too. */
const apiAccessOf = (
  mode: string,
  place: ReturnType<typeof located>,
  { alsoApi }: Options
): Layer.Layer<ApiAccess, InvalidSetting> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the overloads of `layerJwt` claim it with `alsoApi` alone
  alsoApi === true ? Access.layer(ApiAccess, mode, place) : Layer.empty as Layer.Layer<ApiAccess>

/** What a mode that is known at run time only can access; the types do not show it. */
const accessOf = (
  credential: TaggedCredential,
  options: Options,
  tokens: TokenSource | undefined
): Layer.Layer<never, SetupError, HttpClient.HttpClient> => {
  const mode = modeOf(credential)
  switch (credential._tag) {
    case "Basic":
    case "Session":
      return Layer.merge(
        Access.layer(ApiAccess, mode, located(credential, options)),
        layerAccount("basic", credential, options)
      )
    case "Jwt": {
      const place = located(credential, options)
      return Layer.mergeAll(
        Access.layer(GatewayAccess, mode, place),
        apiAccessOf(mode, place, options),
        layerAccount("token", credential, options, tokens)
      )
    }
    case "Bearer":
    case "ClientCredentials":
      return Layer.merge(
        Access.layer(ApiAccess, mode, located(undefined, options)),
        Access.layer(GatewayAccess, mode, located(undefined, options))
      )
  }
}
