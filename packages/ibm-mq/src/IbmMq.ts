/**
 * IBM MQ: authenticated access to its administrative REST API (mqweb). Each mode is a layer that provides the client of
 * the system for paths such as `/admin/qmgr`; changing the mode changes one line.
 *
 * | mode                      | layer                    | on the wire                                               |
 * |---------------------------|--------------------------|-----------------------------------------------------------|
 * | `IbmMq/Basic`             | `layerBasic`             | user name and password on each request                    |
 * | `IbmMq/Ltpa`              | `layerLtpa`              | one login, then a cookie; logout at the end               |
 * | `IbmMq/ClientCertificate` | `layerClientCertificate` | mutual TLS, through a transport of `@effect-auth/node`    |
 *
 * A request carries the proof of its mode and no other. The server takes the first good one of an LTPA cookie, a
 * certificate and `Authorization`, and answers the latter two with an LTPA cookie; so a cookie of that name which a caller
 * or a cookie jar adds is removed in every mode, and a caller's `Authorization` where the mode has none.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import type { ClientCertificate } from "@effect-auth/core/ClientCertificate"
import * as Credential from "@effect-auth/core/Credential"
import type { Fields, Given, Inferred, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Csrf from "./internal/csrf.ts"
import * as Gateway from "./internal/gateway.ts"
import * as Ltpa from "./internal/ltpa.ts"
import * as Proof from "./internal/proof.ts"
import * as Refusal from "./internal/refusal.ts"
import type { MqCredential, UserPassword } from "./MqCredential.ts"
import * as Credentials from "./MqCredential.ts"
import * as MqError from "./MqError.ts"

export {
  /**
   * @since 0.1.0
   * @category config
   */
  ltpaConfig as credentialConfig
} from "./MqCredential.ts"

/**
 * The client of IBM MQ, whatever its mode. Every layer of this module provides it.
 *
 * @since 0.1.0
 * @category tags
 */
// @effect-diagnostics-next-line deterministicKeys:off -- every system's client has the key `<package>/Client`
export class MqClient extends Context.Tag("@effect-auth/ibm-mq/Client")<MqClient, AuthenticatedHttpClient.Service>() {}

export {
  /**
   * {@link MqClient} under the name it has in every system.
   *
   * @since 0.1.0
   * @category tags
   */
  MqClient as Client
}

/**
 * The mode of a credential: `IbmMq/Ltpa`, `IbmMq/Basic` or `IbmMq/ClientCertificate`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends { readonly _tag: MqCredential["_tag"] }> = `IbmMq/${C["_tag"]}`

/**
 * The name of a mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeName = Mode<MqCredential>

/**
 * The settings of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings {
  /**
   * The value of the `ibm-mq-rest-csrf-token` header, which may be empty; `null` leaves the header out. Servers before
   * 9.0.5 issue the value with a login, and theirs is used then. Default: `local`.
   */
  readonly csrfToken?: string | null | undefined
  /**
   * The whole name of the token's cookie, if the server is configured with a name of its own. The modes without a token
   * never send it. Default: the cookie whose name begins with `LtpaToken2`.
   */
  readonly cookieName?: string | undefined
  /**
   * The queue manager through which remote ones are reached, on every command that does not name its own. A login never
   * carries it. Default: the server's choice.
   */
  readonly gatewayQmgr?: string | undefined
  /**
   * LTPA: how long the server's tokens live (its `ltpaExpiration`), which the cookie does not state. A server that
   * remembers an earlier login of the user (for ten minutes) answers with the token of that login, which expires sooner;
   * its refusal leads to a new login. Default: 120 minutes, as the server's.
   */
  readonly lifetime?: DurationWithUnit | undefined
  /**
   * LTPA: whether the token is logged out at the end of the Scope. Two logins of one user may be given the same token; a
   * server that tracks logouts (`trackLoggedOutSSOCookies`) then refuses it to everyone who has it, and each of them logs
   * in anew. `false` where several processes use one user. Default: yes, unless a store keeps the session.
   */
  readonly logout?: boolean | undefined
}

/**
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
export type TaggedCredential = Fields<Credentials.Ltpa> | Fields<Credential.Basic> | Fields<ClientCertificate>

/**
 * What the layer of a mode provides.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Name extends string, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | MqClient | AuthMode.Evidence<Name>,
  SetupError | E,
  HttpClient.HttpClient | Inferred<R>
>

/**
 * A client in the mode of the given credential. A client certificate has to be given to the `HttpClient` too: without
 * `MutualTls`, its evidence, that mode fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options & { readonly credential: TaggedCredential }): Client<ExchangeError> => {
  const { credential } = options
  switch (credential._tag) {
    case "Basic":
      return makeBasic(credential, options)
    case "Ltpa":
      return makeLtpa(credential, options)
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
    Effect.map(System.readConfig(config), (settings): ModeLayer<Mode<C>, ExchangeError> =>
      layer<C>({ ...options, ...settings }))
  )

/**
 * HTTP Basic: user name and password on every request. The user name has no colon (RFC 7617 section 2).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Credential.Basic>, R> }
): ModeLayer<"IbmMq/Basic", never, R> => layerOf("IbmMq/Basic", makeBasic(options.credential, options))

/**
 * {@link layerBasic} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasicConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: UserPassword }>,
  options?: System.PlainOptions
): ModeLayer<"IbmMq/Basic", ConfigError> =>
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerBasic({ ...options, ...settings })))

/**
 * LTPA: one login, then a cookie. The token is renewed before it expires, obtained anew when the server refuses it, and
 * logged out at the end of the Scope. Fails with an error of the login only if that is `eager`.
 *
 * @example
 * ```ts
 * import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const credential = { username: "reader", password: Redacted.make("…") }
 * const Mq = IbmMq.layerLtpa({ baseUrl: "https://mq.example:9443/ibmmq/rest/v3", credential })
 * // const Mq = IbmMq.layerBasic({ baseUrl: "https://mq.example:9443/ibmmq/rest/v3", credential })
 *
 * const program = Effect.gen(function*() {
 *   const http = yield* IbmMq.Client
 *   const response = yield* http.get("/admin/qmgr")
 *   return yield* response.json
 * }).pipe(Effect.provide(Mq))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLtpa = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Credentials.Ltpa>, R> }
): ModeLayer<"IbmMq/Ltpa", ExchangeError, R> => layerOf("IbmMq/Ltpa", makeLtpa(options.credential, options))

/**
 * {@link layerLtpa} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerLtpaConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: UserPassword }>,
  options?: System.PlainOptions
): ModeLayer<"IbmMq/Ltpa", ExchangeError | ConfigError> =>
  Layer.unwrapEffect(Effect.map(System.readConfig(config), (settings) => layerLtpa({ ...options, ...settings })))

/**
 * Client certificate: the proof is in TLS, and the certificate's common name is the user. The certificate itself is given
 * to the `HttpClient` (`@effect-auth/node`); a program without one does not compile. Every origin has to be https.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCertificate = (options: Options): ModeLayer<"IbmMq/ClientCertificate", never, MutualTls> =>
  layerOf("IbmMq/ClientCertificate", makeClientCertificate(options))

/**
 * {@link layerClientCertificate} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCertificateConfig = (
  config: Config.Config.Wrap<Settings>,
  options?: System.PlainOptions
): ModeLayer<"IbmMq/ClientCertificate", ConfigError, MutualTls> =>
  Layer.unwrapEffect(
    Effect.map(System.readConfig(config), (settings) => layerClientCertificate({ ...options, ...settings }))
  )

/**
 * The tokens of the LTPA mode by themselves, to watch them or to share one session among clients made by {@link makeWith}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Credentials.Ltpa>, R> }
): Effect.Effect<TokenSource, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope | R> =>
  ltpaTokens(options.credential, options)

/**
 * A client of the LTPA mode on tokens of {@link makeTokens}, or one of an authenticator, for a proof that an administrator
 * has added to the server, such as a bearer (`mpJwt` of Liberty). IBM documents none beside the three modes, so a layer of
 * it provides no evidence of a mode. The client adds what mqweb asks for: `Accept`, the CSRF header, and no other proof.
 *
 * @example
 * ```ts
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import type { TokenSource } from "@effect-auth/core/TokenSource"
 * import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
 * import * as Layer from "effect/Layer"
 *
 * declare const tokens: TokenSource // such as of `ClientCredentials.makeTokens` in `@effect-auth/oauth`
 *
 * const Mq = Layer.effect(
 *   IbmMq.Client,
 *   IbmMq.makeWith(Authenticator.bearer(tokens), { baseUrl: "https://mq.example:9443/ibmmq/rest/v3" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = (
  given: TokenSource | Authenticator.Authenticator,
  options: Options
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.flatMap(csrfToken(options), (csrfToken) =>
    "prove" in given
      ? bind(given, options, RequestCredentials.apply(Csrf.credentials(csrfToken)))
      : bind(
        Authenticator.fromTokens(given, {
          mode: "IbmMq/Ltpa",
          explain: MqError.explain,
          credentials: Ltpa.credentials(csrfToken)
        }),
        options
      ))

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
) => Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode.AuthMode<Name>> | MqClient> =>
  AuthMode.require(mode, MqClient)

type Needs = HttpClient.HttpClient | Scope.Scope

type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

const layerOf = <const Name extends string, E, R = never>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, HttpClient.HttpClient | Scope.Scope | R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | MqClient | AuthMode.Evidence<Name>,
  E,
  HttpClient.HttpClient | Inferred<R>
> =>
  System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient | MqClient | AuthMode.Evidence<Name>, E, R>(
    AuthenticatedHttpClient.layerMode({ mode, client: MqClient }, make)
  )

const makeBasic = <R>(given: Given<Untagged<Credential.Basic>, R>, options: Options): Client<never, R> =>
  Effect.gen(function*() {
    const mode = "IbmMq/Basic"
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ password, username }) => Credential.basic({ username, password })
    })
    const csrf = Csrf.credentials(yield* csrfToken(options))
    return yield* bind(
      Authenticator.fromCredential(credential, {
        mode,
        explain: Refusal.explainBasic,
        coolDown: options.refreshPolicy?.coolDown,
        credentials: (credential) => RequestCredentials.all(RequestCredentials.basic(credential), csrf)
      }),
      options
    )
  })

const makeLtpa = <R>(given: Given<Untagged<Credentials.Ltpa>, R>, options: Options): Client<ExchangeError, R> =>
  Effect.flatMap(ltpaTokens(given, options), (tokens) => makeWith(tokens, options))

const ltpaTokens = <R>(given: Given<Untagged<Credentials.Ltpa>, R>, options: Options) =>
  Effect.gen(function*() {
    const mode = "IbmMq/Ltpa"
    const { baseUrl } = yield* OriginPolicy.make(options)
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ password, username }) => Credentials.ltpa({ username, password })
    })
    const named = yield* cookieName(options)
    const endpoint: Ltpa.Endpoint = {
      baseUrl,
      mode,
      cookieName: named,
      lifetime: options.lifetime ?? "120 minutes",
      csrfToken: yield* csrfToken(options)
    }
    return yield* System.makeTokens({
      mode,
      origin: baseUrl,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, (credential) => Ltpa.login(endpoint, credential)),
      revoke: Ltpa.logout(endpoint)
    }, options).pipe(withoutJar(named))
  })

const makeClientCertificate = (options: Options): Client<never, MutualTls> =>
  Effect.gen(function*() {
    const { subject } = yield* MutualTls
    const { origins } = yield* OriginPolicy.make(options)
    if (origins.some((origin) => !origin.startsWith("https:"))) {
      return yield* new InvalidSetting({
        setting: "baseUrl",
        problem: "must begin with https://, as must all origins: a client certificate is presented in TLS only"
      })
    }
    return yield* bind(
      Authenticator.fixed(
        RequestCredentials.all(
          RequestCredentials.noHeader("authorization"),
          Csrf.credentials(yield* csrfToken(options))
        ),
        { mode: "IbmMq/ClientCertificate", explain: Refusal.explainCertificate(subject) }
      ),
      options
    )
  })

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

const modeOf = <C extends TaggedCredential>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `IbmMq/${tag}`
}

const csrfToken = ({ csrfToken = "local" }: Settings): Either.Either<string | null, InvalidSetting> =>
  csrfToken === null ? Either.right(null) : System.headerSetting("csrfToken", csrfToken)

const cookieName = (
  { cookieName }: Pick<Settings, "cookieName">
): Either.Either<string | undefined, InvalidSetting> =>
  cookieName === undefined ? Either.right(undefined) : System.nameSetting("cookieName", cookieName)

const gatewayQmgr = ({ gatewayQmgr }: Settings): Either.Either<string | undefined, InvalidSetting> =>
  gatewayQmgr === undefined ? Either.right(undefined) : Gateway.setting(gatewayQmgr)

/** mqweb answers only in JSON, and expects to be asked for it. `write` adds what the credentials do not. */
const bind = (
  authenticator: Authenticator.Authenticator,
  options: Options,
  write: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest = (request) => request
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const named = yield* cookieName(options)
    const gateway = yield* gatewayQmgr(options)
    const through = gateway === undefined ?
      write :
      (request: HttpClientRequest.HttpClientRequest) => Gateway.through(write(request), gateway)
    const alone = Proof.alone(authenticator, Proof.isToken(named), through)
    return yield* AuthenticatedHttpClient.make(alone, { ...options, defaultHeaders: { accept: "application/json" } })
      .pipe(withoutJar(named))
  })

const withoutJar = (cookieName: string | undefined) =>
  Effect.updateService(HttpClient.HttpClient, (client) => Proof.withoutJar(client, Proof.isToken(cookieName)))
