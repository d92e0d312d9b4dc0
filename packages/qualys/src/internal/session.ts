/** The API's session: a login for a cookie, and a logout, because the number of open sessions is limited. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Platform } from "../Platform.ts"
import * as Dialect from "./dialect.ts"
import * as Refusal from "./refusal.ts"
import * as RequestedWith from "./requestedWith.ts"

export const cookieName = "QualysSession"

export interface Endpoint {
  readonly mode: string
  readonly platform: Platform
  readonly api: string
}

export const login = (endpoint: Endpoint) =>
(
  credential: { readonly username: string; readonly password: Redacted.Redacted }
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { mode, platform } = endpoint
    const { username } = credential
    const response = yield* post(endpoint, {
      action: "login",
      username,
      password: Redacted.value(credential.password)
    })
    const cookie = Cookies.get(yield* TokenEndpoint.cookies(response), cookieName)
    if (Option.isSome(cookie)) {
      yield* ResponseBody.discard(response)
      return yield* Token.make({ mode, value: cookie.value.valueEncoded })
    }
    // an expired account gets a 200 without a session
    const message = ServerMessage.fromResponse(response, yield* Refusal.explainLogin({ platform, username })(response))
    const facts = { mode, url: response.request.url, status: response.status, ...message }
    if (message.code !== undefined) return yield* new CredentialsRejected(facts)
    const foreign = yield* TokenEndpoint.isPage(response)
    return yield* new MalformedTokenResponse({ ...facts, foreign, detail: whyNone(response.cookies) })
  })

const whyNone = (cookies: Cookies.Cookies): string =>
  Cookies.isEmpty(cookies)
    ? "the login succeeded without a cookie that could be read; a browser hides Set-Cookie from programs, and sessions " +
      "cannot be used there (use Qualys/Jwt or Qualys/Basic)"
    : `there is no ${cookieName} cookie`

export const logout =
  (endpoint: Endpoint) => (token: Token.Token): Effect.Effect<unknown, ExchangeError, HttpClient.HttpClient> =>
    Effect.flatMap(
      post(
        endpoint,
        { action: "logout" },
        RequestCredentials.apply(RequestCredentials.cookie(cookieName, token.value))
      ),
      (response) => ResponseBody.discard(response)
    )

const post = (
  { api, mode, platform }: Endpoint,
  form: Readonly<Record<string, string>>,
  authenticate: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest = (request) =>
    request
) =>
  Effect.flatMap(HttpClient.HttpClient, (client) =>
    TokenEndpoint.execute(
      client,
      HttpClientRequest.post(`${api}/api/2.0/fo/session/`, { headers: RequestedWith.headers }).pipe(
        HttpClientRequest.bodyUrlParams(form),
        authenticate
      ),
      {
        mode,
        dialect: Dialect.dialect,
        explain: Refusal.explainLogin({ platform, username: form["username"] }),
        retryAfter: Dialect.retryAfter
      }
    ))
