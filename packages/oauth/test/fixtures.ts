/** A client, its server, and an API, for the tests of every mode. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"

export class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

export const { clientId, clientSecret, password, username } = FakeOAuth.canaries
export const secret = Redacted.make(clientSecret)
export const credential = { clientId, clientSecret: secret }

export const baseUrl = "https://api.acme.example"
export const issuer = "https://as.acme.example"
export const server = { tokenEndpoint: `${issuer}/token` }
export const revoking = { ...server, revocationEndpoint: `${issuer}/revoke` }

export const me = Effect.flatMap(Acme, (http) => Effect.flatMap(http.get("/me"), ({ json }) => json))

export const fake = FakeOAuth.FakeOAuth

/** A token endpoint that gives tokens, and an API that takes them; and what was asked of it. */
export const scripted = (answer: Record<string, unknown> = {}) =>
  ScriptedHttpClient.layer(ScriptedHttpClient.routes({
    "POST /token": ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1", expires_in: 60, ...answer } }),
    "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
  }))

export const forms = Effect.flatMap(
  ScriptedHttpClient.ScriptedHttpClient,
  ({ requests }) =>
    Effect.map(
      requests,
      (requests) =>
        requests.filter(({ line }) => line.startsWith("POST")).map(({ body }) => [...new URLSearchParams(body)])
    )
)
