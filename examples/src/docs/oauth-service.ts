/** A service that acts for itself, with a key or with a secret. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as OAuthCredential from "@effect-auth/oauth/OAuthCredential"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import { Config, ConfigProvider, Context, Effect, Layer } from "effect"
import { deepStrictEqual } from "node:assert"
import { generateKeyPairSync } from "node:crypto"

// #region program
class Reports extends Context.Tag("app/Reports")<Reports, AuthenticatedHttpClient.Service>() {}

const reports = Effect.flatMap(Reports, (http) => Effect.flatMap(http.get("/reports"), ({ json }) => json))
// #endregion

// #region key
const WithKey = Layer.unwrapEffect(Effect.gen(function*() {
  const pem = yield* Config.redacted("REPORTS_PRIVATE_KEY") // PEM or JWK
  const key = yield* SigningKey.fromText(pem, { algorithm: "ES256", keyId: "2026-01" })
  return ClientCredentials.layer({
    client: Reports,
    baseUrl: "https://api.acme.example",
    server: "https://login.acme.example",
    credential: { clientId: "reporting" },
    authentication: ClientAuthentication.privateKeyJwt(key),
    scope: ["reports:read"]
  })
}))
// #endregion

// #region secret
const WithSecret = ClientCredentials.layerConfig({
  baseUrl: Config.succeed("https://api.acme.example"),
  server: Config.succeed("https://login.acme.example"),
  credential: OAuthCredential.clientCredentialsConfig("REPORTS"), // REPORTS_CLIENT_ID, REPORTS_CLIENT_SECRET
  scope: Config.succeed(["reports:read"])
}, { client: Reports })
// #endregion

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })

const environment = new Map([
  ["REPORTS_PRIVATE_KEY", String(privateKey.export({ type: "pkcs8", format: "pem" }))],
  ["REPORTS_CLIENT_ID", FakeOAuth.canaries.clientId],
  ["REPORTS_CLIENT_SECRET", FakeOAuth.canaries.clientSecret]
])

export const test = Effect.gen(function*() {
  const { requests } = yield* FakeOAuth.FakeOAuth
  for (const live of [WithKey, WithSecret]) {
    deepStrictEqual(yield* Effect.provide(reports, live), { client: "reporting", user: null, scope: "reports:read" })
  }
  const forms = (yield* requests).filter(({ line }) => line === "POST /token").map(({ body }) => body)
  deepStrictEqual(forms.map((form) => new URLSearchParams(form).has("client_assertion")), [true, false])
}).pipe(
  Effect.provide(FakeOAuth.layer()),
  Effect.withConfigProvider(ConfigProvider.fromMap(environment))
)
