/** The token endpoint of Yamcs: what is sent, and what its answer means. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected } from "@effect-auth/core/AuthError"
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
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { Password, ServiceAccount, Session } from "../YamcsCredential.ts"
import type { Delaying } from "./slidingWindow.ts"

/** Where the tokens are to be had, for which mode, and how often one may ask. */
export interface Endpoint {
  readonly baseUrl: string
  readonly mode: string
  readonly delaying: Delaying
}

/** What comes of asking the endpoint. */
export type Exchange = Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>

/** RFC 6749 section 4.3. */
export const password = (endpoint: Endpoint, { password, username }: Password): Exchange =>
  exchange(endpoint, { grant_type: "password", username, password: Redacted.value(password) })

/**
 * RFC 6749 section 4.4. `become` is the server's own: the account to act as. The answer has no refresh token; the next
 * one is had by the same grant.
 */
export const clientCredentials = (
  endpoint: Endpoint,
  { become, clientId, clientSecret }: ServiceAccount
): Exchange =>
  exchange(
    endpoint,
    { grant_type: "client_credentials", ...(become === undefined ? undefined : { become }) },
    HttpClientRequest.setHeader("authorization", clientBasic(clientId, Redacted.value(clientSecret)))
  )

/** RFC 6749 section 6. The answer's refresh token replaces the redeemed one. */
export const refresh = (endpoint: Endpoint) => (refreshToken: Redacted.Redacted): Exchange =>
  exchange(endpoint, { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) })

/**
 * A session can be entered once, by the tokens that are its credential: with the access token while that is good, else
 * by redeeming the refresh token. From then on only what the source holds or has stored leads further.
 */
export const resume = (endpoint: Endpoint, session: Session): Effect.Effect<Exchange> =>
  Effect.map(Ref.make(false), (entered) => {
    const ended = (detail: string) => Effect.fail(new CredentialsRejected({ mode: endpoint.mode, detail }))
    const enter: Exchange = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const expiresAt = Option.map(expiry(session), (expiresAt) => expiresAt - now)
      return Option.exists(expiresAt, (left) => left <= 0)
        ? session.refreshToken === undefined
          ? ended("the access token has expired, and there is no refresh token")
          : refresh(endpoint)(session.refreshToken)
        : Token.make({
          mode: endpoint.mode,
          value: session.accessToken,
          lifetime: Option.getOrUndefined(expiresAt),
          refreshToken: session.refreshToken
        })
    })
    return Effect.flatMap(Ref.get(entered), (again) =>
      again
        ? ended("the session is over; give the tokens of a new one")
        : Effect.tap(enter, Ref.set(entered, true)))
  })

const exchange = (
  { baseUrl, delaying, mode }: Endpoint,
  form: Record<string, string>,
  authenticate: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest = identity
): Exchange =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    // the content type has to be exactly this, without a charset; without the Accept header the answer is not JSON
    const request = HttpClientRequest.post(`${baseUrl}/auth/token`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUrlParams(form),
      authenticate
    )
    const response = yield* delaying(TokenEndpoint.execute(client, request, { mode }))
    const answer = yield* TokenEndpoint.json(TokenResponse, { mode })(response)
    return yield* Token.make({
      mode,
      value: answer.access_token,
      lifetime: Duration.seconds(answer.expires_in),
      refreshToken: answer.refresh_token
    })
  })

/** RFC 6749 section 5.1. */
const TokenResponse = Schema.Struct({
  access_token: Schema.NonEmptyString,
  expires_in: Schema.NonNegative,
  refresh_token: Schema.optional(Schema.NonEmptyString)
})

/** Both halves are form-encoded first (RFC 6749 section 2.3.1): the server decodes them, and secrets contain `+` and `%`. */
const clientBasic = (id: string, secret: string): string =>
  `Basic ${Encoding.encodeBase64(`${formEncoded(id)}:${formEncoded(secret)}`)}`

const formEncoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice("=".length)

/** In milliseconds since the epoch. The token was issued some time ago, so only its expiry tells anything. */
const expiry = ({ accessToken, expiresAt }: Session): Option.Option<number> =>
  expiresAt === undefined
    ? Option.flatMap(Token.lifespan(Redacted.value(accessToken)), ({ exp }) =>
      Option.map(Option.fromNullable(exp), (seconds) => seconds * 1000))
    : Option.some(DateTime.toEpochMillis(expiresAt))
