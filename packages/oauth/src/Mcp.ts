/**
 * Authorization for clients of the Model Context Protocol: the mode `OAuth/Mcp`. Nothing but the server's URL is known
 * beforehand. Its first refusal leads to its metadata (RFC 9728), that to an authorization server (RFC 8414), that to a
 * client id (known, a metadata document, or registered, RFC 7591), and that to a token for this server and no other (RFC
 * 8707). The result is an authenticated client like any other: it goes under any MCP client that takes an `HttpClient`, or a
 * fetch (`AuthenticatedHttpClient.toFetch`).
 *
 * Tokens and clients are kept by the server that issued them, and never shown to another one. When the server moves to
 * another authorization server, the client is registered there, and what belonged to the former is not used.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type { LoginPrompt } from "@effect-auth/core/LoginPrompt"
import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Clients } from "./internal/mcp/clients.ts"
import * as Grants from "./internal/mcp/grants.ts"
import type { Grant, Target } from "./internal/mcp/grants.ts"
import * as McpSession from "./internal/mcp/session.ts"
import type { AuthorizationServer } from "./internal/server.ts"

export type { Clients, Grant, Target }

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Settings
} from "./internal/mcp/session.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  KnownClient
} from "./internal/mcp/clients.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never, R = Person> extends McpSession.Settings {
  /** The tag of the server's client. Default: the shared client alone. */
  readonly client?: Context.Tag<Self, AuthenticatedHttpClient.Service> | undefined
  /** How to get a token. Default: {@link authorizationCode}, by a person with a browser. */
  readonly grant?: Grant<R> | undefined
}

/**
 * The services that a login on a person's own machine needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Person = RedirectReceiver.RedirectReceiver | LoginPrompt

/**
 * The client by itself. `RegisteredClients`, if the program provides it, keeps the clients that are registered; otherwise
 * they are kept in memory.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = Person>(
  options: Options<never, R>
): Effect.Effect<
  AuthenticatedHttpClient.Service,
  SetupError | ExchangeError,
  HttpClient.HttpClient | Scope.Scope | R
> =>
  Effect.flatMap(
    authenticatorOf(options),
    (authenticator) =>
      AuthenticatedHttpClient.make<AuthenticatedHttpClient.Options>(authenticator, clientOptions(options))
  )

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Mcp from "@effect-auth/oauth/Mcp"
 * import * as Context from "effect/Context"
 *
 * class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
 *
 * const AcmeLive = Mcp.layer({
 *   client: Acme,
 *   url: "https://mcp.acme.example/mcp",
 *   clients: { metadata: { name: "Acme assistant" } }
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = Person>(
  options: Options<Self, R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | Self,
  SetupError | ExchangeError,
  HttpClient.HttpClient | R
> =>
  AuthenticatedHttpClient.layer<Self, SetupError | ExchangeError, HttpClient.HttpClient | Scope.Scope | R>(
    authenticatorOf(options),
    clientOptions(options)
  )

/**
 * A person logs in with a browser; see `AuthorizationCode`. An authorization server that does not say that it checks PKCE
 * is refused.
 *
 * @since 0.1.0
 * @category grants
 */
export const authorizationCode: (options?: {
  /** Where the redirect is received. Default: `http://127.0.0.1:<any port>/callback`. */
  readonly redirect?: RedirectReceiver.Options | undefined
  /** Further parameters of the authorization request. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}) => Grant<Person> = Grants.authorizationCode

/**
 * The client acts for itself. It has to be known to the authorization server (`clients.known`); nobody is registered.
 *
 * @since 0.1.0
 * @category grants
 */
export const clientCredentials: Grant<never> = Grants.clientCredentials

/**
 * An assertion is exchanged (RFC 7523): a workload's identity, or what an identity provider gives for this server
 * (enterprise-managed authorization). It is asked for at each login, with the server's resource and its authorization
 * server; a refused one is not sent again.
 *
 * @since 0.1.0
 * @category grants
 */
export const assertion: (
  assertion: (target: {
    readonly server: AuthorizationServer
    readonly resource: string
  }) => Effect.Effect<Redacted.Redacted, ExchangeError, HttpClient.HttpClient>
) => Grant<never> = Grants.assertion

const authenticatorOf = <Self, R>(options: Options<Self, R>) => McpSession.make({ ...options, grant: grantOf(options) })

/** Without a grant, `R` is what the default one needs. */
const grantOf = <Self, R>({ grant }: Options<Self, R>): Grant<R> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the default of a type parameter, which a value cannot show
  grant ?? Grants.authorizationCode() as Grant<R>

const clientOptions = <Self, R>({ client, rateLimiter, redirects, replay, url }: Options<Self, R>) => ({
  baseUrl: url,
  client,
  rateLimiter,
  redirects,
  replay
})
