/** An authorization server: its endpoints and what it says of itself. */
import type { InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as Either from "effect/Either"

/**
 * What is used of a server. URLs are as the server spells them.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthorizationServer {
  /** Its identifier, which it puts into tokens and expects in assertions. Unknown where endpoints are given by hand. */
  readonly issuer?: string | undefined
  readonly tokenEndpoint: string
  readonly authorizationEndpoint?: string | undefined
  readonly deviceAuthorizationEndpoint?: string | undefined
  readonly revocationEndpoint?: string | undefined
  readonly registrationEndpoint?: string | undefined
  /** Where its public keys are. */
  readonly jwksUri?: string | undefined
  /** How clients may authenticate at the token endpoint, best first as we see it. Absent: not known. */
  readonly clientAuthentications?: ReadonlyArray<string> | undefined
  readonly scopes?: ReadonlyArray<string> | undefined
  readonly codeChallengeMethods?: ReadonlyArray<string> | undefined
  /** Whether its authorization responses say whose they are (RFC 9207). */
  readonly statesIssuer?: boolean | undefined
  /** Whether a client's id may be the URL of its metadata (draft-ietf-oauth-client-id-metadata-document). */
  readonly clientMetadataDocuments?: boolean | undefined
  /** The algorithms of DPoP proofs that it accepts (RFC 9449 section 5.1). */
  readonly dpopAlgorithms?: ReadonlyArray<string> | undefined
  /** Endpoints for clients with a certificate (RFC 8705 section 5). */
  readonly mtlsEndpoints?: { readonly token?: string | undefined; readonly revocation?: string | undefined } | undefined
}

/**
 * A server whose endpoints are known, so that nothing is asked. Fails if one of them is not https, beyond loopback, or
 * cannot be requested.
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 *
 * const server = AuthorizationServer.make({ tokenEndpoint: "https://as.acme.example/token" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  server: AuthorizationServer
): Either.Either<AuthorizationServer, InvalidSetting | InsecureTransport> =>
  Either.map(Either.all(endpoints(server).map(([setting, url]) => checkedEndpoint(setting, url))), () => server)

export const issuerUrl = (issuer: string): Either.Either<URL, InvalidSetting | InsecureTransport> =>
  Either.flatMap(checkedEndpoint("issuer", issuer), (url) =>
    url.search !== "" || url.hash !== ""
      ? Either.left(new InvalidSetting({ setting: "issuer", problem: "must not have a query or fragment" }))
      : Either.right(url))

/** The rules of a client's base URL, but with a query, which RFC 6749 section 3.2 allows. */
const checkedEndpoint = (setting: string, url: string): Either.Either<URL, InvalidSetting | InsecureTransport> =>
  Either.flatMap(
    Either.try({
      try: () => new URL(url),
      catch: () => new InvalidSetting({ setting, problem: "is not a URL, such as https://as.example/token" })
    }),
    (parsed) =>
      parsed.hash !== ""
        ? Either.left(new InvalidSetting({ setting, problem: "must not have a fragment" }))
        : Either.map(OriginPolicy.make({ baseUrl: parsed.origin }), () => parsed)
  )

const endpoints = (server: AuthorizationServer): ReadonlyArray<readonly [setting: string, url: string]> =>
  ([
    ["tokenEndpoint", server.tokenEndpoint],
    ["authorizationEndpoint", server.authorizationEndpoint],
    ["deviceAuthorizationEndpoint", server.deviceAuthorizationEndpoint],
    ["revocationEndpoint", server.revocationEndpoint],
    ["registrationEndpoint", server.registrationEndpoint],
    ["jwksUri", server.jwksUri],
    ["mtlsEndpoints.token", server.mtlsEndpoints?.token],
    ["mtlsEndpoints.revocation", server.mtlsEndpoints?.revocation]
  ] as const).flatMap(([setting, url]) => url === undefined ? [] : [[setting, url] as const])
