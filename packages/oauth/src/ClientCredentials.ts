/**
 * A client that acts for itself (RFC 6749 section 4.4): the mode `OAuth/ClientCredentials`. A refresh token in the answer is
 * ignored: a login costs the same, and no one can reuse it (section 4.4.3).
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Mode from "./internal/mode.ts"
import * as Session from "./internal/session.ts"
import type { ClientCredentials } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<ClientCredentials>, R>
}

/**
 * The tokens by themselves. Fails with `InvalidSetting` without a secret and an `authentication`: only a client that
 * authenticates can act for itself (section 4.4).
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Session.TokenSettings & Session.TokenOptions & Credential<R>
): Session.Tokens<R> =>
  Session.makeTokens(options, {
    name,
    given: options.credential,
    make: (fields) =>
      fields.clientSecret === undefined && options.authentication === undefined
        ? Either.left(
          new InvalidSetting({
            setting: "credential.clientSecret",
            problem: "is needed, unless there is an `authentication`"
          })
        )
        : Credentials.clientCredentials(fields),
    account: () => "itself",
    login: ({ exchange }, demand) => exchange({ grant_type: "client_credentials" }, { demand }),
    refreshes: false
  })

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Mode.Options, R = never>(options: O & Credential<R>): Mode.Client<O, R> =>
  Mode.makeOf<O, R>(name, makeTokens(options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
 *
 * const AcmeLive = ClientCredentials.layer({
 *   client: Acme,
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "reporting", clientSecret: Redacted.make("...") },
 *   scope: ["reports:read"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Mode.Options<Self> & Credential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf(name, makeTokens(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Session.Settings & { readonly credential: Untagged<ClientCredentials> }>,
  options?: Mode.PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "OAuth/ClientCredentials"
