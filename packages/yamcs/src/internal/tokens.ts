/** The token endpoint of Yamcs: what is sent, and what its answer means. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Password } from "../YamcsCredential.ts"

/** Where the tokens are to be had, and for which mode. */
export interface Endpoint {
  readonly baseUrl: string
  readonly mode: string
}

export const password = (
  endpoint: Endpoint,
  credential: Password
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  exchange(endpoint, {
    grant_type: "password",
    username: credential.username,
    password: Redacted.value(credential.password)
  })

export const refresh =
  (endpoint: Endpoint) =>
  (refreshToken: Redacted.Redacted): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
    exchange(endpoint, { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) })

const exchange = (
  { baseUrl, mode }: Endpoint,
  form: Record<string, string>
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    // the content type has to be exactly this, without a charset; without the Accept header the answer is not JSON
    const request = HttpClientRequest.post(`${baseUrl}/auth/token`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUrlParams(form)
    )
    const response = yield* TokenEndpoint.execute(client, request, { mode })
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
