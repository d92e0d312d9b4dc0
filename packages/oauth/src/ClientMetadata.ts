/**
 * What a client says of itself to an authorization server (RFC 7591 section 2): sent to be registered, or published as a
 * document whose URL is the client's id. Both are made of the same settings, so they agree.
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Record from "effect/Record"

/**
 * @since 0.1.0
 * @category models
 */
export interface ClientMetadata {
  /** What people are shown when they are asked for consent. */
  readonly name?: string | undefined
  /** Where a login in a browser may end, exactly as it will be asked for. None: the client acts for itself. */
  readonly redirectUris?: ReadonlyArray<string> | undefined
  /** How it authenticates at the token endpoint. Default: `none`, as a public client. */
  readonly authentication?: Authentication | undefined
  /** Default: `authorization_code` and `refresh_token`; without redirect URIs `client_credentials`. */
  readonly grantTypes?: ReadonlyArray<string> | undefined
  readonly scope?: ReadonlyArray<string> | undefined
  /** Default: `native` if every redirect URI is loopback or of a scheme of its own, else `web`. */
  readonly applicationType?: "native" | "web" | undefined
  /** Its public keys, or where they are: for `private_key_jwt` one of the two. */
  readonly jwks?: { readonly keys: ReadonlyArray<Readonly<Record<string, unknown>>> } | undefined
  readonly jwksUri?: string | undefined
  /** Its home page. */
  readonly uri?: string | undefined
  readonly logoUri?: string | undefined
  /** Whether its tokens are to be bound to its certificate (RFC 8705 section 3.4). */
  readonly certificateBoundTokens?: boolean | undefined
  /** Further members, such as `software_statement` or `contacts`. They do not take the place of those above. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type Authentication =
  | "client_secret_basic"
  | "client_secret_post"
  | "none"
  | "private_key_jwt"
  | "self_signed_tls_client_auth"
  | "tls_client_auth"

/**
 * The members as they are sent (RFC 7591 section 2, OpenID Connect Registration section 2).
 *
 * @since 0.1.0
 * @category encoding
 */
export const members = (metadata: ClientMetadata): Readonly<Record<string, unknown>> => {
  const { redirectUris = [] } = metadata
  const grantTypes = metadata.grantTypes ??
    (redirectUris.length === 0 ? ["client_credentials"] : ["authorization_code", "refresh_token"])
  const own: Readonly<Record<string, unknown>> = {
    client_name: metadata.name,
    redirect_uris: redirectUris,
    token_endpoint_auth_method: authenticationOf(metadata),
    grant_types: grantTypes,
    response_types: grantTypes.includes("authorization_code") ? ["code"] : [],
    scope: metadata.scope?.join(" "),
    // OpenID Connect takes a client without it for one of the web, which may not have a redirect to loopback
    application_type: metadata.applicationType ??
      (redirectUris.length > 0 && redirectUris.every(isNative) ? "native" : "web"),
    jwks: metadata.jwks,
    jwks_uri: metadata.jwksUri,
    client_uri: metadata.uri,
    logo_uri: metadata.logoUri,
    tls_client_certificate_bound_access_tokens: metadata.certificateBoundTokens
  }
  return Record.filter({ ...metadata.members, ...own }, (value) => value !== undefined)
}

/**
 * @since 0.1.0
 * @category reading
 */
export const authenticationOf = ({ authentication }: ClientMetadata): Authentication => authentication ?? "none"

/**
 * The document of a client whose id is the document's own URL (OAuth Client ID Metadata Document): to be published there as
 * `application/json`. Fails if it could not be an id, or if the client would need a secret, which a public document cannot
 * hold.
 *
 * @example
 * ```ts
 * import * as ClientMetadata from "@effect-auth/oauth/ClientMetadata"
 *
 * const document = ClientMetadata.document("https://app.acme.example/client.json", {
 *   name: "Acme",
 *   redirectUris: ["http://127.0.0.1/callback"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category encoding
 */
export const document = (
  clientId: string,
  metadata: ClientMetadata
): Either.Either<Readonly<Record<string, unknown>>, InvalidSetting> =>
  Either.gen(function*() {
    yield* documentUrl(clientId)
    const authentication = authenticationOf(metadata)
    if (authentication !== "none" && authentication !== "private_key_jwt") {
      return yield* invalid("authentication", "must be `none` or `private_key_jwt`: the document is public")
    }
    if (authentication === "private_key_jwt" && metadata.jwks === undefined && metadata.jwksUri === undefined) {
      return yield* invalid("authentication", "`private_key_jwt` needs the client's public keys: `jwks` or `jwksUri`")
    }
    if (metadata.jwks?.keys.some(isPrivate) === true) {
      return yield* invalid("jwks", "holds a private or symmetric key, which would be published")
    }
    return { ...withoutSecrets(members(metadata)), client_id: clientId }
  })

/**
 * Whether a URL can be a client's id: https, with a path, without dot segments, fragment and user information.
 *
 * @since 0.1.0
 * @category decoding
 */
export const documentUrl = (clientId: string): Either.Either<URL, InvalidSetting> => {
  const parsed = parse(clientId)
  if (Option.isNone(parsed)) return invalid("clientId", "is not a URL, such as https://app.example/client.json")
  const url = parsed.value
  if (url.protocol !== "https:") return invalid("clientId", "must begin with https://")
  if (url.username !== "" || url.password !== "") return invalid("clientId", "must not contain user information")
  if (clientId.includes("#")) return invalid("clientId", "must not have a fragment")
  if (url.pathname === "/") return invalid("clientId", "must have a path, such as /client.json")
  // servers compare it as text, so it is the text that the parser would leave as it is
  return url.href === clientId
    ? Either.right(url)
    : invalid("clientId", "must be in its plain form: no dot segments, no upper-case host, no default port")
}

const invalid = (setting: string, problem: string): Either.Either<never, InvalidSetting> =>
  Either.left(new InvalidSetting({ setting, problem }))

const parse: (text: string) => Option.Option<URL> = Option.liftThrowable((text) => new URL(text))

/** RFC 8252 section 7. */
const isNative = (redirectUri: string): boolean =>
  Option.match(parse(redirectUri), {
    onNone: () => false,
    onSome: ({ hostname, protocol }) => protocol === "http:" ? OriginPolicy.isLoopback(hostname) : protocol !== "https:"
  })

/** RFC 7518 section 6: the private members of keys, and what is no pair of keys. */
const isPrivate = (key: Readonly<Record<string, unknown>>): boolean => "d" in key || key["kty"] === "oct"

/** None may be in the document. */
const withoutSecrets = Record.filter((_: unknown, name: string) => !name.startsWith("client_secret"))
