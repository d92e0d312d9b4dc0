/** The modes at the fake server of `@effect-auth/testing`, as the README has it. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as ClientCredentials from "../src/ClientCredentials.ts"
import * as RefreshToken from "../src/RefreshToken.ts"

const { clientId } = FakeOAuth.canaries
const clientSecret = Redacted.make(FakeOAuth.canaries.clientSecret)
const baseUrl = "https://api.acme.example"
const server = "https://login.acme.example"

const me = Effect.flatMap(
  AuthenticatedHttpClient.AuthenticatedHttpClient,
  (http) => Effect.flatMap(http.get("/me"), (response) => response.json)
)

describe("FakeOAuth", () => {
  it.effect("is found by its metadata, wherever its issuer is said to be", () =>
    Effect.gen(function*() {
      for (const issuer of [server, `${server}/tenant`]) {
        const Live = ClientCredentials.layer({ baseUrl, server: issuer, credential: { clientId, clientSecret } })
        assert.deepInclude(yield* Effect.provide(me, Live), { client: clientId, user: null })
      }
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("begins the session of a user that a refresh token goes on with", () =>
    Effect.gen(function*() {
      const { issue, stats } = yield* FakeOAuth.FakeOAuth
      const { refreshToken } = yield* issue({ user: "ada" })
      const Live = RefreshToken.layer({ baseUrl, server, credential: { clientId, clientSecret, refreshToken } })
      assert.deepInclude(yield* Effect.provide(me, Live), { user: "ada" })
      assert.deepInclude(yield* stats, { logins: 0, refreshes: 1, requests: 1 })
    }).pipe(Effect.provide(FakeOAuth.layer())))
})
