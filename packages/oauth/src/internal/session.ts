/** The session of an OAuth client: who it is at which server, what it asks for, and the token source of that. */
import type { CredentialsRejected, CredentialUnavailable, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type { Given } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import type { Demand, TokenSource } from "@effect-auth/core/TokenSource"
import type { TokenStore } from "@effect-auth/core/TokenStore"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ClientAuthentication } from "../ClientAuthentication.ts"
import * as ClientAuthentications from "../ClientAuthentication.ts"
import type { Dpop } from "../Dpop.ts"
import type { Binding } from "./binding.ts"
import type { Expiry } from "./expiry.ts"
import * as Parameters from "./parameters.ts"
import * as Resources from "./resources.ts"
import type { AuthorizationServer } from "./server.ts"
import * as Servers from "./servers.ts"
import * as TokenRequest from "./tokenRequest.ts"

/**
 * The settings of every mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings, Wanted {}

/**
 * The settings of a mode's tokens by themselves. Those of a client may be there, too, and are not looked at.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenSettings extends Partial<System.Settings>, Wanted {}

interface Wanted extends Parameters.Wanted {
  /**
   * The authorization server: its issuer URL, whose metadata is read before the first login, or its endpoints as an
   * object, so that nothing is read. Sources of many keys share what `AuthorizationServer.remember` has read.
   */
  readonly server: string | AuthorizationServer | Servers.Remembered
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
  /** Binds tokens to a key (RFC 9449). Default: bearer tokens, which anyone who has one can use. */
  readonly dpop?: Dpop | undefined
  /** What stands between the scopes of an answer, where that is not a space (RFC 6749 section 3.3): GitHub and Slack. */
  readonly scopeSeparator?: "," | undefined
  /** How long a token lives of a server that states no `expires_in`, such as `OAuth.expiryIn("expires_on")`. Default: unknown. */
  readonly expiry?: Expiry | undefined
  /** Members of the token response to keep as `Token.extra`, such as `instance_url`. Default: none. */
  readonly keep?: ReadonlyArray<string> | undefined
}

export type Needs = HttpClient.HttpClient | Scope.Scope

/**
 * The tokens of a mode by themselves, which live as long as their Scope.
 *
 * @since 0.1.0
 * @category models
 */
export type Tokens<R = never> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

/** The client at its server as they are now, and how it asks for a token. One exchange is with one server throughout. */
export interface Connection<C> {
  readonly credential: C
  readonly client: TokenRequest.OAuthClient
  /** The key that new tokens are bound to; `undefined`: they are not. */
  readonly binding: Effect.Effect<Binding | undefined, ExchangeError>
  readonly exchange: (
    parameters: Parameters.Parameters,
    asked?: Asked
  ) => Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>
}

interface Asked extends Pick<TokenRequest.Reading, "dialect" | "grant" | "retryAfter"> {
  /** What is asked for beyond the settings. Without one no scope is sent, because it was agreed on before. */
  readonly demand?: Demand | undefined
  /** What was asked for before, where nothing is asked for now. */
  readonly scope?: ReadonlyArray<string> | undefined
  /** The key of the session that is continued. Default: that of the source. */
  readonly kept?: Redacted.Redacted | undefined
}

interface Client {
  readonly clientId?: string
  readonly clientSecret?: Redacted.Redacted
}

/** How one mode asks for a token. */
type Login<C, R> = (
  connection: Connection<C>,
  demand: Demand
) => Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient | R>

/** What one mode brings. */
export interface Mode<F extends object, C extends Client, R, I = never> {
  readonly name: string
  readonly given: Given<F, R>
  readonly make: (fields: F) => Either.Either<C, InvalidSetting>
  /**
   * Whose tokens they are, beside the client's; `undefined` if that cannot be told, so that nothing may be stored.
   */
  readonly account: ((credential: C) => string) | undefined
  /** `undefined`: nobody can log in by credentials alone. An error: what is said then, where it is more than that. */
  readonly login?: Login<C, never> | CredentialsRejected | undefined
  /** How a person logs in. */
  readonly interactive?: Login<C, I> | undefined
  /** Whether the refresh tokens of its answers are redeemed. */
  readonly refreshes: boolean
  /** The token of a session that began elsewhere. */
  readonly begun?: ((credential: C) => Effect.Effect<Token.Token>) | undefined
  /** The types of token that can be used, in lower case. Default: bearer tokens (RFC 6750). */
  readonly types?: ReadonlyArray<string> | undefined
  /** A member that the answer must have (RFC 8693 section 2.2.1). */
  readonly required?: string | undefined
}

/** A client that is set up. */
export interface Session<C> {
  readonly origin: string
  readonly connect: Effect.Effect<Connection<C>, ExchangeError, HttpClient.HttpClient>
  /** The account that tokens are stored under: whose they are, and what they were asked for. */
  readonly account: Effect.Effect<string, CredentialUnavailable> | undefined
}

export const make = <F extends object, C extends Client, R, I>(
  options: TokenSettings & TokenOptions,
  { account, given, make, name: mode, required, types = ["bearer"] }: Mode<F, C, R, I>
): Effect.Effect<Session<C>, SetupError, R> =>
  Effect.gen(function*() {
    yield* Resources.checked(options.resource)
    const { dpop, expiry, keep, scopeSeparator } = options
    if (options.store !== undefined && dpop?.unstorable !== undefined) return yield* dpop.unstorable
    const source = yield* CredentialSource.make(given, { mode, make })
    const servers = yield* Servers.make(options.server, mode)
    const bindings = dpop?.bindings(mode)
    const usable = dpop === undefined
      ? types
      : ["dpop", ...types.filter((type) => type !== "bearer" || dpop.orBearer)]

    const connection = (credential: C, server: AuthorizationServer): Connection<C> => {
      const client: TokenRequest.OAuthClient = {
        mode,
        server,
        clientId: credential.clientId,
        timeout: (options.refreshPolicy ?? RefreshPolicy.default).timeout,
        authentication: options.authentication ?? ClientAuthentications.forSecret(credential.clientSecret, server)
      }
      const binding = bindings === undefined ? Effect.succeed(undefined) : bindings.current(server)
      return {
        credential,
        client,
        binding,
        exchange: (parameters, asked = {}) => {
          const { demand, kept } = asked
          const scope = demand === undefined ? undefined : Parameters.scopeOf(options, demand)
          const sent = Effect.flatMap(
            kept === undefined || bindings === undefined ? binding : bindings.restore(kept),
            (binding) =>
              TokenRequest.send(
                { ...client, binding },
                Parameters.make(options, parameters, scope),
                { ...asked, scope: scope ?? asked.scope, scopeSeparator, expiry, keep, types: usable, required }
              )
          )
          return Effect.tapBoth(sent, {
            onFailure: (error) =>
              error._tag === "CredentialsRejected" && error.reason === "Setting" ? servers.forget : Effect.void,
            onSuccess: () => servers.confirm
          })
        }
      }
    }

    return {
      origin: servers.origin,
      connect: Effect.zipWith(source.read, servers.read, connection),
      account: account === undefined || dpop?.keeping === "Nowhere"
        ? undefined
        : Effect.map(source.read, (credential) =>
          JSON.stringify([
            credential.clientId,
            account(credential),
            options.scope,
            options.resource,
            options.parameters,
            // a token that is bound to a key must not be sent without its proof, nor the other way round
            dpop?.keeping
          ]))
    }
  })

export const makeTokens = <F extends object, C extends Client, R = never, I = never>(
  options: TokenSettings & TokenOptions,
  mode: Mode<F, C, R, I>
): Tokens<R | I> =>
  Effect.gen(function*() {
    const { begun, interactive, login, name, refreshes } = mode
    const { account, connect, origin } = yield* make(options, mode)
    const asked = <R>(login: Login<C, R>) => (demand: Demand) =>
      Effect.map(
        Effect.flatMap(connect, (connection) => login(connection, demand)),
        (token) => refreshes ? token : withoutRefreshToken(token)
      )
    return yield* System.makeTokens({
      mode: name,
      origin,
      account,
      login: typeof login === "function" ? asked(login) : login,
      interactive: interactive === undefined ? undefined : asked(interactive),
      // a refresh asks for what was granted (RFC 6749 section 6)
      refresh: refreshes
        ? (refreshToken, { key }) =>
          Effect.flatMap(connect, ({ exchange }) =>
            exchange(
              { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) },
              { grant: "refresh", kept: key }
            ))
        : undefined,
      revoke: (token: Token.Token) => Effect.flatMap(connect, ({ client }) => TokenRequest.revoke(client, token)),
      initial: begun === undefined
        ? undefined
        : Effect.asSome(Effect.flatMap(connect, ({ credential }) => begun(credential)))
    }, options)
  })

/**
 * Where the tokens of {@link makeTokens} with the same options are kept, for a mode that is nothing without a store. Whether
 * there is one is known at once.
 */
export const storeOf = <C>(
  { account, origin }: Session<C>,
  mode: string,
  options: TokenOptions
): Effect.Effect<Effect.Effect<TokenStore, ExchangeError>, InvalidSetting> =>
  Effect.flatMap(System.storeOf({ mode, origin }, options), (store) =>
    account === undefined || store === undefined
      ? new InvalidSetting({
        setting: "store",
        problem: "is needed to keep the sessions of users: give a `store`, or provide `TokenStores`"
      })
      : Effect.succeed(Effect.flatMap(account, store)))

/** A login costs the same as a refresh here, and nobody can reuse it (RFC 6749 section 4.4.3). */
const withoutRefreshToken = ({ refreshExpiresAt: _, refreshToken: __, ...token }: Token.Token): Token.Token =>
  new Token.Token(token)
