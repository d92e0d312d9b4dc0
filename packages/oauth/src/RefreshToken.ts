/**
 * A session that began elsewhere, such as in a browser (RFC 6749 section 6): the mode `OAuth/RefreshToken`. When the server
 * has ended it, nobody can log in again here.
 *
 * @since 0.1.0
 */
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Mode from "./internal/mode.ts"
import * as Session from "./internal/session.ts"
import type { RefreshToken } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<RefreshToken>, R>
}

/**
 * The tokens by themselves. The refresh token is redeemed before the first request.
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
    make: Credentials.refreshToken,
    // the session itself is what a stored token continues
    account: ({ refreshToken }) => Redacted.value(refreshToken),
    login: new CredentialsRejected({
      mode: name,
      detail: "the session has ended; supply the refresh token of a new one"
    }),
    refreshes: true,
    begun: spent
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
 * import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
 * import * as Redacted from "effect/Redacted"
 *
 * const AcmeLive = RefreshToken.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "acme-cli", refreshToken: Redacted.make("...") }
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
  config: Config.Config.Wrap<Session.Settings & { readonly credential: Untagged<RefreshToken> }>,
  options?: Mode.PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "OAuth/RefreshToken"

/** Only the refresh token is known: it is redeemed before the first request. */
const spent = ({ refreshToken }: RefreshToken): Effect.Effect<Token.Token> =>
  Effect.map(
    DateTime.now,
    (now) => new Token.Token({ value: Redacted.make("none"), issuedAt: now, expiresAt: now, refreshToken })
  )
