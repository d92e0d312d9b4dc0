/**
 * Microsoft Entra ID, as data for the modes: its endpoints, its scopes, its certificates as credentials; and the one grant
 * that is its own, by which a service acts for the person who called it: the mode `Entra/OnBehalfOf`.
 *
 * @since 0.1.0
 */
import type { InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { ClientAuthentication } from "./ClientAuthentication.ts"
import * as ClientAuthentications from "./ClientAuthentication.ts"
import * as Account from "./internal/account.ts"
import * as Mode from "./internal/mode.ts"
import type { AuthorizationServer } from "./internal/server.ts"
import * as Server from "./internal/server.ts"
import * as Session from "./internal/session.ts"
import * as Subject from "./internal/subject.ts"
import type { TokenExchange } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"
import * as SigningKey from "./SigningKey.ts"

/**
 * Whose users and applications they are, and in which cloud.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tenant {
  /** The tenant by id or domain; for people of others too `organizations`, `consumers` or `common`. */
  readonly tenant: string
  /** Default: `https://login.microsoftonline.com`. Others: `https://login.microsoftonline.us`, `https://login.partner.microsoftonline.cn`. */
  readonly authority?: string | undefined
}

/**
 * The server of a tenant, by its endpoints of version 2, so that nothing is read. There is no endpoint to revoke tokens.
 *
 * @since 0.1.0
 * @category servers
 */
export const server = ({ authority = "https://login.microsoftonline.com", tenant }: Tenant): AuthorizationServer => {
  // an unpaired surrogate has no encoding
  const base = `${authority.replace(/\/+$/u, "")}/${encodeURIComponent(tenant.replace(/\p{Surrogate}/gu, "\ufffd"))}`
  return {
    tokenEndpoint: `${base}/oauth2/v2.0/token`,
    authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
    deviceAuthorizationEndpoint: `${base}/oauth2/v2.0/devicecode`,
    jwksUri: `${base}/discovery/v2.0/keys`,
    clientAuthentications: ["client_secret_post", "private_key_jwt"],
    codeChallengeMethods: ["S256"],
    scopes: ["openid", "profile", "email", "offline_access"]
  }
}

/**
 * The scope of an application that acts for itself: all that it was granted of one resource, such as
 * `https://graph.microsoft.com` or `api://orders`. A token is for one resource only; a `/` at the end of its name counts.
 *
 * @since 0.1.0
 * @category scopes
 */
export const defaultScope = (resource: string): readonly [string] => [`${resource}/.default`]

/**
 * What an application that acts for itself is set up with, for `ClientCredentials`.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
 * import * as Entra from "@effect-auth/oauth/Entra"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Graph extends Context.Tag("app/Graph")<Graph, AuthenticatedHttpClient.Service>() {}
 *
 * const GraphLive = ClientCredentials.layer({
 *   ...Entra.application({ tenant: "acme.example", resource: "https://graph.microsoft.com" }),
 *   client: Graph,
 *   baseUrl: "https://graph.microsoft.com/v1.0",
 *   credential: { clientId: "...", clientSecret: Redacted.make("...") }
 * })
 * ```
 *
 * @since 0.1.0
 * @category settings
 */
export const application = (
  options: Tenant & { readonly resource: string }
): { readonly server: AuthorizationServer; readonly scope: ReadonlyArray<string> } => ({
  server: server(options),
  scope: defaultScope(options.resource)
})

/**
 * A certificate in the place of a secret: an assertion for the tenant's token endpoint, signed with PS256 and with the
 * certificate's SHA-256 in its header, by which Entra knows it. Both texts are PEM, whose line ends may be written as `\n`, as
 * in an environment variable.
 *
 * @since 0.1.0
 * @category authentication
 */
export const certificate = (
  options: Tenant & { readonly privateKey: Redacted.Redacted; readonly certificate: string }
): Effect.Effect<ClientAuthentication, InvalidSetting> =>
  Effect.gen(function*() {
    const [, base64 = ""] = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/u.exec(options.certificate) ??
      []
    const der = yield* Either.mapLeft(
      Either.filterOrLeft(Encoding.decodeBase64(base64.replace(/\\n|\s/gu, "")), ({ length }) =>
        length > 0, () =>
        "empty"),
      () =>
        new InvalidSetting({ setting: "certificate", problem: "is no certificate in PEM" })
    )
    const digest = yield* Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new Uint8Array(der)))
    const key = yield* SigningKey.fromText(options.privateKey, {
      algorithm: "PS256",
      header: { "x5t#S256": Encoding.encodeBase64Url(new Uint8Array(digest)) }
    })
    return ClientAuthentications.privateKeyJwt(key, { audience: server(options).tokenEndpoint })
  })

/**
 * What can be configured, as a value or through Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends Omit<Session.Settings, "server">, Tenant {}

/**
 * @since 0.1.0
 * @category models
 */
export interface OnBehalfOf<R = never> {
  readonly credential: Given<Untagged<TokenExchange>, R>
  /** The token with which the person called: it has to be for this service. */
  readonly subject: TokenSource
  /** Whom the subject's tokens are about: tokens are stored under this name. Default: none is stored. */
  readonly account?: string | undefined
}

/**
 * The tokens by themselves of a service that acts for the person who called it. If Entra does not accept the subject's token,
 * the subject is told so, and its next one is exchanged, once. Where the person has to act, it fails with
 * `InteractionRequired`, whose `claims` the service hands on to its caller.
 * https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(options: Settings & Session.TokenOptions & OnBehalfOf<R>): Session.Tokens<R> => {
  const { account, subject } = options
  return Account.named(
    options,
    Effect.zipRight(
      checked(options),
      Session.makeTokens({ ...options, server: server(options) }, {
        name,
        given: options.credential,
        make: Credentials.tokenExchange,
        account: account === undefined ? undefined : () => account,
        login: ({ exchange }, demand) =>
          Subject.exchanged(subject, ({ value }) =>
            exchange(
              { grant_type: grantType, assertion: Redacted.value(value), requested_token_use: "on_behalf_of" },
              { demand }
            ), ["invalid_grant"]),
        refreshes: false
      })
    )
  )
}

/** In an endpoint that is made of them, nobody recognizes them. */
const checked = ({ authority, tenant }: Tenant): Either.Either<void, InvalidSetting | InsecureTransport> =>
  /^[\w.-]+$/u.test(tenant)
    ? authority === undefined ? Either.void : Either.map(Server.issuerUrl(authority, "authority"), () => undefined)
    : Either.left(new InvalidSetting({ setting: "tenant", problem: "must be the id or the domain of a tenant" }))

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Settings & Mode.PlainOptions, R = never>(
  options: O & OnBehalfOf<R>
): Mode.Client<O, R> => Mode.makeOf<O, R>(name, makeTokens(options), options)

/**
 * The client as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Settings & Mode.PlainOptions<Self> & OnBehalfOf<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf<Self, R>(name, makeTokens(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Settings & { readonly credential: TokenExchange }>,
  options: Mode.PlainOptions<Self> & Omit<OnBehalfOf, "credential">
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "Entra/OnBehalfOf"

/** RFC 7523 section 2.1, with a parameter of Entra's own. */
const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"
