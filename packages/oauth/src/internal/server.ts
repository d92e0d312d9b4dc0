/** An authorization server: its endpoints and what it says of itself. */
import type { InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Either from "effect/Either"
import { checkedUrl } from "./checkedUrl.ts"
import { asTyped } from "./identifier.ts"

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
  /** Where an authorization request is sent before the person goes to the server (RFC 9126). */
  readonly pushedAuthorizationRequestEndpoint?: string | undefined
  /** Whether it takes no other authorization requests. */
  readonly requiresPushedRequests?: boolean | undefined
  /** Where its public keys are. */
  readonly jwksUri?: string | undefined
  /** The grants that it lists; many have more. Absent: not known. */
  readonly grantTypes?: ReadonlyArray<string> | undefined
  /** How clients may authenticate at the token endpoint, best first. Absent: not known. */
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
  readonly mtlsEndpoints?: {
    readonly token?: string | undefined
    readonly revocation?: string | undefined
    readonly deviceAuthorization?: string | undefined
  } | undefined
}

/**
 * Checks a server whose endpoints are known: `InvalidSetting` for one that is not a URL that can be requested, or has a
 * fragment or user information; `InsecureTransport` for one that is not https, beyond loopback. Nothing is requested.
 *
 * A mode's `server` option takes the endpoints as they are and does the same. This is for a program that reads its servers
 * from somewhere and reports a wrong one by itself.
 *
 * @example
 * ```ts
 * import * as AuthorizationRequest from "@effect-auth/oauth/AuthorizationRequest"
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 * import * as Effect from "effect/Effect"
 *
 * declare const configured: AuthorizationServer.AuthorizationServer
 *
 * const login = Effect.flatMap(AuthorizationServer.make(configured), (server) =>
 *   AuthorizationRequest.make({
 *     mode: "Acme",
 *     server,
 *     clientId: "acme-cli",
 *     redirectUri: "http://127.0.0.1:8976/callback"
 *   }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  server: AuthorizationServer
): Either.Either<AuthorizationServer, InvalidSetting | InsecureTransport> =>
  Either.map(Either.all(endpoints(server).map(([setting, url]) => checkedUrl(setting, url))), () => server)

/** The text is compared as it is, so what a URL parser would take out of it is refused. */
export const issuerUrl = (
  issuer: string,
  setting = "issuer"
): Either.Either<URL, InvalidSetting | InsecureTransport> =>
  Either.flatMap(checkedUrl(setting, issuer), (url) => {
    const verdict = issuer.includes("?") ? "must not have a query" : asTyped(issuer)
    return verdict === true ? Either.right(url) : Either.left(new InvalidSetting({ setting, problem: verdict }))
  })

const endpoints = (server: AuthorizationServer): ReadonlyArray<readonly [setting: string, url: string]> =>
  [
    ...Object.entries(server).filter(([setting]) => /(?:Endpoint|Uri)$/u.test(setting)),
    ...Object.entries(server.mtlsEndpoints ?? {}).map(([setting, url]) => [`mtlsEndpoints.${setting}`, url] as const)
  ].flatMap(([setting, url]) => typeof url === "string" ? [[setting, url] as const] : [])
