/**
 * Dynamic client registration (RFC 7591): an authorization server gives a client its id, and takes note of what it may do.
 *
 * @since 0.1.0
 */
import type { ExchangeError, InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import { withoutWords } from "@effect-auth/rate-limit/internal/defects"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { AuthorizationServer } from "./AuthorizationServer.ts"
import type { ClientMetadata } from "./ClientMetadata.ts"
import * as Metadata from "./ClientMetadata.ts"
import { checkedUrl } from "./internal/checkedUrl.ts"
import { inTime } from "./internal/inTime.ts"
import * as RedirectUris from "./internal/redirectUris.ts"
import { isExpired, RegisteredClient, RegisteredClients } from "./RegisteredClients.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The mode the client is for; shown in errors. */
  readonly mode: string
  /** What lets a client register where that is not open to all (RFC 7591 section 3). */
  readonly initialAccessToken?: Redacted.Redacted | undefined
}

/**
 * Why a server does not register a client (RFC 7591 section 3.2.2). `Closed`: it wants an initial access token, or a better
 * one.
 *
 * @since 0.1.0
 * @category models
 */
export type Refusal =
  | "Closed"
  | "InvalidClientMetadata"
  | "InvalidRedirectUri"
  | "InvalidSoftwareStatement"
  | "UnapprovedSoftwareStatement"

/**
 * Registers a client. The server may change what it was asked for, so its answer is what counts. Fails with
 * `CredentialsRejected` if it does not register the client, of which {@link refusal} tells why; with
 * `MalformedTokenResponse` if it registers one that cannot be used, because none of the redirect URIs is left or it has to
 * authenticate in a way that it cannot; with `InvalidSetting` if the server registers none at all; with that or
 * `InsecureTransport` if its endpoint is not https, beyond loopback.
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 * import * as Registration from "@effect-auth/oauth/Registration"
 * import * as Effect from "effect/Effect"
 *
 * const client = Effect.flatMap(
 *   AuthorizationServer.discover("https://login.acme.example", { mode: "Acme" }),
 *   (server) => Registration.register(server, { redirectUris: ["http://127.0.0.1/callback"] }, { mode: "Acme" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const register = (
  server: AuthorizationServer,
  metadata: ClientMetadata,
  options: Options
): Effect.Effect<RegisteredClient, ExchangeError | InvalidSetting | InsecureTransport, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { mode } = options
    const [endpoint, issuer] = yield* placeOf(server)
    const http = yield* HttpClient.HttpClient
    const reading: TokenEndpoint.Options = { mode, dialect, endpoint: "the registration endpoint" }
    const { answer, status } = yield* TokenEndpoint.execute(http, requestOf(endpoint, metadata, options), reading).pipe(
      Effect.flatMap((response) =>
        Effect.map(TokenEndpoint.json(Answer, reading)(response), (answer) => ({ answer, status: response.status }))
      ),
      inTime({ ...reading, url: endpoint })
    )
    return yield* Either.mapLeft(
      registered(answer, metadata, issuer),
      (detail) => new MalformedTokenResponse({ mode, url: OriginPolicy.addressOf({ url: endpoint }), status, detail })
    )
  })

/**
 * Why a server does not register a client, if that is what an error says.
 *
 * @since 0.1.0
 * @category reading
 */
export const refusal = (error: ExchangeError | InvalidSetting | InsecureTransport): Option.Option<Refusal> =>
  error._tag !== "CredentialsRejected"
    ? Option.none()
    : Option.orElse(
      Option.fromNullable(refusals.get(error.code ?? "")),
      () => error.status === 401 || error.status === 403 ? Option.some<Refusal>("Closed") : Option.none()
    )

/**
 * Runs an effect with the client that {@link RegisteredClients} keeps for the server, and registers one where none is kept,
 * its secret has expired, or it may not use the redirect URIs. If the server no longer knows the client
 * (`invalid_client`), it is registered anew and the effect is run again, once.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withClient = <A, E, R>(
  server: AuthorizationServer,
  metadata: ClientMetadata,
  options: Options,
  use: (client: RegisteredClient) => Effect.Effect<A, E, R>
): Effect.Effect<
  A,
  E | ExchangeError | InvalidSetting | InsecureTransport,
  R | HttpClient.HttpClient | RegisteredClients
> =>
  Effect.gen(function*() {
    const clients = wordless(yield* RegisteredClients)
    const [, issuer] = yield* placeOf(server)
    const anew = Effect.tap(register(server, metadata, options), clients.set)
    const kept = Option.filter(
      yield* clients.get(issuer),
      (client) => RedirectUris.mayUse(client.redirectUris, metadata.redirectUris ?? [])
    )
    const isKept = Option.isSome(kept) && !(yield* isExpired(kept.value))
    if (!isKept) return yield* Effect.flatMap(anew, use)
    return yield* Effect.catchIf(use(kept.value), isUnknownClient, () =>
      Effect.gen(function*() {
        // another fiber or process may have registered it meanwhile
        const latest = Option.filter(yield* clients.get(issuer), ({ clientId }) => clientId !== kept.value.clientId)
        return yield* Effect.flatMap(Option.isSome(latest) ? Effect.succeed(latest.value) : anew, use)
      }))
  })

/** A store knows the secrets of the clients, which its words may quote. */
const wordless = ({ get, set }: RegisteredClients["Type"]): Pick<RegisteredClients["Type"], "get" | "set"> => ({
  get: (issuer) => withoutWords(Effect.suspend(() => get(issuer)), "the store of clients"),
  set: (client) => withoutWords(Effect.suspend(() => set(client)), "the store of clients")
})

/** Where clients are registered, and whose they are. Secrets go there and come back, and a server by hand is unchecked. */
const placeOf = (
  { issuer, registrationEndpoint, tokenEndpoint }: AuthorizationServer
): Either.Either<readonly [endpoint: string, issuer: string], InvalidSetting | InsecureTransport> =>
  registrationEndpoint === undefined
    ? Either.left(
      new InvalidSetting({
        setting: "server",
        problem:
          "registers no clients by itself: its metadata has no `registration_endpoint`, so ask its operator for an id"
      })
    )
    : Either.map(
      checkedUrl("registrationEndpoint", registrationEndpoint),
      () => [registrationEndpoint, issuer ?? tokenEndpoint]
    )

const requestOf = (
  endpoint: string,
  metadata: ClientMetadata,
  { initialAccessToken }: Options
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.post(endpoint, { acceptJson: true }).pipe(
    HttpClientRequest.bodyUnsafeJson(Metadata.members(metadata)),
    initialAccessToken === undefined ? (request) => request : HttpClientRequest.bearerToken(initialAccessToken)
  )

/** RFC 7591 section 3.2.2; a server that is closed answers with 401 or 403 and codes of its own (RFC 6750 section 3.1). */
const dialect: TokenEndpoint.Dialect = ({ code, content, status }) => {
  if (status === 408 || status === 429 || status >= 500) return "TryAgain"
  if (content === "Html") return "Unexpected"
  return code !== undefined || status === 401 || status === 403 ? "WrongSetting" : "Unexpected"
}

const refusals: ReadonlyMap<string, Refusal> = new Map<string, Refusal>([
  ["invalid_redirect_uri", "InvalidRedirectUri"],
  ["invalid_client_metadata", "InvalidClientMetadata"],
  ["invalid_software_statement", "InvalidSoftwareStatement"],
  ["unapproved_software_statement", "UnapprovedSoftwareStatement"]
])

const Text = Schema.optional(Schema.NullOr(Schema.String))

const Answer = Schema.Struct({
  client_id: Schema.NonEmptyString,
  client_secret: Text,
  // some servers write every number as a text
  client_secret_expires_at: Schema.optional(Schema.NullOr(Schema.Union(Schema.Finite, Schema.NumberFromString))),
  token_endpoint_auth_method: Text,
  redirect_uris: Schema.optional(Schema.NullOr(Schema.Array(Schema.String))),
  scope: Text,
  registration_client_uri: Text,
  registration_access_token: Text
})

/** What the server made of what it was asked for; what it does not mention, it left as it was. */
const registered = (
  answer: typeof Answer.Type,
  metadata: ClientMetadata,
  issuer: string
): Either.Either<RegisteredClient, string> => {
  const secret = answer.client_secret ?? ""
  const asked = Metadata.authenticationOf(metadata)
  // RFC 7591 section 2: a client with a secret and no method uses Basic
  const authentication = answer.token_endpoint_auth_method ??
    (asked === "none" && secret !== "" ? "client_secret_basic" : asked)
  if (authentication !== asked && !anyClientCan.has(authentication)) {
    return Either.left("the client is registered to authenticate in a way that it cannot")
  }
  if (authentication.startsWith("client_secret_") && secret === "") {
    return Either.left("the client is registered to authenticate by a secret, and got none")
  }
  const redirectUris = answer.redirect_uris ?? metadata.redirectUris ?? []
  if (!RedirectUris.mayUse(redirectUris, metadata.redirectUris ?? [])) {
    return Either.left("the client is registered without its redirect URIs")
  }
  const expiresAt = answer.client_secret_expires_at ?? 0
  const { registration_access_token: registrationToken, registration_client_uri: registrationUri } = answer
  const scope = answer.scope ?? metadata.scope?.join(" ")
  return Either.try({
    try: () =>
      new RegisteredClient({
        issuer,
        clientId: answer.client_id,
        authentication,
        redirectUris,
        ...(secret === "" ? undefined : { clientSecret: Redacted.make(secret) }),
        ...(expiresAt > 0
          ? { secretExpiresAt: DateTime.unsafeMake(Math.min(expiresAt * 1000, lastInstant)) }
          : undefined),
        ...(scope === undefined ? undefined : { scope: scope.split(" ").filter((word) => word !== "") }),
        ...(registrationUri ? { registrationUri } : undefined),
        ...(registrationToken ? { registrationToken: Redacted.make(registrationToken) } : undefined)
      }),
    catch: () => "the client's id or secret cannot be sent"
  })
}

/** What needs nothing but the answer. */
const anyClientCan: ReadonlySet<string> = new Set(["client_secret_basic", "client_secret_post", "none"])

/** The last instant a JavaScript date can represent (ECMA-262 section 21.4.1.1). */
const lastInstant = 8.64e15

const isUnknownClient = (error: unknown): boolean =>
  Predicate.isTagged(error, "CredentialsRejected") && Predicate.hasProperty(error, "code") &&
  error.code === "invalid_client"
