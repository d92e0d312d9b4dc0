/**
 * What an API says of itself before it is given a token (RFC 9728): which authorization servers issue its tokens, for which
 * `resource`, with which scopes.
 *
 * @since 0.1.0
 */
import type { ExchangeError, InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse, OriginRefused } from "@effect-auth/core/AuthError"
import type { Challenge } from "@effect-auth/core/Challenge"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { checkedUrl } from "./internal/checkedUrl.ts"
import * as Document from "./internal/document.ts"

/**
 * The metadata of an API. Texts are as the API spells them.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProtectedResource {
  /** How the API calls itself: what to ask a token for (RFC 8707), character by character. */
  readonly resource: string
  /** The issuers of its tokens, its own favourite first as far as it has one. */
  readonly authorizationServers: Arr.NonEmptyReadonlyArray<string>
  /** The scopes that requests to it may need. Absent: not known. */
  readonly scopes?: ReadonlyArray<string> | undefined
  /** Whether it takes only tokens that are bound to a key by DPoP (RFC 9449). */
  readonly dpopRequired: boolean
  /** The algorithms of DPoP proofs that it accepts. Absent: not known. */
  readonly dpopAlgorithms?: ReadonlyArray<string> | undefined
  /** Whether it takes only tokens that are bound to a client certificate (RFC 8705). */
  readonly certificateRequired: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The mode that the metadata is for; shown in errors. */
  readonly mode: string
  /** The challenges of the API's 401, if there was one: they may say where the metadata is. */
  readonly challenges?: ReadonlyArray<Challenge> | undefined
  /** Origins beside the API's own from which a challenge may have the metadata read. Default: none. */
  readonly origins?: ReadonlyArray<string> | undefined
}

/**
 * Where challenges say that the API's metadata is (RFC 9728 section 5.1): the first `resource_metadata`, whatever its
 * scheme.
 *
 * @since 0.1.0
 * @category reading
 */
export const fromChallenges = (challenges: ReadonlyArray<Challenge>): Option.Option<string> =>
  Option.fromNullable(
    challenges.map(({ params }) => params["resource_metadata"]).find((url) => url !== undefined && url !== "")
  )

/**
 * Asks an API for its metadata: where its challenge says it is, then at the well-known place of its path, then at that of
 * its origin. An answer of 4xx leads to the next place. A document that is about another resource, or names no
 * authorization server, is refused wherever it was found, before anything else is asked: the next request would go to
 * servers that it chose.
 *
 * Fails with `OriginRefused` if the challenge leads to an origin that is neither the API's nor one of `origins`.
 *
 * @example
 * ```ts
 * import * as Challenge from "@effect-auth/core/Challenge"
 * import * as ProtectedResource from "@effect-auth/oauth/ProtectedResource"
 *
 * const metadata = ProtectedResource.discover("https://api.acme.example/mcp", {
 *   mode: "Acme",
 *   challenges: Challenge.parse(`Bearer resource_metadata="https://api.acme.example/metadata"`)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const discover = (
  resource: string,
  options: Options
): Effect.Effect<
  ProtectedResource,
  ExchangeError | InvalidSetting | InsecureTransport | OriginRefused,
  HttpClient.HttpClient
> =>
  Effect.gen(function*() {
    const asked = yield* checkedUrl("resource", resource)
    const stated = yield* statedPlace(asked, options)
    const client = yield* HttpClient.HttpClient
    const fetched = (url: string) =>
      Effect.map(
        Document.fetched(client, url, Metadata, { mode: options.mode, endpoint: "the server of a public document" }),
        (document) => ({ url, document })
      )
    const [first, ...others] = placesFrom(stated, wellKnown(asked))
    const { document, url } = yield* others.reduce(
      (tried, place) => Effect.catchIf(tried, Document.isMissing, () => fetched(place)),
      fetched(first)
    )
    return yield* Either.mapLeft(
      read(document, resource),
      (detail) => new MalformedTokenResponse({ mode: options.mode, url: OriginPolicy.addressOf({ url }), detail })
    )
  })

/**
 * Which of its authorization servers to use: the first that is already known, so that a session goes on, else the first.
 * When an API no longer lists the server that was in use, the client is to be registered anew at the other one, and no
 * token of the former is for this API.
 *
 * @since 0.1.0
 * @category decisions
 */
export const authorizationServer = (
  { authorizationServers }: ProtectedResource,
  known: ReadonlyArray<string> = []
): string => authorizationServers.find((issuer) => known.includes(issuer)) ?? authorizationServers[0]

/**
 * Whether what a document calls its `resource` is what was asked about: the same text, or, of the same origin, a path above
 * it (RFC 9728 section 3.3; the Model Context Protocol for the latter).
 *
 * @since 0.1.0
 * @category decisions
 */
export const isAbout = (resource: string, asked: string): boolean => {
  if (resource === asked) return true
  const [stated, wanted] = [parsed(resource), parsed(asked)]
  if (Option.isNone(stated) || Option.isNone(wanted)) return false
  const { hash, origin, pathname, search } = stated.value
  if (origin !== wanted.value.origin || origin === "null" || resource.includes("#") || hash !== "") return false
  if (userOf(stated.value) !== userOf(wanted.value)) return false
  // a query names one resource, not those below it
  if (search !== "") return search === wanted.value.search && pathname === wanted.value.pathname
  return `${wanted.value.pathname}/`.startsWith(`${pathname.replace(/\/$/u, "")}/`)
}

/**
 * The well-known places of a resource, in the order in which they are tried (RFC 9728 section 3.1): the part is inserted
 * before path and query, then the place of the whole origin.
 *
 * @internal
 */
export const wellKnown = ({ origin, pathname, search }: URL): readonly [string, ...ReadonlyArray<string>] => {
  const root = `${origin}/.well-known/oauth-protected-resource`
  const inserted = `${root}${pathname === "/" ? "" : pathname}${search}`
  return inserted === root ? [root] : [inserted, root]
}

const placesFrom = (
  stated: Option.Option<string>,
  places: readonly [string, ...ReadonlyArray<string>]
): readonly [string, ...ReadonlyArray<string>] =>
  Option.match(stated, {
    onNone: () => places,
    onSome: (url) => [url, ...places.filter((place) => place !== url)]
  })

/** RFC 9728 section 7.3: whoever can write the challenge may not choose the origin of the metadata. */
const statedPlace = (
  { origin }: URL,
  { challenges = [], origins = [] }: Options
): Either.Either<Option.Option<string>, InvalidSetting | InsecureTransport | OriginRefused> =>
  Option.match(fromChallenges(challenges), {
    onNone: () => Either.right(Option.none()),
    onSome: (stated) =>
      Either.flatMap(
        checkedUrl("resource_metadata", stated),
        (url) =>
          url.origin === origin || origins.includes(url.origin)
            ? Either.right(Option.some(url.href))
            : Either.left(
              new OriginRefused({
                origin: url.origin,
                url: OriginPolicy.addressOf({ url: url.href }),
                allowed: [origin, ...origins],
                problem: `is not where the metadata of ${origin} is read: a challenge led there ` +
                  "(if that is meant, add its origin to `origins`)"
              })
            )
      )
  })

/** Members are read by name; what is not known is ignored. */
const Metadata = Schema.Struct({
  resource: Schema.String,
  authorization_servers: Document.member(Schema.Array(Schema.String)),
  scopes_supported: Document.member(Schema.Array(Schema.String)),
  bearer_methods_supported: Document.member(Schema.Array(Schema.String)),
  dpop_bound_access_tokens_required: Document.member(Schema.Boolean),
  dpop_signing_alg_values_supported: Document.member(Schema.Array(Schema.String)),
  tls_client_certificate_bound_access_tokens: Document.member(Schema.Boolean)
})

const read = (document: typeof Metadata.Type, asked: string): Either.Either<ProtectedResource, string> => {
  if (!isAbout(document.resource, asked)) return Either.left("the metadata is that of another resource")
  const authorizationServers = document.authorization_servers ?? []
  if (!Arr.isNonEmptyReadonlyArray(authorizationServers)) {
    return Either.left("the metadata names no authorization server")
  }
  const dpopRequired = document.dpop_bound_access_tokens_required === true
  const bearerMethods = document.bearer_methods_supported
  // RFC 6750 sections 2.2 and 2.3 put tokens where logs and proxies keep them
  if (!dpopRequired && bearerMethods !== undefined && !bearerMethods.includes("header")) {
    return Either.left("the resource takes no bearer token in a header, and there is no other place that is safe")
  }
  return Either.right({
    resource: document.resource,
    authorizationServers,
    scopes: document.scopes_supported,
    dpopRequired,
    dpopAlgorithms: document.dpop_signing_alg_values_supported,
    certificateRequired: document.tls_client_certificate_bound_access_tokens === true
  })
}

const parsed: (text: string) => Option.Option<URL> = Option.liftThrowable((text) => new URL(text))

const userOf = ({ password, username }: URL): string => `${username}:${password}`
