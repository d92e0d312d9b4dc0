/** The gateway's login: user name and password for a JWT of four hours, without a refresh token. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
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
      explain: Refusal.explainLogin({ platform, username: credential.username }),
      retryAfter: Dialect.retryAfter
    })
    return yield* received({ mode, response, value: yield* TokenEndpoint.text({ mode })(response) })
  })

/** A JWT that the gateway has just issued. */
export const received = ({ expiresIn, mode, response, value }: {
  readonly mode: string
  readonly response: HttpClientResponse.HttpClientResponse
  readonly value: string
  readonly expiresIn?: unknown
}): Effect.Effect<Token.Token, ExchangeError> =>
  Effect.mapError(
    Token.fromJwt({
      mode,
      value,
      ...(expiresIn === undefined ? { lifetime } : { expiresIn }),
      serverTime: TokenEndpoint.serverTime(response)
    }),
    ({ detail, foreign }) =>
      new MalformedTokenResponse({ mode, url: response.request.url, status: response.status, detail, foreign })
  )

/**
 * A JWT obtained before, which is not sent once it has expired by the client's clock; when it arrived is unknown. One that
 * does not state its expiry is good until it is refused. What is no JWT is not sent.
 */
export const given = (
  mode: string,
  jwt: Redacted.Redacted
): Effect.Effect<Option.Option<Token.Token>, ExchangeError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Option.match(Token.lifespan(Redacted.value(jwt)), {
      onNone: () => Effect.succeedNone,
      onSome: ({ exp }) =>
        Effect.asSome(Token.make({ mode, value: jwt, lifetime: Option.getOrUndefined(Token.lifetime({ exp }, now)) }))
    }))

/** The claims by which Qualys finds the user of another provider's token, in words; none where it is no JWT. */
export const described = (jwt: Redacted.Redacted): string | undefined => {
  const [, payload = "", ...rest] = Redacted.value(jwt).split(".")
  return rest.length !== 1 ? undefined : Either.getOrUndefined(
    Either.map(
      Either.flatMap(Encoding.decodeBase64UrlString(payload), decodeClaims),
      ({ aud, iss, sub }) => `iss ${iss ?? "none"}, aud ${[aud ?? "none"].flat().join(" ")} and sub ${sub ?? "none"}`
    )
  )
}

const decodeClaims = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({
  iss: Schema.optional(Schema.String),
  aud: Schema.optional(Schema.Union(Schema.String, Schema.Array(Schema.String))),
  sub: Schema.optional(Schema.String)
})))

/** As the vendor states it; the JWT's own `exp` takes precedence. */
const lifetime = "4 hours"
