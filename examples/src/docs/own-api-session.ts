/** A login in JSON, with a refresh and a logout. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import { HttpClient, HttpClientRequest, HttpRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { Context, Effect, Redacted, Schema } from "effect"

// #region session
const shop = { baseUrl: "https://shop.example", mode: "Shop/Password" }

const Session = Schema.Struct({
  token: Schema.NonEmptyString,
  refreshToken: Schema.NonEmptyString,
  seconds: Schema.optional(Schema.Unknown)
})

const begin = (path: string, body: unknown, grant: TokenEndpoint.Grant) =>
  Effect.gen(function*() {
    const request = HttpClientRequest.post(`${shop.baseUrl}${path}`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUnsafeJson(body) // bodyJson fails with an HttpBodyError, which no exchange does
    )
    const options = { mode: shop.mode, grant }
    const response = yield* TokenEndpoint.execute(yield* HttpClient.HttpClient, request, options)
    const { refreshToken, seconds, token } = yield* TokenEndpoint.json(Session, options)(response)
    return yield* Token.make({ mode: shop.mode, value: token, refreshToken, expiresIn: seconds })
  })

// through TokenEndpoint too: what the plain client fails with may hold the request, and with it the token
const logout = ({ value }: Token.Token) =>
  Effect.flatMap(HttpClient.HttpClient, (http) =>
    TokenEndpoint.execute(
      http,
      HttpClientRequest.del(`${shop.baseUrl}/session`).pipe(HttpClientRequest.bearerToken(value)),
      { mode: shop.mode }
    ))

class Shop extends Context.Tag("app/Shop")<Shop, AuthenticatedHttpClient.Service>() {}

const shopLayer = (user: { readonly name: string; readonly password: Redacted.Redacted }) =>
  AuthenticatedHttpClient.layer(
    Effect.map(
      TokenSource.make({
        mode: shop.mode,
        login: begin("/session", { user: user.name, password: Redacted.value(user.password) }, "login"),
        refresh: (token) => begin("/session/refresh", { refreshToken: Redacted.value(token) }, "refresh"),
        revoke: logout
      }),
      (tokens) => Authenticator.bearer(tokens, { mode: shop.mode })
    ),
    { baseUrl: shop.baseUrl, client: Shop }
  )
// #endregion

const orders = Effect.flatMap(Shop, (http) => http.get("/orders"))

const session = (number: number) =>
  HttpServerResponse.json({ token: `canary-${number}`, refreshToken: "canary-refresh", seconds: 600 })

const server = HttpRouter.empty.pipe(
  HttpRouter.post("/session", session(1)),
  HttpRouter.post("/session/refresh", session(2)),
  HttpRouter.del("/session", HttpServerResponse.empty({ status: 204 })),
  HttpRouter.get(
    "/orders",
    Effect.map(
      HttpServerRequest.HttpServerRequest,
      ({ headers }) => HttpServerResponse.empty({ status: headers["authorization"] === "Bearer canary-2" ? 200 : 401 })
    )
  )
)

export const test = Effect.gen(function*() {
  const { expect } = yield* FakeServer.FakeServer
  yield* Effect.provide(orders, shopLayer({ name: "ada", password: Redacted.make("canary-password") }))
  yield* expect([
    "POST /session",
    { line: "GET /orders", status: 401 },
    "POST /session/refresh",
    { line: "GET /orders", status: 200 },
    { line: "DELETE /session", headers: { authorization: "Bearer canary-2" } }
  ])
}).pipe(Effect.provide(FakeServer.layer(server)))
