/** The gateway's login: user name and password for a JWT of four hours, without a refresh token. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type { Platform } from "../Platform.ts"
import * as Refusal from "./refusal.ts"

export interface Endpoint {
  readonly mode: string
  readonly platform: Platform
  readonly gateway: string
}

export const login = (
  { gateway, mode, platform }: Endpoint,
  credential: { readonly username: string; readonly password: Redacted.Redacted }
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.post(`${gateway}/auth`).pipe(HttpClientRequest.bodyUrlParams({
      username: credential.username,
      password: Redacted.value(credential.password),
      token: "true",
      permissions: "true"
    }))
    const response = yield* TokenEndpoint.execute(client, request, {
      mode,
      rejected: [401, 403],
      explain: Refusal.explainLogin(platform)
    })
    const value = yield* TokenEndpoint.text({ mode })(response)
    return yield* Token.fromJwt({ mode, value, lifetime })
  })

/**
 * A login that begins with a JWT that was obtained before, once and only while it is good: what is left of its life is
 * `exp` against the client's clock, because nobody knows when it arrived.
 */
export const resume = <R>(
  mode: string,
  jwt: Redacted.Redacted,
  login: Effect.Effect<Token.Token, ExchangeError, R>
): Effect.Effect<Effect.Effect<Token.Token, ExchangeError, R>> =>
  Effect.map(Ref.make(Option.some(jwt)), (kept) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const value = yield* Ref.getAndSet(kept, Option.none())
      const left = value.pipe(
        Option.flatMap((value) => Token.lifespan(Redacted.value(value))),
        Option.flatMap(({ exp }) => Token.lifetime({ exp }, now)),
        Option.filter(Duration.greaterThan(0))
      )
      return yield* Option.isSome(left) ? Token.make({ mode, value: jwt, lifetime: left.value }) : login
    }))

/** The vendor's; the JWT's own `exp` comes first. */
const lifetime = "4 hours"
