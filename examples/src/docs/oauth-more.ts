/** The other ways to a token, and what they have in common. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as Assertion from "@effect-auth/oauth/Assertion"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as Entra from "@effect-auth/oauth/Entra"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as ProtectedResource from "@effect-auth/oauth/ProtectedResource"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { HttpServerResponse } from "@effect/platform"
import { Context, Effect, Layer, Redacted } from "effect"
import { deepStrictEqual } from "node:assert"

// #region common
class Orders extends Context.Tag("app/Orders")<Orders, AuthenticatedHttpClient.Service>() {}

const baseUrl = "https://api.acme.example"
const server = "https://login.acme.example"
const credential = { clientId: "reporting", clientSecret: Redacted.make("canary-secret") }

const me = Effect.flatMap(Orders, (orders) => Effect.flatMap(orders.get("/me"), ({ json }) => json))
// #endregion

const { clientId } = credential
const clients = { reporting: "canary-secret", "acme-cli": "" }

// #region refresh
const Continued = (refreshToken: Redacted.Redacted) =>
  RefreshToken.layer({ client: Orders, baseUrl, server, credential: { ...credential, refreshToken } })
// #endregion

// #region jwtBearer
const AsUser = (key: SigningKey.SigningKey, user: string) =>
  JwtBearer.layer({
    client: Orders,
    baseUrl,
    server,
    assertion: Assertion.signed({ key, issuer: "robot@acme.example", subject: user, lifetime: "5 minutes" }),
    scope: ["mail"]
  })
// #endregion

// #region exchange
// what was given to the gateway, for a token of the API behind it
const Behind = Layer.unwrapScoped(Effect.gen(function*() {
  const subject = yield* ClientCredentials.makeTokens({ baseUrl: "https://gateway.acme.example", server, credential })
  return TokenExchange.layer({ client: Orders, baseUrl, server, credential, subject, audience: "orders" })
}))
// #endregion

// #region entra
const GraphLive = ClientCredentials.layer({
  ...Entra.application({ tenant: "acme.example", resource: "https://graph.microsoft.com" }), // server and scope
  client: Orders,
  baseUrl: "https://graph.microsoft.com/v1.0",
  credential
})
// #endregion

// #region kms
declare const kms: { readonly sign: (bytes: Uint8Array) => Promise<Uint8Array> }

export const inKms = ClientAuthentication.privateKeyJwt(
  SigningKey.make((bytes) => Effect.promise(() => kms.sign(bytes)), { algorithm: "ES256", keyId: "2026-01" })
)
// #endregion

// #region certificate
export const WithCertificate = ClientCredentials.layer({
  client: Orders,
  baseUrl,
  server,
  credential: { clientId: "reporting" },
  authentication: ClientAuthentication.certificate
}).pipe(Layer.provide(ClientCertificate.layerUndiciConfig({ credential: Certificate.config("ACME") })))
// #endregion

// #region dpop
const Bound = ClientCredentials.layer({ client: Orders, baseUrl, server, credential, dpop: Dpop.generated() })
// #endregion

// #region endpoints
const byHand = {
  tokenEndpoint: "https://login.acme.example/token",
  authorizationEndpoint: "https://login.acme.example/authorize",
  revocationEndpoint: "https://login.acme.example/revoke"
}

const WithoutMetadata = ClientCredentials.layer({ client: Orders, baseUrl, server: byHand, credential })
// #endregion

// #region discover
const Discovered = Layer.unwrapEffect(
  Effect.map(ProtectedResource.discover(`${baseUrl}/mcp`, { mode: "Acme" }), (api) =>
    ClientCredentials.layer({
      client: Orders,
      baseUrl,
      server: ProtectedResource.authorizationServer(api),
      resource: api.resource,
      scope: api.scopes,
      credential
    }))
)
// #endregion

// #region remember
const tenants = Effect.gen(function*() {
  const server = yield* AuthorizationServer.remember("https://login.acme.example") // read once for all
  return yield* OAuth.keyed(
    (tenant: string) =>
      ClientCredentials.makeTokens({ baseUrl, server, credential, parameters: { audience: `tenant:${tenant}` } }),
    { baseUrl, idle: "10 minutes", capacity: 10_000 }
  )
})
// #endregion

// #region stepUp
const Careful = AuthorizationCode.layer({
  client: Orders,
  baseUrl,
  server,
  credential,
  scope: ["orders:read"] // no more than is needed at first
})

// 403 with error="insufficient_scope", scope="orders:write": the person is asked once for both, and the call is sent again
const write = Effect.flatMap(Orders, (orders) => orders.post("/orders"))
// #endregion

// #region revoke
const session = Effect.gen(function*() {
  const tokens = yield* ClientCredentials.makeTokens({ baseUrl, server, credential })
  const orders = yield* OAuth.makeWith(tokens, { baseUrl })
  yield* orders.get("/orders")
  yield* tokens.end // revoked now; otherwise at the end of the Scope, unless a store keeps it
}).pipe(Effect.scoped)
// #endregion

// #region failures
const program = me.pipe(
  Effect.catchTags({
    InteractionRequired: () => Effect.succeed("log in again"),
    CredentialsRejected: ({ code, message, reason }) =>
      code === "access_denied"
        ? Effect.succeed("you said no")
        : Effect.dieMessage(reason === "Setting" ? `ask the operator: ${message}` : message),
    TokenEndpointError: ({ message }) => Effect.succeed(`later: ${message}`)
  })
)
// #endregion

/** An API that wants more for a POST than for a GET. */
const guarded: FakeOAuth.Options["api"] = ({ scope }) =>
  Effect.succeed(
    scope?.split(" ").includes("orders:write") === true
      ? HttpServerResponse.text(scope)
      : HttpServerResponse.empty({
        status: 403,
        headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="orders:write"` }
      })
  )

const answered = Effect.gen(function*() {
  const { issue, requests } = yield* FakeOAuth.FakeOAuth
  const { refreshToken } = yield* issue({ user: "grace" })
  const key = SigningKey.make(() => Effect.succeed(new Uint8Array(64)), { algorithm: "ES256" })

  deepStrictEqual(yield* Effect.provide(me, Continued(refreshToken)), { client: clientId, user: "grace", scope: null })
  deepStrictEqual(yield* Effect.provide(me, AsUser(key, "ada")), {
    client: "robot@acme.example",
    user: "ada",
    scope: "mail"
  })
  deepStrictEqual(yield* Effect.provide(me, Behind), { client: clientId, user: clientId, scope: null })
  deepStrictEqual(yield* Effect.provide(me, WithoutMetadata), { client: clientId, user: null, scope: null })
  yield* session
  deepStrictEqual((yield* requests).at(-1)?.line, "POST /revoke")

  const { forKey } = yield* tenants
  const before = (yield* requests).length
  yield* Effect.all([forKey("one").get("/me"), forKey("two").get("/me")])
  deepStrictEqual((yield* requests).slice(before).map(({ line }) => line), [
    "GET /.well-known/oauth-authorization-server",
    "POST /token",
    "GET /me",
    "POST /token",
    "GET /me"
  ])
}).pipe(Effect.scoped, Effect.provide(FakeOAuth.layer({ clients })))

const atEntra = Effect.gen(function*() {
  deepStrictEqual(yield* Effect.provide(me, GraphLive), {
    client: clientId,
    user: null,
    scope: "https://graph.microsoft.com/.default"
  })
}).pipe(Effect.provide(FakeOAuth.layer({ clients, tokenPath: "/acme.example/oauth2/v2.0/token" })))

const steppedUp = Effect.gen(function*() {
  const { stats } = yield* FakeOAuth.FakeOAuth
  const response = yield* Effect.provide(write, Careful)
  deepStrictEqual(yield* response.text, "orders:read orders:write")
  deepStrictEqual((yield* stats).prompts, 2)
}).pipe(Effect.provide(Layer.provideMerge(FakePerson.layer, FakeOAuth.layer({ clients, api: guarded }))))

const denied = program.pipe(
  Effect.provide(Careful),
  Effect.map((said) => deepStrictEqual(said, "you said no")),
  Effect.provide(Layer.provideMerge(FakePerson.layer, FakeOAuth.layer({ clients, person: FakeOAuth.denies })))
)

const bound = Effect.gen(function*() {
  yield* Effect.provide(me, Bound)
  const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
  const [, login, call] = yield* requests
  deepStrictEqual([login?.line, "dpop" in (login?.headers ?? {})], ["POST /token", true])
  deepStrictEqual([call?.headers["authorization"], "dpop" in (call?.headers ?? {})], ["DPoP canary", true])
}).pipe(Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({
  "GET /.well-known/oauth-authorization-server": {
    json: { issuer: server, token_endpoint: `${server}/token`, dpop_signing_alg_values_supported: ["ES256"] }
  },
  "POST /token": { json: { access_token: "canary", token_type: "DPoP", expires_in: 60 } },
  "GET /me": { json: {} }
}))))

const found = Effect.gen(function*() {
  yield* Effect.provide(me, Discovered)
  const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
  const form = new URLSearchParams((yield* requests).find(({ line }) => line === "POST /token")?.body)
  deepStrictEqual([form.get("resource"), form.get("scope")], [`${baseUrl}/mcp`, "tools"])
}).pipe(Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({
  "GET /.well-known/oauth-protected-resource/mcp": {
    json: { resource: `${baseUrl}/mcp`, authorization_servers: [server], scopes_supported: ["tools"] }
  },
  "GET /.well-known/oauth-authorization-server": { json: { issuer: server, token_endpoint: `${server}/token` } },
  "POST /token": { json: { access_token: "canary", expires_in: 60 } },
  "GET /me": { json: {} }
}))))

export const test = Effect.all([answered, atEntra, steppedUp, denied, bound, found])
