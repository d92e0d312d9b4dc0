/**
 * An assertion, exchanged for a token (RFC 7523 section 2.1): the mode `OAuth/JwtBearer`. `assertion` is asked for one at
 * each exchange: one that is signed here (`Assertion.signed`), or one from elsewhere, such as a workload's identity. A refused
 * one is not sent again.
 *
 * @since 0.1.0
 */
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { Assertion } from "./Assertion.ts"
import * as Account from "./internal/account.ts"
import * as Mode from "./internal/mode.ts"
import * as Session from "./internal/session.ts"
import type { JwtBearer } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  /** Default: none; the assertion says all there is to say. */
  readonly credential?: Given<Untagged<JwtBearer>, R> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  readonly assertion: Assertion
  /** Whom the assertions are about: tokens are stored under this name. Default: none is stored. */
  readonly account?: string | undefined
}

/**
 * The tokens by themselves.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Session.TokenSettings & Session.TokenOptions & Grant & Credential<R>
): Session.Tokens<R> => {
  const { account, assertion } = options
  return Account.named(
    options,
    Session.makeTokens(options, {
      name,
      given: options.credential ?? {},
      make: Credentials.jwtBearer,
      account: account === undefined ? undefined : () => account,
      login: ({ client, exchange }, demand) =>
        Effect.flatMap(
          assertion(client.server),
          (assertion) => exchange({ grant_type: grantType, assertion: Redacted.value(assertion) }, { demand })
        ),
      refreshes: false
    })
  )
}

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Mode.Options & Grant, R = never>(options: O & Credential<R>): Mode.Client<O, R> =>
  Mode.makeOf<O, R>(name, makeTokens(options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import * as Assertion from "@effect-auth/oauth/Assertion"
 * import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
 * import type { SigningKey } from "@effect-auth/oauth/SigningKey"
 *
 * declare const key: SigningKey
 *
 * const AcmeLive = JwtBearer.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   assertion: Assertion.signed({ key, issuer: "robot@acme.example", subject: "ada@acme.example" }),
 *   scope: ["mail"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Mode.Options<Self> & Grant & Credential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf(name, makeTokens(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Session.Settings & { readonly credential: Untagged<JwtBearer> }>,
  options: Mode.PlainOptions<Self> & Grant
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "OAuth/JwtBearer"

/** RFC 7523 section 2.1. */
const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"
