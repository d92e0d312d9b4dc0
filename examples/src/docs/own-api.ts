/** An API without a package of its own: a login, a token source and a tag. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Config, ConfigProvider, Context, Effect, Layer, Redacted, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region login
const baseUrl = "https://api.acme.example"
const mode = "Acme/ClientCredentials" // shown in errors and events

export interface Client {
  readonly id: string
  readonly secret: Redacted.Redacted
}

// what the server answers, and no more than is needed of it
const Answer = Schema.Struct({ access_token: Schema.NonEmptyString, expires_in: Schema.optional(Schema.Unknown) })

const login = ({ id, secret }: Client) =>
  Effect.gen(function*() {
    const request = HttpClientRequest.post(`${baseUrl}/token`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUrlParams({
        grant_type: "client_credentials",
        client_id: id,
        client_secret: Redacted.value(secret)
      })
    )
    const response = yield* TokenEndpoint.execute(yield* HttpClient.HttpClient, request, { mode })
    const answer = yield* TokenEndpoint.json(Answer, { mode })(response)
    return yield* Token.make({ mode, value: answer.access_token, expiresIn: answer.expires_in })
  })
// #endregion

// #region layer
export class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

export const layer = (client: Client) =>
  AuthenticatedHttpClient.layer(
    Effect.map(TokenSource.make({ mode, login: login(client) }), (tokens) => Authenticator.bearer(tokens, { mode })),
    { baseUrl, client: Acme }
  )

export const layerConfig = Layer.unwrapEffect(Effect.map(
  Config.all({ id: Config.string("ACME_CLIENT_ID"), secret: Config.redacted("ACME_CLIENT_SECRET") }),
  layer
))
// #endregion

// #region program
export const things = Effect.gen(function*() {
  const acme = yield* Acme
  const response = yield* acme.get("/things") // https://api.acme.example/things
  return yield* response.json
})
// #endregion

export const test = Effect.gen(function*() {
  yield* Effect.zipRight(things, things).pipe(
    Effect.provide(layerConfig),
    Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map([["ACME_CLIENT_ID", FakeOAuth.canaries.clientId], [
        "ACME_CLIENT_SECRET",
        FakeOAuth.canaries.clientSecret
      ]])
    ))
  )
  const { requests } = yield* FakeOAuth.FakeOAuth
  deepStrictEqual((yield* requests).map(({ line }) => line), ["POST /token", "GET /things", "GET /things"])
}).pipe(Effect.provide(FakeOAuth.layer()))
