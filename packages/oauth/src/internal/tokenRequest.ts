/** A request to the token endpoint, and what its answer means: RFC 6749 sections 3.2, 5.1 and 5.2. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as ClientAuthentications from "../ClientAuthentication.ts"
import type { ClientAuthentication } from "../ClientAuthentication.ts"
import type { Binding, Prove } from "./binding.ts"
import type { Expiry } from "./expiry.ts"
import { inTime } from "./inTime.ts"
import * as Parameters from "./parameters.ts"
import * as Resources from "./resources.ts"
import type { AuthorizationServer } from "./server.ts"

/** A client of an authorization server, as one request needs it. */
export interface OAuthClient extends ClientAuthentications.Client {
  readonly authentication: ClientAuthentication
  /** What binds tokens to a key. */
  readonly binding?: Binding | undefined
  /** How long one answer may take. */
  readonly timeout: Duration.Duration
}

/** How the answer is read, beside what RFC 6749 says. */
export interface Reading extends Pick<TokenEndpoint.Options, "dialect" | "grant" | "retryAfter"> {
  /** What was asked for, which is what was granted where the answer does not say (RFC 6749 section 5.1). */
  readonly scope: ReadonlyArray<string> | undefined
  /** What stands between the scopes of the answer. Default: a space. */
  readonly scopeSeparator?: "," | undefined
  /** The types of token that can be used, in lower case. */
  readonly types: ReadonlyArray<string>
  /** How long the token lives, where the answer states no lifetime. */
  readonly expiry?: Expiry | undefined
  /** A member without which the answer is none. */
  readonly required?: string | undefined
  /** Members of the answer that become the token's `extra`. Default: none. */
  readonly keep?: ReadonlyArray<string> | undefined
}

export const send = (
  client: OAuthClient,
  parameters: Parameters.Parameters,
  { dialect = oauth, expiry, grant, keep = [], required, retryAfter, scope, scopeSeparator, types }: Reading
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> => {
  const { mode } = client
  const options: TokenEndpoint.Options = { mode, grant, dialect, retryAfter }
  return Effect.gen(function*() {
    const { answer, url } = yield* ask(client, endpointOf(client, "token"), parameters, TokenResponse, options)
    const type = answer.token_type || "Bearer"
    const detail = !types.includes(type.toLowerCase())
      // its words are the server's own, so they are not repeated
      ? `the token is of another type than ${types[0]}`
      : required !== undefined && (typeof answer[required] !== "string" || answer[required] === "")
      ? `the answer has no ${required}`
      : undefined
    if (detail !== undefined) return yield* new MalformedTokenResponse({ mode, url, detail })
    const extra = Object.entries(answer).filter(([name, value]) =>
      value !== undefined && (keep.includes(name) || name === required)
    )
    return yield* Token.make({
      mode,
      value: answer.access_token,
      type: canonical.find((name) => name.toLowerCase() === type.toLowerCase()) ?? type,
      expiresIn: answer["expires_in"],
      lifetime: Predicate.isNotNullable(answer["expires_in"])
        ? undefined
        : yield* expiry?.(answer) ?? Effect.succeed(undefined),
      renewIn: answer["refresh_in"],
      refreshToken: answer.refresh_token,
      refreshExpiresIn: answer["refresh_token_expires_in"] ?? answer["refresh_expires_in"],
      scope: granted(answer["scope"], scopeSeparator) ?? scope,
      idToken: answer.id_token,
      key: client.binding?.kept,
      extra: extra.length === 0 ? undefined : Object.fromEntries(extra)
    })
  }).pipe(Effect.mapError(Resources.named(parameters["resource"])))
}

/** Sends a form as this client, and reads the JSON of the answer. */
export const ask = <A, I>(
  client: OAuthClient,
  endpoint: string,
  parameters: Parameters.Parameters,
  schema: Schema.Schema<A, I>,
  options: TokenEndpoint.Options
): Effect.Effect<
  { readonly answer: A; readonly url: string },
  ExchangeError,
  HttpClient.HttpClient
> =>
  Effect.gen(function*() {
    const { binding } = client
    const http = yield* HttpClient.HttpClient
    const asked = (http: HttpClient.HttpClient, prove: Prove) =>
      post(client, endpoint, parameters).pipe(
        Effect.flatMap(prove),
        Effect.flatMap((request) => TokenEndpoint.execute(http, request, options)),
        Effect.flatMap(TokenEndpoint.json(schema, options)),
        // a server that never answers must not hold up a person's login, nor the questions of a device
        inTime({ mode: client.mode, url: endpoint, timeout: client.timeout })
      )
    const answer = yield* binding === undefined ? asked(http, Effect.succeed) : binding.ask(http, asked)
    return { answer, url: OriginPolicy.addressOf({ url: endpoint }) }
  })

/**
 * RFC 7009: a body is ignored, and a token that is unknown is one that has ended. Nothing where there is no endpoint. Of a
 * server that is busy the token is still good (section 2.2.1): it is asked once more, where it lets that be soon.
 */
export const revoke = (
  client: OAuthClient,
  token: Token.Token
): Effect.Effect<void, ExchangeError, HttpClient.HttpClient> =>
  Effect.catchTag(revokeOnce(client, token), "TokenEndpointError", (error) => {
    const { retryAfter = Duration.seconds(1), status } = error
    return status === 503 && Duration.lessThanOrEqualTo(retryAfter, RefreshPolicy.default.closing)
      ? Effect.delay(revokeOnce(client, token), retryAfter)
      : error
  })

const revokeOnce = (
  client: OAuthClient,
  token: Token.Token
): Effect.Effect<void, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const endpoint = endpointOf(client, "revocation")
    if (endpoint === undefined) return
    const http = yield* HttpClient.HttpClient
    const { refreshToken, value } = token
    const request = yield* post(client, endpoint, {
      token: Redacted.value(refreshToken ?? value),
      token_type_hint: refreshToken === undefined ? "access_token" : "refresh_token"
    })
    yield* Effect.flatMap(TokenEndpoint.execute(http, request, { mode: client.mode }), ResponseBody.discard)
  })

/** A client with a certificate has endpoints of its own, where the server says so (RFC 8705 section 5). */
export const endpointOf = <Kind extends "token" | "revocation" | "deviceAuthorization">(
  { authentication, server }: OAuthClient,
  kind: Kind
): AuthorizationServer[`${Kind}Endpoint`] =>
  (authentication.withCertificate === true ? server.mtlsEndpoints?.[kind] : undefined) ?? server[`${kind}Endpoint`]

const post = (
  client: OAuthClient,
  endpoint: string,
  parameters: Parameters.Parameters
): Effect.Effect<HttpClientRequest.HttpClientRequest, ExchangeError> =>
  Effect.map(
    Effect.mapError(Effect.suspend(() => client.authentication.prove(client)), ofProof),
    ({ authorization, form }) =>
      HttpClientRequest.post(endpoint, { acceptJson: true }).pipe(
        HttpClientRequest.bodyUrlParams(Parameters.pairs({ ...parameters, ...form })),
        (request) =>
          authorization === undefined ? request : HttpClientRequest.setHeader(request, "authorization", authorization)
      )
  )

/** An empty 401 or 403 says to a login, too, that the client is not accepted, or that a proxy stands between. */
export const oauth: TokenEndpoint.Dialect = (answer, grant) =>
  TokenEndpoint.oauth(answer, answer.content === "Empty" ? "refresh" : grant)

/** Another server may have to vouch for the client. What that refuses is no word of this server about a refresh token. */
const ofProof = (error: ExchangeError): ExchangeError =>
  error._tag === "CredentialsRejected" || error._tag === "InteractionRequired"
    ? new CredentialsRejected({ mode: error.mode, detail: error.message, reason: "Setting" })
    : error

/** Types of token as the rest of the library spells them (RFC 6749 section 7.1). */
const canonical = ["Bearer", "DPoP", "N_A"]

const Text = Schema.optional(Schema.NullOr(Schema.String))

/** What must be text, if it is there. The other members may be anything; lifetimes and scopes are what servers make of them. */
const TokenResponse = Schema.Struct(
  { access_token: Schema.NonEmptyString, token_type: Text, refresh_token: Text, id_token: Text },
  { key: Schema.String, value: Schema.Unknown }
)

/** A comma may be part of a scope (RFC 6749 section 3.3), so it separates only where that is known. */
const granted = (scope: unknown, separator: "," | undefined): ReadonlyArray<string> | undefined => {
  if (typeof scope === "string") {
    return scope.split(separator === "," ? /[\s,]+/u : /\s+/u).filter((word) => word !== "")
  }
  return Array.isArray(scope) && scope.every((word) => typeof word === "string") ? scope : undefined
}
