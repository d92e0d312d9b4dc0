/** The gateway's login: user name and password for a JWT of four hours, without a refresh token. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Platform } from "../Platform.ts"
import * as Dialect from "./dialect.ts"
import * as Refusal from "./refusal.ts"
import * as RequestedWith from "./requestedWith.ts"

export interface Endpoint {
  readonly mode: string
  readonly platform: Platform
  readonly gateway: string
}

export const login = ({ gateway, mode, platform }: Endpoint) =>
(
  credential: { readonly username: string; readonly password: Redacted.Redacted }
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.post(`${gateway}/auth`, { headers: RequestedWith.headers }).pipe(
      HttpClientRequest.bodyUrlParams({
        username: credential.username,
        password: Redacted.value(credential.password),
        token: "true",
        permissions: "true"
      })
    )
    const response = yield* TokenEndpoint.execute(client, request, {
      mode,
      dialect: Dialect.dialect,
      explain: Refusal.explainLogin(platform),
      retryAfter: Dialect.retryAfter
    })
    const value = yield* TokenEndpoint.text({ mode })(response)
    return yield* Effect.mapError(
      Token.fromJwt({ mode, value, lifetime, serverTime: TokenEndpoint.serverTime(response) }),
      ({ detail, foreign }) =>
        new MalformedTokenResponse({ mode, url: response.request.url, status: response.status, detail, foreign })
    )
  })

/**
 * A JWT obtained before, if it states its expiry and has not expired by the client's clock; when it arrived is unknown.
 */
export const given = (
  mode: string,
  jwt: Redacted.Redacted
): Effect.Effect<Option.Option<Token.Token>, ExchangeError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Token.lifespan(Redacted.value(jwt)).pipe(
      Option.flatMap(({ exp }) => Token.lifetime({ exp }, now)),
      Option.filter(Duration.greaterThan(0)),
      Option.match({
        onNone: () => Effect.succeedNone,
        onSome: (lifetime) => Effect.asSome(Token.make({ mode, value: jwt, lifetime }))
      })
    ))

/** As the vendor states it; the JWT's own `exp` takes precedence. */
const lifetime = "4 hours"
