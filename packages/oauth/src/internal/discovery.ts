/** An authorization server, read from its metadata: RFC 8414, OpenID Connect Discovery. */
import type { ExchangeError, InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse, TokenEndpointError } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Documents from "./document.ts"
import type { AuthorizationServer } from "./server.ts"
import { issuerUrl, make } from "./server.ts"

/**
 * Asks the issuer for its metadata: RFC 8414 with the well-known part inserted before the issuer's path, then OpenID
 * Connect Discovery with it inserted, then appended. An answer of 4xx leads to the next place; what is not the issuer's own
 * document is refused, wherever it was found.
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 * import * as Effect from "effect/Effect"
 *
 * const revocation = Effect.map(
 *   AuthorizationServer.discover("https://login.acme.example", { mode: "Acme" }),
 *   ({ revocationEndpoint }) => revocationEndpoint
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  issuer: string,
  options: {
    readonly mode: string
    /**
     * What the document calls its issuer, where that is a pattern for many and no name, as Entra's for people of any tenant:
     * `https://login.microsoftonline.com/{tenantid}/v2.0`. The issuer is not known then. Default: the issuer.
     */
    readonly pattern?: string | undefined
  }
): Effect.Effect<AuthorizationServer, ExchangeError | InvalidSetting | InsecureTransport, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { mode, pattern } = options
    const base = yield* issuerUrl(issuer)
    const client = yield* HttpClient.HttpClient
    const fetched = (place: string) =>
      Documents.fetched(client, place, Document, { mode, endpoint: "the authorization server" })
    const [first, ...others] = places(base)
    const tried = others.reduce(
      (tried, place) => Effect.catchIf(tried, Documents.isMissing, () => fetched(place)),
      fetched(first)
    )
    const document = yield* Effect.mapError(
      tried,
      (error) => Documents.isMissing(error) ? withoutMetadata(mode, error) : error
    )
    // RFC 8414 section 3.3: character by character
    if (document.issuer !== (pattern ?? issuer)) {
      return yield* new MalformedTokenResponse({
        mode,
        url: OriginPolicy.addressOf({ url: issuer }),
        detail: "the metadata is that of another issuer"
      })
    }
    const server = fromDocument(document)
    return yield* make(pattern === undefined ? server : { ...server, issuer: undefined })
  })

/** The places of an issuer's metadata, in the order in which they are tried. */
export const places = ({ origin, pathname }: URL): readonly [string, ...ReadonlyArray<string>] => {
  const path = pathname.replace(/\/$/u, "")
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`
  const inserted = `${origin}/.well-known/openid-configuration${path}`
  return path === "" ? [oauth, inserted] : [oauth, inserted, `${origin}${path}/.well-known/openid-configuration`]
}

const Texts = Schema.Array(Schema.String)

const Document = Schema.Struct({
  issuer: Schema.String,
  token_endpoint: Schema.String,
  authorization_endpoint: Documents.member(Schema.String),
  device_authorization_endpoint: Documents.member(Schema.String),
  revocation_endpoint: Documents.member(Schema.String),
  registration_endpoint: Documents.member(Schema.String),
  jwks_uri: Documents.member(Schema.String),
  grant_types_supported: Documents.member(Texts),
  token_endpoint_auth_methods_supported: Documents.member(Texts),
  scopes_supported: Documents.member(Texts),
  code_challenge_methods_supported: Documents.member(Texts),
  authorization_response_iss_parameter_supported: Documents.member(Schema.Boolean),
  client_id_metadata_document_supported: Documents.member(Schema.Boolean),
  dpop_signing_alg_values_supported: Documents.member(Texts),
  mtls_endpoint_aliases: Documents.member(Schema.Struct({
    token_endpoint: Documents.member(Schema.String),
    revocation_endpoint: Documents.member(Schema.String),
    device_authorization_endpoint: Documents.member(Schema.String)
  }))
})

const fromDocument = (document: typeof Document.Type): AuthorizationServer => ({
  issuer: document.issuer,
  tokenEndpoint: document.token_endpoint,
  authorizationEndpoint: document.authorization_endpoint,
  deviceAuthorizationEndpoint: document.device_authorization_endpoint,
  revocationEndpoint: document.revocation_endpoint,
  registrationEndpoint: document.registration_endpoint,
  jwksUri: document.jwks_uri,
  // the defaults of RFC 8414 section 2
  grantTypes: document.grant_types_supported ?? ["authorization_code", "implicit"],
  clientAuthentications: document.token_endpoint_auth_methods_supported ?? ["client_secret_basic"],
  scopes: document.scopes_supported,
  codeChallengeMethods: document.code_challenge_methods_supported,
  statesIssuer: document.authorization_response_iss_parameter_supported,
  clientMetadataDocuments: document.client_id_metadata_document_supported,
  dpopAlgorithms: document.dpop_signing_alg_values_supported,
  mtlsEndpoints: document.mtls_endpoint_aliases === undefined ? undefined : {
    token: document.mtls_endpoint_aliases.token_endpoint,
    revocation: document.mtls_endpoint_aliases.revocation_endpoint,
    deviceAuthorization: document.mtls_endpoint_aliases.device_authorization_endpoint
  }
})

/** What is at none of the places of an issuer's metadata. */
const withoutMetadata = (mode: string, { status, url }: Documents.Missing): TokenEndpointError =>
  new TokenEndpointError({
    mode,
    reason: "Unexpected",
    endpoint: "the authorization server",
    url,
    status,
    detail:
      "it has no metadata there, nor where an issuer may have it otherwise; is `server` its issuer, to the letter? " +
      "A server without metadata is given by its endpoints: `server: { tokenEndpoint: ... }`"
  })
