/** A server whose API address comes with the token, as those of Salesforce do. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region layer
class Sales extends Context.Tag("app/Sales")<Sales, AuthenticatedHttpClient.Service>() {}

const Extra = Schema.Struct({ instance_url: Schema.String })

const SalesLive = Layer.scoped(
  Sales,
  Effect.gen(function*() {
    const tokens = yield* ClientCredentials.makeTokens({
      server: "https://login.sales.example",
      credential: { clientId: "sales-sync", clientSecret: Redacted.make("canary-secret-sales") },
      keep: ["instance_url"] // a member of the token response that becomes part of `Token.extra`
    })
    const { extra } = yield* tokens.get
    const { instance_url } = yield* Schema.decodeUnknown(Extra)(extra)
    return yield* OAuth.makeWith(tokens, { baseUrl: instance_url }) // and no other origin sees the token
  })
)

const accounts = Effect.flatMap(Sales, (sales) => sales.get("/services/data/accounts"))
// #endregion

export const test = Effect.gen(function*() {
  yield* Effect.provide(accounts, SalesLive)
  const { requests } = yield* FakeOAuth.FakeOAuth
  deepStrictEqual((yield* requests).map(({ line, url }) => `${url.host} ${line}`), [
    "login.sales.example GET /.well-known/oauth-authorization-server",
    "login.sales.example POST /token",
    "eu7.sales.example GET /services/data/accounts",
    "login.sales.example POST /revoke"
  ])
}).pipe(Effect.provide(FakeOAuth.layer({
  clients: { "sales-sync": "canary-secret-sales" },
  members: { instance_url: "https://eu7.sales.example" }
})))
