/** From a hand-written client to this one. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysCredential from "@effect-auth/qualys/QualysCredential"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Context, Effect, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region before
const Answer = Schema.Struct({ token: Schema.String, expires_in: Schema.Number })

const fetchToken = HttpClient.post("https://api.acme.example/login").pipe(
  Effect.flatMap(HttpClientResponse.schemaBodyJson(Answer))
)

const before = Effect.gen(function*() {
  const token = yield* Effect.cachedWithTTL(fetchToken, "1 hour")
  return (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl("https://api.acme.example")),
    HttpClient.mapRequestEffect((request) =>
      Effect.map(token, ({ token }) => HttpClientRequest.bearerToken(request, token))
    )
  )
})
// #endregion

// #region after
const mode = "Acme/Login"

const login = Effect.gen(function*() {
  const request = HttpClientRequest.post("https://api.acme.example/login")
  const response = yield* TokenEndpoint.execute(yield* HttpClient.HttpClient, request, { mode })
  const { expires_in, token } = yield* TokenEndpoint.json(Answer, { mode })(response)
  return yield* Token.make({ mode, value: token, expiresIn: expires_in })
})

class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const AcmeLive = AuthenticatedHttpClient.layer(
  Effect.map(TokenSource.make({ mode, login }), (tokens) => Authenticator.bearer(tokens, { mode })),
  { baseUrl: "https://api.acme.example", client: Acme }
)
// #endregion

// #region stored
const stored = (json: string) =>
  Effect.map(QualysCredential.fromJson(json), (credential) => Qualys.layer({ credential }))
// #endregion

const answers = [{ json: { token: "canary-token", expires_in: 60 } }, { status: 200 }]

export const test = Effect.gen(function*() {
  const http = yield* before
  const first = yield* http.get("/things")
  const second = yield* Effect.flatMap(Acme, (acme) => acme.get("/things")).pipe(
    Effect.provide(AcmeLive),
    Effect.provide(ScriptedHttpClient.layer(answers))
  )
  deepStrictEqual([first.status, second.status], [200, 200])
  yield* stored(`{"username":"ada","password":"canary-password","auth_type":"basic","platform":"qg2"}`)
}).pipe(Effect.provide(ScriptedHttpClient.layer(answers)))
