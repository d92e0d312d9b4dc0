/**
 * The gateway's login of a client: id and secret in headers for a JWT of four hours, without a refresh token. The vendor's
 * page of it gives no sample of the answer that could be read, so both forms are taken: the JWT as text, and JSON.
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import type * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { ClientCredentials } from "../QualysCredential.ts"
import * as Dialect from "./dialect.ts"
import * as Jwt from "./jwt.ts"
import * as Refusal from "./refusal.ts"
import * as RequestedWith from "./requestedWith.ts"

export const login = ({ gateway, mode, platform }: Jwt.Endpoint) =>
(
  { clientId, clientSecret, level }: ClientCredentials
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const response = yield* TokenEndpoint.execute(
      client,
      HttpClientRequest.post(`${gateway}${paths[level]}`, {
        headers: { ...RequestedWith.headers, clientid: clientId, clientsecret: Redacted.value(clientSecret) }
      }),
      {
        mode,
        dialect: Dialect.dialect,
        explain: Refusal.explainClient(platform),
        retryAfter: Dialect.retryAfter
      }
    )
    const text = yield* TokenEndpoint.text({ mode })(response)
    const { access_token, expires_in } = Option.getOrElse(decode(text), (): Answer => ({ access_token: text }))
    return yield* Jwt.received({ mode, response, value: access_token, expiresIn: expires_in })
  })

/** OpenID Connect for a client of a user, OAuth for one of the subscription. */
const paths = { user: "/auth/oidc", subscription: "/auth/oauth" } as const

interface Answer {
  readonly access_token: string
  readonly expires_in?: unknown
}

const decode: (text: string) => Option.Option<Answer> = Schema.decodeOption(Schema.parseJson(Schema.Struct({
  access_token: Schema.String,
  expires_in: Schema.optional(Schema.Unknown)
})))
