/** The token endpoint of Yamcs: what is sent, and what its answer means. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import type { Untagged } from "@effect-auth/core/CredentialSource"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Password, ServiceAccount, Session } from "../YamcsCredential.ts"
import type { Delaying } from "./slidingWindow.ts"

type SessionFields = Untagged<Session>

/** The token endpoint, the mode it is used for, and the limit of requests to it. */
export interface Endpoint {
  readonly baseUrl: string
  readonly mode: string
  readonly delaying: Delaying
}

/** A request to the endpoint. */
export type Exchange<R = never> = Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient | R>

/** The tokens of a session that began elsewhere. */
export type Given = Effect.Effect<Token.Token, ExchangeError>

/** RFC 6749 section 4.3. */
export const password = (endpoint: Endpoint, { password, username }: Untagged<Password>): Exchange =>
  exchange(endpoint, { grant_type: "password", username, password: Redacted.value(password) })

/**
 * RFC 6749 section 4.4. `become` is Yamcs' own parameter: the account to act as. The answer has no refresh token; the
 * next access token is obtained by the same grant.
 */
export const clientCredentials = (
  endpoint: Endpoint,
  { become, clientId, clientSecret }: Untagged<ServiceAccount>
): Exchange =>
  exchange(
    endpoint,
    { grant_type: "client_credentials", ...(become === undefined ? undefined : { become }) },
    HttpClientRequest.setHeader("authorization", clientBasic(clientId, Redacted.value(clientSecret)))
  )

/** RFC 6749 section 4.1.3: a code of the login page, of a provider, or for a GSS token. */
export const authorizationCode = (
  endpoint: Endpoint,
  code: string,
  reading?: Pick<TokenEndpoint.Options, "dialect" | "explain">
): Exchange => exchange(endpoint, { grant_type: "authorization_code", code }, identity, reading)

/** RFC 6749 section 6. The answer's refresh token replaces the redeemed one. */
export const refresh = (endpoint: Endpoint) => (refreshToken: Redacted.Redacted): Exchange =>
  exchange(endpoint, { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) }, identity, {
    grant: "refresh"
  })

/**
 * Yamcs refuses with 401 and a line of plain text, and calls a request that it does not understand 400 in the same way.
 * Anything else is the word of a proxy, and ends no session.
 */
export const dialect: TokenEndpoint.Dialect = ({ content, status }, grant) => {
  if (status === 408 || status === 429 || status >= 500) return "TryAgain"
  if (status === 401) {
    return content === "Text" || (grant === "login" && content !== "Html")
      ? "GrantEnded"
      : "Unexpected"
  }
  return status === 400 && content === "Text" ? "WrongSetting" : "Unexpected"
}

/**
 * The tokens of a session that began elsewhere: the access token while it is valid, else what the refresh token brings.
 * The access token was issued some time ago, so only its expiry matters. Without a refresh token that is the server's to
 * say: a clock that is wrong would end the session otherwise.
 */
export const given = (mode: string, session: SessionFields): Given =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Token.make({
      mode,
      value: session.accessToken,
      lifetime: session.refreshToken === undefined ? undefined : Option.getOrUndefined(
        Option.map(expiry(session), (expiresAt) => Duration.millis(Math.max(0, expiresAt - now)))
      ),
      refreshToken: session.refreshToken
    }))

/** A session that began elsewhere cannot be logged in again. */
export const sessionOver = (mode: string): Exchange =>
  Effect.fail(
    new CredentialsRejected({
      mode,
      detail: "the session has ended; supply the tokens of a new one"
    })
  )

const exchange = (
  { baseUrl, delaying, mode }: Endpoint,
  form: Record<string, string>,
  authenticate: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest = identity,
  reading?: Pick<TokenEndpoint.Options, "grant" | "dialect" | "explain">
): Exchange =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    // the content type must have no charset
    const request = HttpClientRequest.post(`${baseUrl}/auth/token`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUrlParams(form),
      authenticate
    )
    const options = { mode, dialect, explain: () => Effect.succeed(ServerMessage.empty), ...reading }
    const response = yield* delaying(TokenEndpoint.execute(client, request, options))
    const answer = yield* TokenEndpoint.json(TokenResponse, options)(response)
    return yield* Token.make({
      mode,
      value: answer.access_token,
      expiresIn: answer.expires_in,
      refreshToken: answer.refresh_token
    })
  })

/** RFC 6749 section 5.1; `Token.make` takes what the server makes of `expires_in`. */
const TokenResponse = Schema.Struct({
  access_token: Schema.NonEmptyString,
  expires_in: Schema.optional(Schema.Unknown),
  refresh_token: Schema.optional(Schema.NullOr(Schema.String))
})

/** Both halves are form-encoded first (RFC 6749 section 2.3.1), because the server decodes them and secrets contain `+` and `%`. */
const clientBasic = (id: string, secret: string): string =>
  `Basic ${Encoding.encodeBase64(`${formEncoded(id)}:${formEncoded(secret)}`)}`

const formEncoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice("=".length)

/** In epoch milliseconds. */
const expiry = ({ accessToken, expiresAt }: SessionFields): Option.Option<number> =>
  expiresAt === undefined
    ? Option.flatMap(Token.lifespan(Redacted.value(accessToken)), ({ exp }) =>
      Option.map(Option.fromNullable(exp), (seconds) => seconds * 1000))
    : Option.some(DateTime.toEpochMillis(expiresAt))
