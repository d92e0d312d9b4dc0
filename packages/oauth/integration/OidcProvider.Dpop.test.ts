import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Desktop from "./fixtures/desktop.ts"
import * as OidcProvider from "./fixtures/oidcProvider.ts"
import * as Wire from "./fixtures/wire.ts"

class Api extends Context.Tag("@effect-auth/oauth/integration/Api")<Api, AuthenticatedHttpClient.Service>() {}

class Server extends Context.Tag("@effect-auth/oauth/integration/OidcProvider")<
  Server,
  OidcProvider.OidcProvider
>() {}

const { bound } = OidcProvider.clients

const me = Effect.flatMap(Api, (http) => Effect.flatMap(http.get("?part=1"), ({ json }) => json))

const code = (
  { api, issuer }: OidcProvider.OidcProvider,
  options: Partial<Parameters<typeof AuthorizationCode.layer<Api>>[0]> = {}
) =>
  AuthorizationCode.layer({
    client: Api,
    baseUrl: api,
    server: issuer,
    credential: { clientId: bound.id },
    scope: ["openid", "api:read"],
    dpop: Dpop.generated(),
    ...options
  })

const grantsOf = (exchanges: ReadonlyArray<Wire.Exchange>) =>
  exchanges.map((exchange) => [Wire.parameter(exchange, "grant_type"), exchange.status])

for (const dpopNonce of [false, true]) {
  const served = Layer.mergeAll(
    Layer.scoped(Server, OidcProvider.start({ dpopNonce })),
    NodeHttpClient.layerUndici,
    Desktop.layer
  )

  layer(served, { excludeTestServices: true })(
    `OAuth at oidc-provider ${dpopNonce ? "with" : "without"} nonces: tokens that are bound to a key`,
    (it) => {
      it.effect("DP1 DP2 DP3 DP4 DP5 DP6 DP8 DP9 ER7 RF8 proves one key from the login on, anew for each request", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const before = server.exchanges.length
          const answers = yield* Effect.provide(
            Effect.all([me, me, server.endLatestToken, me]),
            code(server, { logout: false })
          )
          for (const answer of [answers[0], answers[1], answers[3]]) {
            assert.deepInclude(answer, { client: bound.id, bound: true })
          }
          assert.deepStrictEqual(grantsOf(server.exchanges.slice(before)), [
            ...dpopNonce ? [["authorization_code", 400]] : [],
            ["authorization_code", 200],
            ["refresh_token", 200]
          ])
          assert.strictEqual(server.proofs.seen.size, 3)
        }))

      it.effect("DP6 RF8 goes on with the stored key in the next process, and with no other key", () =>
        Effect.gen(function*() {
          const server = yield* Server
          const store = yield* TokenStore.makeMemory
          const options = { store, account: "alice" }
          yield* Effect.provide(me, code(server, options))
          const next = yield* Effect.provide(Effect.all([me, server.endLatestToken, me]), code(server, options))
          assert.deepInclude(next[2], { client: bound.id, bound: true })
          const thief = yield* RefreshToken.makeTokens({
            baseUrl: server.api,
            server: server.issuer,
            credential: { clientId: bound.id, refreshToken: Redacted.make(server.seen.refreshToken) },
            dpop: Dpop.generated(),
            logout: false
          })
          const error = yield* Effect.flip(thief.get)
          assert.strictEqual(error._tag, "CredentialsRejected")
          assert.strictEqual(server.seen.refusals.at(-1), "invalid_grant")
        }).pipe(Effect.scoped))
    }
  )
}
