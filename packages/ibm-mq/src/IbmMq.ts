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
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type * as Authenticator from "@effect-auth/core/Authenticator"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import type { MutualTls } from "@effect-auth/core/MutualTls"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Clients from "./internal/clients.ts"
import type { Client, Mode, ModeLayer, ModeName, Options, Settings, TaggedCredential } from "./internal/mode.ts"
import { layerOf, modeOf, MqClient } from "./internal/mode.ts"
import type * as Credentials from "./MqCredential.ts"
import type { UserPassword } from "./MqCredential.ts"

export {
  /**
   * @since 0.1.0
   * @category config
   */
  ltpaConfig as credentialConfig
} from "./MqCredential.ts"

export {
  /**
   * The client of IBM MQ, whatever its mode. Every layer of this module provides it.
   *
   * @since 0.1.0
   * @category tags
   */
  MqClient,
  /**
   * `MqClient` under the name it has in every system.
   *
   * @since 0.1.0
   * @category tags
   */
  MqClient as Client
}

export type { Mode, ModeLayer, ModeName, Options, Settings, TaggedCredential }

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
      return Clients.basic(credential, options)
    case "Ltpa":
      return Clients.ltpa(credential, options)
    case "ClientCertificate":
      return Clients.installedCertificate(options)
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
  System.layerConfig(config, (settings): ModeLayer<Mode<C>, ExchangeError> => layer<C>({ ...options, ...settings }))

/**
 * HTTP Basic: user name and password on every request. The user name has no colon (RFC 7617 section 2).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBasic = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Credential.Basic>, R> }
): ModeLayer<"IbmMq/Basic", never, R> => layerOf("IbmMq/Basic", Clients.basic(options.credential, options))

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
  System.layerConfig(config, (settings) => layerBasic({ ...options, ...settings }))

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
): ModeLayer<"IbmMq/Ltpa", ExchangeError, R> => layerOf("IbmMq/Ltpa", Clients.ltpa(options.credential, options))

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
  System.layerConfig(config, (settings) => layerLtpa({ ...options, ...settings }))

/**
 * Client certificate: the proof is in TLS, and the certificate's common name is the user. The certificate itself is given
 * to the `HttpClient` (`@effect-auth/node`); a program without one does not compile. Every origin has to be https.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCertificate = (options: Options): ModeLayer<"IbmMq/ClientCertificate", never, MutualTls> =>
  layerOf("IbmMq/ClientCertificate", Clients.clientCertificate(options))

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
  System.layerConfig(config, (settings) => layerClientCertificate({ ...options, ...settings }))

/**
 * The tokens of the LTPA mode by themselves, to watch them or to share one session among clients made by {@link makeWith}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Credentials.Ltpa>, R> }
): Effect.Effect<TokenSource, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope | R> =>
  Clients.ltpaTokens(options.credential, options)

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
  "prove" in given ? Clients.proved(given, options) : Clients.ltpaOf(given, options)

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
