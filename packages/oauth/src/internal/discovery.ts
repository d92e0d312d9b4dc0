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
    const document = yield* places(base).map((place) =>
      Documents.fetched(client, place, Document, { mode, endpoint: "the authorization server" })
    ).reduce((tried, next) => Effect.catchIf(tried, Documents.isMissing, () => next)).pipe(
      Effect.catchIf(Documents.isMissing, (error) => withoutMetadata(mode, error))
    )
    // RFC 8414 section 3.3: character by character
    if (document.issuer !== (pattern ?? issuer)) {
      return yield* new MalformedTokenResponse({
        mode,
        url: OriginPolicy.addressOf({ url: issuer }),
        detail: "the metadata is that of another issuer"
      })
    }
    return yield* make({
      // the defaults of RFC 8414 section 2
      grantTypes: ["authorization_code", "implicit"],
      clientAuthentications: ["client_secret_basic"],
      ...document,
      issuer: pattern === undefined ? issuer : undefined
    })
  })

/** The places of an issuer's metadata, in the order in which they are tried. */
const places = ({ origin, pathname }: URL): readonly [string, ...ReadonlyArray<string>] => {
  const path = pathname.replace(/\/$/u, "")
  const oauth = `${origin}/.well-known/oauth-authorization-server${path}`
  const inserted = `${origin}/.well-known/openid-configuration${path}`
  return path === "" ? [oauth, inserted] : [oauth, inserted, `${origin}${path}/.well-known/openid-configuration`]
}

const Text = Documents.member(Schema.String)
const Flag = Documents.member(Schema.Boolean)
/** Looked at as a whole: a hostile list is long, and its elements one by one would take ten times as long. */
const Texts = Documents.member(
  Schema.declare((value): value is ReadonlyArray<string> =>
    Array.isArray(value) && value.every((element) => typeof element === "string")
  )
)

/** RFC 8414 section 2, with the members as they are called here. */
const Document = Schema.Struct({
  issuer: Schema.String,
  tokenEndpoint: Schema.fromKey(Schema.propertySignature(Schema.String), "token_endpoint"),
  authorizationEndpoint: Schema.fromKey(Text, "authorization_endpoint"),
  deviceAuthorizationEndpoint: Schema.fromKey(Text, "device_authorization_endpoint"),
  revocationEndpoint: Schema.fromKey(Text, "revocation_endpoint"),
  registrationEndpoint: Schema.fromKey(Text, "registration_endpoint"),
  pushedAuthorizationRequestEndpoint: Schema.fromKey(Text, "pushed_authorization_request_endpoint"),
  requiresPushedRequests: Schema.fromKey(Flag, "require_pushed_authorization_requests"),
  jwksUri: Schema.fromKey(Text, "jwks_uri"),
  grantTypes: Schema.fromKey(Texts, "grant_types_supported"),
  clientAuthentications: Schema.fromKey(Texts, "token_endpoint_auth_methods_supported"),
  scopes: Schema.fromKey(Texts, "scopes_supported"),
  codeChallengeMethods: Schema.fromKey(Texts, "code_challenge_methods_supported"),
  statesIssuer: Schema.fromKey(Flag, "authorization_response_iss_parameter_supported"),
  clientMetadataDocuments: Schema.fromKey(Flag, "client_id_metadata_document_supported"),
  dpopAlgorithms: Schema.fromKey(Texts, "dpop_signing_alg_values_supported"),
  mtlsEndpoints: Schema.fromKey(
    Documents.member(Schema.Struct({
      token: Schema.fromKey(Text, "token_endpoint"),
      revocation: Schema.fromKey(Text, "revocation_endpoint"),
      deviceAuthorization: Schema.fromKey(Text, "device_authorization_endpoint")
    })),
    "mtls_endpoint_aliases"
  )
})

/** What is at none of the places of an issuer's metadata. */
const withoutMetadata = (mode: string, { status, url }: Documents.Missing): TokenEndpointError =>
  new TokenEndpointError({
    mode,
    reason: "Unexpected",
    endpoint: "the authorization server",
    url,
    status,
    detail: "it has no metadata there; is `server` its issuer, to the letter? If it has none, give its endpoints"
  })
