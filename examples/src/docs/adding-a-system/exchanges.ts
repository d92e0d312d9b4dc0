import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

export interface Endpoint {
  readonly baseUrl: string
  readonly mode: string
}

type Exchange = Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient>

export const login = (
  endpoint: Endpoint,
  credential: { readonly username: string; readonly password: Redacted.Redacted }
): Exchange =>
  exchange(endpoint, {
    grant_type: "password",
    username: credential.username,
    password: Redacted.value(credential.password)
  })

export const refresh = (endpoint: Endpoint) => (refreshToken: Redacted.Redacted): Exchange =>
  exchange(endpoint, { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) })

/** What the server answers, and no more than is needed of it. */
const Answer = Schema.Struct({
  access_token: Schema.NonEmptyString,
  expires_in: Schema.optional(Schema.Unknown),
  refresh_token: Schema.optional(Schema.NonEmptyString)
})

const exchange = ({ baseUrl, mode }: Endpoint, form: Record<string, string>): Exchange =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.post(`${baseUrl}/token`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUrlParams(form)
    )
    const response = yield* TokenEndpoint.execute(client, request, { mode })
    const answer = yield* TokenEndpoint.json(Answer, { mode })(response)
    return yield* Token.make({
      mode,
      value: answer.access_token,
      expiresIn: answer.expires_in,
      refreshToken: answer.refresh_token
    })
  })
