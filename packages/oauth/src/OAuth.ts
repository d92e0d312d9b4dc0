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
import type { ExchangeError, InvalidSetting, SetupError } from "@effect-auth/core/AuthError"
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import type { Demand, TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Assertion } from "./Assertion.ts"
import type { AuthorizationServer } from "./AuthorizationServer.ts"
import type { ClientAuthentication } from "./ClientAuthentication.ts"
import * as ClientAuthentications from "./ClientAuthentication.ts"
import * as Parameters from "./internal/parameters.ts"
import * as Servers from "./internal/servers.ts"
import * as TokenRequest from "./internal/tokenRequest.ts"
import type { ClientCredentials, JwtBearer, RefreshToken, TokenExchange } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * The settings of every mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings, Parameters.Wanted {
  /**
   * The authorization server: its issuer URL, whose metadata is read before the first login, or its endpoints
   * (`AuthorizationServer.make`), so that nothing is read.
   */
  readonly server: string | AuthorizationServer
}

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
 * What only code can give, for tokens by themselves.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions extends System.PlainOptions {
  /** How the client authenticates. Default: by its secret, as the server's metadata allows; without one not at all. */
  readonly authentication?: ClientAuthentication | undefined
  /** Members of the token response to keep as `Token.extra`, such as `instance_url`. Default: none. */
  readonly keep?: ReadonlyArray<string> | undefined
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

type Needs = HttpClient.HttpClient | Scope.Scope

type Tokens<R> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

/**
 * The token source of a client that acts for itself (RFC 6749 section 4.4). A refresh token in the answer is ignored: a
 * login costs the same, and no one can reuse it (section 4.4.3).
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientCredentialsTokens = <R = never>(
  options: Settings & TokenOptions & { readonly credential: Given<Untagged<ClientCredentials>, R> }
): Tokens<R> =>
  sessionTokens("OAuth/ClientCredentials", options, {
    given: options.credential,
    make: Credentials.clientCredentials,
    login: (exchange, { demand }) =>
      Effect.map(exchange({ grant_type: "client_credentials" }, "login", demand), withoutRefreshToken)
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
): Tokens<R> =>
  sessionTokens("OAuth/RefreshToken", options, {
    given: options.credential,
    make: Credentials.refreshToken,
    // the session itself is what a stored token continues
    account: ({ refreshToken }) => Redacted.value(refreshToken),
    login: (_, { mode }) =>
      new CredentialsRejected({ mode, detail: "the session has ended; supply the refresh token of a new one" }),
    refreshes: true,
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
 * here (`Assertion.signed`), or one from elsewhere, such as a workload's identity. A refused one is not sent again.
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearerTokens = <R = never>(
  options: Settings & TokenOptions & {
    readonly credential?: Given<Untagged<JwtBearer>, R>
    readonly assertion: Assertion
  }
): Tokens<R> =>
  sessionTokens("OAuth/JwtBearer", options, {
    given: options.credential ?? {},
    make: Credentials.jwtBearer,
    login: (exchange, { demand, server }) =>
      Effect.flatMap(options.assertion(server), (assertion) =>
        Effect.map(
          exchange({ grant_type: grants.jwtBearer, assertion: Redacted.value(assertion) }, "login", demand),
          withoutRefreshToken
        ))
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
): Tokens<R> =>
  sessionTokens("OAuth/TokenExchange", options, {
    given: options.credential,
    make: Credentials.tokenExchange,
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
          (token) => withoutRefreshToken(noLongerThan(token, subject))
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

const noLongerThan = (token: Token.Token, { expiresAt }: Token.Token): Token.Token =>
  token.expiresAt !== undefined || expiresAt === undefined ? token : new Token.Token({ ...token, expiresAt })

/** Asks the token endpoint. */
type Exchange = (
  parameters: Parameters.Parameters,
  grant: "login" | "refresh",
  demand?: Demand
) => Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>

interface Client {
  readonly clientId?: string
  readonly clientSecret?: Redacted.Redacted
}

/** What a login depends on. */
interface Login {
  readonly mode: string
  readonly server: AuthorizationServer
  readonly demand: Demand
}

interface Session<F extends object, C extends Client, R> {
  readonly given: Given<F, R>
  readonly make: (fields: F) => Either.Either<C, InvalidSetting>
  /** Whose tokens they are. Default: the client's. */
  readonly account?: (credential: C) => string
  readonly login: (
    exchange: Exchange,
    login: Login
  ) => Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>
  readonly refreshes?: boolean
  /** The refresh token of a session that began elsewhere. */
  readonly begun?: (credential: C) => Redacted.Redacted
}

const sessionTokens = <F extends object, C extends Client, R>(
  mode: string,
  options: Settings & TokenOptions,
  session: Session<F, C, R>
): Tokens<R> =>
  Effect.gen(function*() {
    const credential = yield* CredentialSource.make(session.given, { mode, make: session.make })
    const servers = yield* Servers.make(options.server, mode)

    const clientOf = (credential: C) =>
      Effect.map(servers.read, (server): TokenRequest.OAuthClient => ({
        mode,
        server,
        clientId: credential.clientId,
        authentication: options.authentication ?? ClientAuthentications.forSecret(credential.clientSecret, server)
      }))

    const exchangeFor = (credential: C): Exchange => (parameters, grant, demand) => {
      const scope = Parameters.scopeOf(options, demand)
      // a refresh asks for what was granted (RFC 6749 section 6)
      const asked = grant === "refresh" ? undefined : scope
      return Effect.flatMap(clientOf(credential), (client) =>
        TokenRequest.send(client, Parameters.make(options, parameters, asked), {
          grant,
          scope: asked,
          keep: options.keep ?? []
        })).pipe(Effect.tapErrorTag("CredentialsRejected", ({ reason }) =>
          reason === "Setting" ? servers.forget : Effect.void))
    }

    const ended = (token: Token.Token) =>
      Effect.flatMap(credential.read, (credential) =>
        Effect.flatMap(clientOf(credential), (client) => {
          const endpoint = client.server.revocationEndpoint
          return endpoint === undefined ? Effect.void : TokenRequest.revoke(client, endpoint, token)
        }))

    const {
      account = ({ clientId = "anyone" }: C) =>
        clientId,
      begun,
      login,
      refreshes
    } = session
    return yield* System.makeTokens({
      mode,
      origin: servers.origin,
      account: Effect.map(
        credential.read,
        (credential) =>
          [account(credential), ...options.scope ?? [], ...[options.resource ?? []].flat()].join(" ")
      ),
      login: (demand) =>
        Effect.flatMap(
          Effect.zip(credential.read, servers.read),
          ([credential, server]) =>
            login(exchangeFor(credential), { mode, server, demand })
        ),
      refresh: refreshes === true
        ? (refreshToken) =>
          Effect.flatMap(credential.read, (credential) =>
            exchangeFor(credential)(
              { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) },
              "refresh"
            ))
        : undefined,
      revoke: ended,
      initial: begun === undefined
        ? undefined
        : Effect.asSome(Effect.flatMap(credential.read, (credential) => spent(begun(credential))))
    }, options)
  })

/** A token that has to be refreshed before it is used: only its refresh token is known. */
const spent = (refreshToken: Redacted.Redacted): Effect.Effect<Token.Token, ExchangeError> =>
  Effect.map(
    Token.make({ value: "not-known", lifetime: "1 milli", refreshToken }),
    (token) => new Token.Token({ ...token, expiresAt: token.issuedAt })
  )

const withoutRefreshToken = ({ refreshExpiresAt: _, refreshToken: __, ...token }: Token.Token): Token.Token =>
  new Token.Token(token)

const layerOf = <Self, R>(mode: string, tokens: Tokens<R>, options: Options<Self>): ModeLayer<Self, never, R> =>
  AuthenticatedHttpClient.layer(
    Effect.map(tokens, (tokens) => Authenticator.bearer(tokens, { mode, review: Authenticator.reviewDemands })),
    options
  )
