/** The modes at the fake server of `@effect-auth/testing`, as the README has it. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as AuthorizationCode from "../src/AuthorizationCode.ts"
import * as ClientCredentials from "../src/ClientCredentials.ts"
import * as Dpop from "../src/Dpop.ts"
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

  const credential = { clientId, clientSecret }
  const bound = ClientCredentials.layer({ baseUrl, server, credential, dpop: Dpop.generated() })

  it.effect("binds tokens to a key that is proved, and takes each proof", () =>
    Effect.gen(function*() {
      const fake = yield* FakeOAuth.FakeOAuth
      yield* Effect.provide(Effect.all([me, me, me]), bound)
      assert.deepInclude(yield* fake.stats, { attempts: 1, requests: 3, refused: 0 })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("asks for a nonce at both ends, and for another one after a minute", () =>
    Effect.gen(function*() {
      const fake = yield* FakeOAuth.FakeOAuth
      yield* Effect.provide(Effect.all([me, me, Effect.zipRight(TestClock.adjust("61 seconds"), me), me]), bound)
      // one attempt without a nonce; of the calls those that come first, before and after the minute
      assert.deepInclude(yield* fake.stats, { attempts: 2, requests: 4, refused: 2 })
    }).pipe(Effect.provide(FakeOAuth.layer({ nonces: true }))))

  it.effect("binds the refresh token of a public client, and the code of a login, to the key", () =>
    Effect.gen(function*() {
      const fake = yield* FakeOAuth.FakeOAuth
      const Live = AuthorizationCode.layer({
        baseUrl,
        server,
        credential: { clientId: FakeOAuth.canaries.publicClientId },
        dpop: Dpop.generated()
      })
      yield* Effect.provide(Effect.zip(me, Effect.zipRight(fake.revokeAll, me)), Live)
      assert.deepInclude(yield* fake.stats, { prompts: 1, logins: 1, refreshes: 1, requests: 2 })
    }).pipe(Effect.provide(Layer.provideMerge(FakePerson.layer, FakeOAuth.layer()))))
})
