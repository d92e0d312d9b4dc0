/**
 * Another token, exchanged for one of this API (RFC 8693): the mode `OAuth/TokenExchange`. The subject is asked for its token
 * at each exchange. What the answer does not say lives no longer than its subject. If the server does not accept the
 * subject's token, the subject is told so, and its next one is exchanged, once.
 *
 * @since 0.1.0
 */
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Account from "./internal/account.ts"
import * as Mode from "./internal/mode.ts"
import * as Session from "./internal/session.ts"
import * as Subject from "./internal/subject.ts"
import type { TokenExchange } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<TokenExchange>, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /** Whose token is exchanged. */
  readonly subject: TokenSource
  /** The name of the subject, under which tokens are stored. Default: none is stored. */
  readonly account?: string | undefined
  /** Default: an access token, `urn:ietf:params:oauth:token-type:access_token`. */
  readonly subjectTokenType?: string | undefined
  /** Who acts for the subject (RFC 8693 section 4.1). Default: nobody but the client. */
  readonly actor?: { readonly tokens: TokenSource; readonly tokenType?: string | undefined } | undefined
  /** Default: what the server thinks fit. */
  readonly requestedTokenType?: string | undefined
  /** The services the token is for, by the names that the server knows. */
  readonly audience?: string | ReadonlyArray<string> | undefined
  /**
   * Whether a refresh token in the answer is redeemed, so that the session outlives its subject's. Default: no; the subject's
   * token is exchanged again.
   */
  readonly refresh?: boolean | undefined
}

/**
 * The tokens by themselves. One that is no access token (`N_A`, RFC 8693 section 2.2.1), such as an assertion for another
 * server, can be had only here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Session.TokenSettings & Session.TokenOptions & Grant & Credential<R>
): Session.Tokens<R> => tokensOfTypes(["bearer", "n_a"], options)

const tokensOfTypes = <R>(
  types: ReadonlyArray<string>,
  options: Session.TokenSettings & Session.TokenOptions & Grant & Credential<R>
): Session.Tokens<R> => {
  const { account, actor, audience, refresh = false, requestedTokenType, subject, subjectTokenType } = options
  return Account.named(
    options,
    Session.makeTokens(options, {
      name,
      given: options.credential,
      make: Credentials.tokenExchange,
      account: account === undefined ? undefined : () => JSON.stringify([account, [requestedTokenType, audience]]),
      required: "issued_token_type",
      types,
      refreshes: refresh,
      login: ({ exchange }, demand) =>
        Subject.exchanged(
          subject,
          ({ value }) =>
            Effect.flatMap(actor === undefined ? Effect.succeed(undefined) : actor.tokens.get, (acting) =>
              exchange({
                grant_type: grantType,
                subject_token: Redacted.value(value),
                subject_token_type: subjectTokenType ?? accessToken,
                actor_token: acting === undefined ? undefined : Redacted.value(acting.value),
                actor_token_type: acting === undefined ? undefined : actor?.tokenType ?? accessToken,
                ...(requestedTokenType === undefined ? undefined : { requested_token_type: requestedTokenType }),
                ...(audience === undefined ? undefined : { audience })
              }, { demand })),
          ["invalid_request", "invalid_grant"]
        )
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
  Mode.makeOf<O, R>(name, tokensOfTypes(["bearer"], options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type { TokenSource } from "@effect-auth/core/TokenSource"
 * import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
 * import * as Redacted from "effect/Redacted"
 *
 * declare const subject: TokenSource
 *
 * const OrdersLive = TokenExchange.layer({
 *   baseUrl: "https://orders.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "gateway", clientSecret: Redacted.make("...") },
 *   subject,
 *   audience: "orders"
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Mode.Options<Self> & Grant & Credential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf(name, tokensOfTypes(["bearer"], options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Session.Settings & { readonly credential: Untagged<TokenExchange> }>,
  options: Mode.PlainOptions<Self> & Grant
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "OAuth/TokenExchange"

/** RFC 8693 sections 2.1 and 3. */
const grantType = "urn:ietf:params:oauth:grant-type:token-exchange"
const accessToken = "urn:ietf:params:oauth:token-type:access_token"
