/**
 * OAuth 2: every way to a token as a mode. Each is a module with `makeTokens`, `make`, `layer` and `layerConfig`; its layer
 * provides the authenticated client under the tag of the API it is for.
 *
 * | mode                      | module              | you have |
 * |---------------------------|---------------------|----------|
 * | `OAuth/ClientCredentials` | `ClientCredentials` | a client that acts for itself |
 * | `OAuth/AuthorizationCode` | `AuthorizationCode` | a person with a browser, here or in front of your web application |
 * | `OAuth/Device`            | `Device`            | a person with a browser on another device |
 * | `OAuth/RefreshToken`      | `RefreshToken`      | a session that began elsewhere |
 * | `OAuth/JwtBearer`         | `JwtBearer`         | an assertion, or a key that signs one (RFC 7523) |
 * | `OAuth/TokenExchange`     | `TokenExchange`     | another token, to be exchanged (RFC 8693) |
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { ClientError, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Expiry } from "./internal/expiry.ts"
import * as Mode from "./internal/mode.ts"
import type { Settings, TokenOptions, Tokens, TokenSettings } from "./internal/session.ts"

export type { Expiry, Settings, TokenOptions, Tokens, TokenSettings }

export { expiryIn } from "./internal/expiry.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Client,
  ModeLayer,
  Options,
  PlainOptions
} from "./internal/mode.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface MakeWith extends Pick<TokenOptions, "dpop"> {
  /** Shown in errors and events. Default: `OAuth`. */
  readonly mode?: string | undefined
}

/**
 * A client on the tokens of any mode. Tokens that are bound to a key need the same `dpop` here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = <const O extends AuthenticatedHttpClient.Options & MakeWith>(
  tokens: TokenSource.TokenSource,
  options: O
): Effect.Effect<
  AuthenticatedHttpClient.Service<AuthenticatedHttpClient.Failures<O>>,
  SetupError,
  HttpClient.HttpClient
> => AuthenticatedHttpClient.make(Mode.authenticatorOf(options.mode ?? "OAuth", tokens, options.dpop), options)

/**
 * The clients of many principals: users, tenants, installations.
 *
 * @since 0.1.0
 * @category models
 */
export interface Principals<K, E = ClientError> {
  /** The client of a principal. It stays good for ever, and keeps nothing in memory while it is not used. */
  readonly forKey: (key: K) => AuthenticatedHttpClient.Service<E>
  /** Their tokens by themselves, such as to end a session: `tokensOf("ada").end`. */
  readonly tokensOf: (key: K) => TokenSource.TokenSource
}

/**
 * One client for each principal, each with tokens of its own: they are made when they are first needed, and ended when they
 * have not been used for `idle` (default: 1 hour), or when there are more than `capacity` (default: 100,000). Their session
 * is revoked then, unless a store keeps it. Keys are compared by value. `tokens` has to name the key as the `account`, or
 * one principal gets the stored token of another.
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 * import * as Assertion from "@effect-auth/oauth/Assertion"
 * import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
 * import * as OAuth from "@effect-auth/oauth/OAuth"
 * import type { SigningKey } from "@effect-auth/oauth/SigningKey"
 * import * as Effect from "effect/Effect"
 *
 * declare const key: SigningKey
 *
 * const program = Effect.gen(function*() {
 *   const server = yield* AuthorizationServer.remember("https://as.acme.example")
 *   const users = yield* OAuth.keyed((user: string) =>
 *     JwtBearer.makeTokens({
 *       baseUrl: "https://api.acme.example",
 *       server,
 *       account: user,
 *       assertion: Assertion.signed({ key, issuer: "reporting", subject: user })
 *     }), { baseUrl: "https://api.acme.example" })
 *   return yield* users.forKey("ada").get("/me")
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyed = <
  K,
  R,
  const O extends AuthenticatedHttpClient.Options & TokenSource.KeyedSettings & MakeWith
>(
  tokens: (key: K) => Effect.Effect<TokenSource.TokenSource, SetupError | ExchangeError, R | Scope.Scope>,
  options: O
): Effect.Effect<
  Principals<K, AuthenticatedHttpClient.Failures<O>>,
  SetupError,
  HttpClient.HttpClient | Scope.Scope | R
> =>
  Effect.gen(function*() {
    const mode = options.mode ?? "OAuth"
    const tokensOf = yield* TokenSource.keyedFrom<K, R>(
      (key) => Effect.mapError(tokens(key), (error) => unavailable(mode, error)),
      options
    )
    const bind = yield* AuthenticatedHttpClient.binder(options)
    const clients = new WeakMap<TokenSource.TokenSource, ReturnType<typeof bind>>()
    const clientOf = (tokens: TokenSource.TokenSource) => {
      const known = clients.get(tokens)
      if (known !== undefined) return known
      const client = bind(Mode.authenticatorOf(mode, tokens, options.dpop))
      clients.set(tokens, client)
      return client
    }
    return { tokensOf, forKey: (key) => clientOf(tokensOf(key)) }
  })

/** Settings of one principal that cannot be used. */
const unavailable = (mode: string, error: SetupError | ExchangeError): ExchangeError =>
  error._tag === "InvalidSetting" || error._tag === "InsecureTransport"
    ? new CredentialUnavailable({ mode, problem: error.message, final: true })
    : error
