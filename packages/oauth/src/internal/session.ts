/** The session of an OAuth client: who it is at which server, what it asks for, and the token source of that. */
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, InvalidSetting } from "@effect-auth/core/AuthError"
import type { Given } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import type { Demand, TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { AuthorizationServer } from "../AuthorizationServer.ts"
import type { ClientAuthentication } from "../ClientAuthentication.ts"
import * as ClientAuthentications from "../ClientAuthentication.ts"
import * as Parameters from "./parameters.ts"
import * as Servers from "./servers.ts"
import * as TokenRequest from "./tokenRequest.ts"

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
 * What only code can give, for tokens by themselves.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions extends System.PlainOptions {
  /** How the client authenticates. Default: by its secret, as the server's metadata allows; without one not at all. */
  readonly authentication?: ClientAuthentication | undefined
  /** What stands between the scopes of an answer, where that is not a space (RFC 6749 section 3.3): GitHub and Slack. */
  readonly scopeSeparator?: "," | undefined
  /** Members of the token response to keep as `Token.extra`, such as `instance_url`. Default: none. */
  readonly keep?: ReadonlyArray<string> | undefined
}

export type Needs = HttpClient.HttpClient | Scope.Scope

export type Tokens<R> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

/** Asks the token endpoint. */
export type Exchange = (
  parameters: Parameters.Parameters,
  grant: "login" | "refresh",
  demand?: Demand
) => Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>

interface Client {
  readonly clientId?: string
  readonly clientSecret?: Redacted.Redacted
}

/** What an exchange in the place of a login depends on. */
export interface Login {
  readonly server: AuthorizationServer
  readonly demand: Demand
}

/** What one mode brings. */
interface Session<F extends object, C extends Client, R> {
  readonly given: Given<F, R>
  readonly make: (fields: F) => Either.Either<C, InvalidSetting>
  /**
   * Whose tokens they are, beside the client's; `undefined` if that cannot be told, so that nothing may be stored.
   */
  readonly account: ((credential: C) => string) | undefined
  /** `undefined`: nobody can log in here. */
  readonly login:
    | ((exchange: Exchange, login: Login) => Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>)
    | undefined
  /** The refresh token of a session that began elsewhere. Without one, the answers bring none that is used. */
  readonly begun?: (credential: C) => Redacted.Redacted
  /** A member that the answer must have (RFC 8693 section 2.2.1). */
  readonly required?: string
}

export const makeTokens = <F extends object, C extends Client, R>(
  mode: string,
  options: Settings & TokenOptions,
  { account, begun, given, login, make, required }: Session<F, C, R>
): Tokens<R> =>
  Effect.gen(function*() {
    if (account === undefined && options.store !== undefined) {
      return yield* new InvalidSetting({
        setting: "store",
        problem: "needs an `account`, which says whose tokens they are: one account would get the token of another"
      })
    }
    const credential = yield* CredentialSource.make(given, { mode, make })
    const servers = yield* Servers.make(options.server, mode)

    const clientOf = (credential: C) =>
      Effect.map(servers.read, (server): TokenRequest.OAuthClient => ({
        mode,
        server,
        clientId: credential.clientId,
        authentication: options.authentication ?? ClientAuthentications.forSecret(credential.clientSecret, server)
      }))

    const exchange: Exchange = (parameters, grant, demand) =>
      Effect.flatMap(Effect.flatMap(credential.read, clientOf), (client) => {
        // a refresh asks for what was granted (RFC 6749 section 6)
        const scope = grant === "refresh" ? undefined : Parameters.scopeOf(options, demand)
        return TokenRequest.send(client, Parameters.make(options, parameters, scope), {
          grant,
          scope,
          required,
          separator: options.scopeSeparator ?? " ",
          keep: options.keep ?? []
        })
      }).pipe(
        Effect.tapErrorTag("CredentialsRejected", ({ reason }) => reason === "Setting" ? servers.forget : Effect.void)
      )

    const revoke = (token: Token.Token) =>
      Effect.flatMap(
        Effect.flatMap(credential.read, clientOf),
        (client) => TokenRequest.revoke(client, token)
      )

    return yield* System.makeTokens({
      mode,
      origin: servers.origin,
      account: account === undefined ?
        undefined :
        Effect.map(credential.read, (credential) =>
          JSON.stringify([
            credential.clientId,
            account(credential),
            options.scope,
            options.resource,
            options.parameters
          ])),
      login: login === undefined
        ? new CredentialsRejected({ mode, detail: "the session has ended; supply the refresh token of a new one" })
        : (demand) =>
          Effect.map(
            Effect.flatMap(servers.read, (server) => login(exchange, { server, demand })),
            withoutRefreshToken
          ),
      refresh: begun === undefined ?
        undefined :
        (refreshToken) =>
          exchange({ grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) }, "refresh"),
      revoke,
      initial: begun === undefined
        ? undefined
        : Effect.asSome(Effect.flatMap(credential.read, (credential) => spent(begun(credential))))
    }, options)
  })

/** Only the refresh token is known: it is redeemed before the first request. */
const spent = (refreshToken: Redacted.Redacted): Effect.Effect<Token.Token> =>
  Effect.map(
    DateTime.now,
    (now) => new Token.Token({ value: Redacted.make("none"), issuedAt: now, expiresAt: now, refreshToken })
  )

/** A login costs the same as a refresh here, and nobody can reuse it (RFC 6749 section 4.4.3). */
const withoutRefreshToken = ({ refreshExpiresAt: _, refreshToken: __, ...token }: Token.Token): Token.Token =>
  new Token.Token(token)
