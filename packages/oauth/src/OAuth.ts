/**
 * OAuth 2: ways to a token as modes. Each is a layer that provides the authenticated client under the tag of the API it is
 * for.
 *
 * | mode                      | layer                    | you have |
 * |---------------------------|--------------------------|----------|
 * | `OAuth/ClientCredentials` | `layerClientCredentials` | a client that acts for itself |
 * | `OAuth/RefreshToken`      | `layerRefreshToken`      | a session that began elsewhere |
 * | `OAuth/JwtBearer`         | `layerJwtBearer`         | an assertion, or a key that signs one (RFC 7523) |
 * | `OAuth/TokenExchange`     | `layerTokenExchange`     | another token, to be exchanged (RFC 8693) |
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { Assertion } from "./Assertion.ts"
import type { Settings, TokenOptions } from "./internal/session.ts"
import * as Session from "./internal/session.ts"
import type { ClientCredentials, JwtBearer, RefreshToken, TokenExchange } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

export type { Settings, TokenOptions }

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions<Self = never> extends TokenOptions {
  /** The tag of the API's client. Default: the shared client alone. */
  readonly client?: Context.Tag<Self, AuthenticatedHttpClient.Service> | undefined
}

/**
 * The options of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends Settings, PlainOptions<Self> {}

/**
 * What the layer of a mode provides.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Self, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | Self,
  SetupError | ExchangeError | E,
  HttpClient.HttpClient | R
>

/**
 * The token source of a client that acts for itself (RFC 6749 section 4.4). A refresh token in the answer is ignored: a
 * login costs the same, and no one can reuse it (section 4.4.3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientCredentialsTokens = <R = never>(
  options: Settings & TokenOptions & { readonly credential: Given<Untagged<ClientCredentials>, R> }
): Session.Tokens<R> =>
  Session.makeTokens("OAuth/ClientCredentials", options, {
    given: options.credential,
    make: Credentials.clientCredentials,
    account: () => "itself",
    login: (exchange, { demand }) => exchange({ grant_type: "client_credentials" }, "login", demand)
  })

/**
 * A client that acts for itself.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as OAuth from "@effect-auth/oauth/OAuth"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
 *
 * const AcmeLive = OAuth.layerClientCredentials({
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
export const layerClientCredentials = <Self = never, R = never>(
  options: Options<Self> & { readonly credential: Given<Untagged<ClientCredentials>, R> }
): ModeLayer<Self, never, R> => layerOf("OAuth/ClientCredentials", clientCredentialsTokens(options), options)

/**
 * {@link layerClientCredentials} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerClientCredentialsConfig = <Self = never>(
  config: Config.Config.Wrap<Settings & { readonly credential: ClientCredentials }>,
  options?: PlainOptions<Self>
): ModeLayer<Self, ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(System.readConfig(config), (settings) => layerClientCredentials({ ...options, ...settings }))
  )

/**
 * The token source of a session that began elsewhere (RFC 6749 section 6). When the server has ended it, nobody can log in
 * again here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refreshTokenTokens = <R = never>(
  options: Settings & TokenOptions & { readonly credential: Given<Untagged<RefreshToken>, R> }
): Session.Tokens<R> =>
  Session.makeTokens("OAuth/RefreshToken", options, {
    given: options.credential,
    make: Credentials.refreshToken,
    // the session itself is what a stored token continues
    account: ({ refreshToken }) => Redacted.value(refreshToken),
    login: undefined,
    begun: ({ refreshToken }) => refreshToken
  })

/**
 * A session that began elsewhere, such as in a browser.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRefreshToken = <Self = never, R = never>(
  options: Options<Self> & { readonly credential: Given<Untagged<RefreshToken>, R> }
): ModeLayer<Self, never, R> => layerOf("OAuth/RefreshToken", refreshTokenTokens(options), options)

/**
 * {@link layerRefreshToken} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRefreshTokenConfig = <Self = never>(
  config: Config.Config.Wrap<Settings & { readonly credential: RefreshToken }>,
  options?: PlainOptions<Self>
): ModeLayer<Self, ConfigError> =>
  Layer.unwrapEffect(
    Effect.map(System.readConfig(config), (settings) => layerRefreshToken({ ...options, ...settings }))
  )

/**
 * The token source of an assertion (RFC 7523 section 2.1). `assertion` is asked for one at each exchange: one that is signed
 * here (`Assertion.signed`), or one from elsewhere, such as a workload's identity. A refused one is not sent again. Tokens are
 * stored only for an `account`, which says whom the assertions are about.
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearerTokens = <R = never>(
  options: Settings & TokenOptions & {
    readonly credential?: Given<Untagged<JwtBearer>, R>
    readonly assertion: Assertion
    readonly account?: string | undefined
  }
): Session.Tokens<R> =>
  Session.makeTokens("OAuth/JwtBearer", options, {
    given: options.credential ?? {},
    make: Credentials.jwtBearer,
    account: accountOf(options),
    login: (exchange, { demand, server }) =>
      Effect.flatMap(
        options.assertion(server),
        (assertion) => exchange({ grant_type: grants.jwtBearer, assertion: Redacted.value(assertion) }, "login", demand)
      )
  })

/**
 * An assertion, exchanged for a token.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerJwtBearer = <Self = never, R = never>(
  options: Options<Self> & {
    readonly credential?: Given<Untagged<JwtBearer>, R>
    readonly assertion: Assertion
    readonly account?: string | undefined
  }
): ModeLayer<Self, never, R> => layerOf("OAuth/JwtBearer", jwtBearerTokens(options), options)

/**
 * The token source of another token's exchange (RFC 8693). The subject is asked for its token at each exchange. What the
 * answer does not say lives no longer than its subject. If the server does not accept the subject's token, the subject is
 * told so, and its next one is exchanged, once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const tokenExchangeTokens = <R = never>(
  options: Settings & TokenOptions & TokenExchangeOptions & {
    readonly credential: Given<Untagged<TokenExchange>, R>
  }
): Session.Tokens<R> =>
  Session.makeTokens("OAuth/TokenExchange", options, {
    given: options.credential,
    make: Credentials.tokenExchange,
    account: accountOf(options, [options.requestedTokenType, options.audience]),
    required: "issued_token_type",
    login: (exchange, { demand }) => {
      const exchanged = (subject: Token.Token) =>
        Effect.map(
          exchange(
            {
              grant_type: grants.tokenExchange,
              subject_token: Redacted.value(subject.value),
              subject_token_type: options.subjectTokenType ?? tokenTypes.access,
              requested_token_type: options.requestedTokenType,
              audience: options.audience
            },
            "login",
            demand
          ),
          (token) => noLongerThan(token, subject)
        )
      return Effect.flatMap(options.subject.get, (subject) =>
        Effect.catchTag(exchanged(subject), "CredentialsRejected", (error) =>
          error.code !== "invalid_request" && error.code !== "invalid_grant"
            ? error
            : Effect.flatMap(options.subject.reject(subject), (step) =>
              step === "fail" ? error : Effect.flatMap(options.subject.get, exchanged))))
    }
  })

/**
 * Another token, exchanged for one of this API.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTokenExchange = <Self = never, R = never>(
  options: Options<Self> & TokenExchangeOptions & { readonly credential: Given<Untagged<TokenExchange>, R> }
): ModeLayer<Self, never, R> => layerOf("OAuth/TokenExchange", tokenExchangeTokens(options), options)

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenExchangeOptions {
  /** Whose token is exchanged. */
  readonly subject: TokenSource
  /** The name of the subject, under which tokens are stored. Default: none is stored. */
  readonly account?: string | undefined
  /** Default: an access token, `urn:ietf:params:oauth:token-type:access_token`. */
  readonly subjectTokenType?: string | undefined
  /** Default: what the server thinks fit. */
  readonly requestedTokenType?: string | undefined
  /** The services the token is for, by the names that the server knows. */
  readonly audience?: string | ReadonlyArray<string> | undefined
}

/** RFC 7523 section 2.1, RFC 8693 section 2.1. */
const grants = {
  jwtBearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
  tokenExchange: "urn:ietf:params:oauth:grant-type:token-exchange"
}

const tokenTypes = { access: "urn:ietf:params:oauth:token-type:access_token" }

/** Only the caller knows whom an assertion or a subject's token is about. */
const accountOf = ({ account }: { readonly account?: string | undefined }, details: ReadonlyArray<unknown> = []) =>
  account === undefined ? undefined : () => JSON.stringify([account, ...details])

const noLongerThan = (token: Token.Token, { expiresAt }: Token.Token): Token.Token =>
  token.expiresAt !== undefined || expiresAt === undefined ? token : new Token.Token({ ...token, expiresAt })

const layerOf = <Self, R>(mode: string, tokens: Session.Tokens<R>, options: Options<Self>): ModeLayer<Self, never, R> =>
  AuthenticatedHttpClient.layer(
    Effect.map(tokens, (tokens) => Authenticator.bearer(tokens, { mode, review: Authenticator.reviewDemands })),
    options
  )
