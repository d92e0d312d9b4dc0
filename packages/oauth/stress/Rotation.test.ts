import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FirstLogin from "../integration/fixtures/firstLogin.ts"
import * as OidcProvider from "../integration/fixtures/oidcProvider.ts"
import * as Rotation from "../integration/fixtures/rotation.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)
const times = 200

describe("OAuth at oidc-provider, for long", () => {
  it.scopedLive(
    `RF2 RF3 fifty callers, ${times} rotations, and a first caller that loses patience: one refresh each (seed ${seed})`,
    () =>
      Effect.gen(function*() {
        console.log(`seed ${seed}: SEED=${seed} repeats this run`)
        const server = yield* OidcProvider.start({ accessTokenLifetime: 1 })
        const client = OidcProvider.clients.person
        const refreshToken = yield* FirstLogin.refreshToken({
          ...server,
          client,
          scope: "openid offline_access api:read"
        })
        const before = server.exchanges.length
        const tokens = yield* RefreshToken.makeTokens({
          baseUrl: server.api,
          server: server.issuer,
          credential: { clientId: client.id, refreshToken },
          logout: false,
          refreshPolicy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never))
        })
        const rotations = yield* Rotation.rotate(tokens, { seed, times })
        assert.deepStrictEqual(rotations.map((given) => given.size), Array.from({ length: times }, () => 1))
        assert.strictEqual(server.exchanges.length - before, times + 1)
        assert.deepStrictEqual([server.seen.endedGrants, server.seen.refusals], [0, []])
      }).pipe(Effect.provide(NodeHttpClient.layerUndici)),
    600_000
  )
})
