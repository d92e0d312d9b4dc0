import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import type * as OAuth from "@effect-auth/oauth/OAuth"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { createRemoteJWKSet, jwtVerify } from "jose"
import * as Apis from "./fixtures/api.ts"
import * as Glewlwyd from "./fixtures/glewlwyd.ts"
import * as Rotation from "./fixtures/rotation.ts"

class Api extends Context.Tag("@effect-auth/oauth/integration/Api")<Api, AuthenticatedHttpClient.Service>() {}

const { client } = Glewlwyd
const secret = Redacted.make(client.secret)
const raw = ClientAuthentication.basic(secret, { raw: true })

const me = Effect.flatMap(Api, (http) => Effect.flatMap(http.get(""), ({ json }) => json))

/** Reads a token as an API does that trusts the keys of the server, whose introspection does not know all of them. */
const claimsOf = ({ issuer }: Glewlwyd.Service): Apis.ClaimsOf => {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
  return (token) =>
    jwtVerify<{ readonly client_id?: string; readonly scope?: string }>(token, keys).then(
      ({ payload: { client_id, scope } }) => ({ client: client_id ?? "", scope }),
      () => undefined
    )
}

/** Runs a program in a mode, at an API that takes glewlwyd's tokens. */
const through = <A, E, E2>(
  program: Effect.Effect<A, E, Api>,
  mode: (server: Glewlwyd.Service & { readonly api: string }) => Layer.Layer<Api, E2, HttpClient.HttpClient>
) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* Glewlwyd.Glewlwyd
    const api = yield* Apis.start(claimsOf(server))
    return yield* Effect.exit(Effect.provide(program, mode({ ...server, api })))
  }))

const clientCredentials = (
  options: Partial<Parameters<typeof ClientCredentials.layer<Api>>[0]> = {}
) =>
({ api, issuer }: Glewlwyd.Service & { readonly api: string }) =>
  ClientCredentials.layer({
    client: Api,
    baseUrl: api,
    server: issuer,
    credential: { clientId: client.id },
    authentication: raw,
    scope: ["api"],
    ...options
  })

/** What an error says of a refusal. */
const said = (error: object) => ["_tag", "status", "code"].map((name) => Reflect.get(error, name) as unknown)

/** The token source of a session. */
const session = (
  refreshToken: string,
  options: Partial<OAuth.Settings & OAuth.TokenOptions> = {}
) =>
  Effect.flatMap(Glewlwyd.Glewlwyd, ({ issuer }) =>
    RefreshToken.makeTokens({
      baseUrl: issuer,
      server: issuer,
      credential: { clientId: client.id, refreshToken: Redacted.make(refreshToken) },
      authentication: raw,
      logout: false,
      ...options
    }))

/** What a session says that nobody can begin again here. */
const over = "the session has ended; supply the refresh token of a new one"

const never = RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never))

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

layer(Layer.merge(Glewlwyd.layer, NodeHttpClient.layerUndici), {
  timeout: "5 minutes",
  excludeTestServices: true
})("OAuth at glewlwyd", (it) => {
  it.effect("CC1 CA2 TR5 logs in by a secret that is not encoded, and takes `bearer` in small letters", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* yield* through(me, clientCredentials()), { client: client.id, scope: "api" })
    }))

  it.effect("CA1 ER10 says that the client is not accepted where the server says 403 and nothing: an encoded secret", () =>
    Effect.gen(function*() {
      const exit = yield* through(me, clientCredentials({ authentication: ClientAuthentication.basic(secret) }))
      assert.deepStrictEqual(said(yield* Effect.flip(exit)), ["CredentialsRejected", 403, undefined])
    }))

  it.effect("CA3 logs in by the form", () =>
    Effect.gen(function*() {
      const exit = yield* through(me, clientCredentials({ authentication: ClientAuthentication.post(secret) }))
      assert.deepInclude(yield* exit, { client: client.id })
    }))

  it.effect("ER1 ER10 sends a wrong secret once in a cool-down, for which the server has an empty 403", () =>
    Effect.gen(function*() {
      const wrong = ClientAuthentication.basic(Redacted.make("canary-wrong"), { raw: true })
      const exit = yield* through(
        Effect.all([Effect.flip(me), Effect.flip(me)]),
        clientCredentials({ authentication: wrong })
      )
      for (const error of yield* exit) {
        assert.deepStrictEqual(said(error), ["CredentialsRejected", 403, undefined])
      }
    }))

  it.effect(`RF1 RF2 RF3 fifty callers, 4 rotations, and a first caller that loses patience: one refresh each (seed ${seed})`, () =>
    Effect.gen(function*() {
      const { refreshToken } = yield* Glewlwyd.Glewlwyd
      const tokens = yield* session(yield* refreshToken, { refreshPolicy: never })
      const rotations = yield* Rotation.rotate(tokens, { seed, times: 4 })
      assert.deepStrictEqual(rotations.map((given) => given.size), [1, 1, 1, 1])
    }).pipe(Effect.scoped))

  it.effect("ER3 ER11 is over after an empty 400: its refresh token was redeemed by somebody else", () =>
    Effect.gen(function*() {
      const { refreshToken } = yield* Glewlwyd.Glewlwyd
      const spent = yield* refreshToken
      yield* Effect.flatMap(session(spent), ({ get }) => get)
      const error = yield* Effect.flip(Effect.flatMap(session(spent), ({ get }) => get))
      assert.propertyVal(error, "detail", over)
    }).pipe(Effect.scoped))

  it.effect("ER11 is over after an empty 400 to a wrong secret as well: the server has ended the refresh token with it", () =>
    Effect.gen(function*() {
      const { refreshToken, tokenEndpoint } = yield* Glewlwyd.Glewlwyd
      const first = yield* refreshToken
      const wrong = ClientAuthentication.basic(Redacted.make("canary-wrong"), { raw: true })
      const tokens = yield* session(first, { authentication: wrong })
      assert.propertyVal(yield* Effect.flip(tokens.get), "detail", over)
      const withRightSecret = yield* Effect.promise(() =>
        fetch(tokenEndpoint, {
          method: "POST",
          headers: { authorization: `Basic ${btoa(`${client.id}:${client.secret}`)}` },
          body: new URLSearchParams({ grant_type: "refresh_token", refresh_token: first })
        })
      )
      assert.strictEqual(withRightSecret.status, 400)
    }).pipe(Effect.scoped))

  it.effect("RV1 ends the session with its scope: the refresh token is good no more", () =>
    Effect.gen(function*() {
      const { refreshToken } = yield* Glewlwyd.Glewlwyd
      const last = yield* Effect.scoped(
        Effect.gen(function*() {
          const tokens = yield* session(yield* refreshToken, { logout: true })
          const token = yield* tokens.get
          return Redacted.value(token.refreshToken ?? Redacted.make("none"))
        })
      )
      const error = yield* Effect.flip(Effect.flatMap(session(last), ({ get }) => get))
      assert.propertyVal(error, "detail", over)
    }).pipe(Effect.scoped))

  it.effect("MD1 MD2 MD3 finds its document at the last of the places of an issuer with a path", () =>
    Effect.gen(function*() {
      const { issuer, tokenEndpoint } = yield* Glewlwyd.Glewlwyd
      assert.deepInclude(yield* AuthorizationServer.discover(issuer, { mode: "Test" }), { issuer, tokenEndpoint })
      const error = yield* Effect.flip(AuthorizationServer.discover(`${issuer}/`, { mode: "Test" }))
      assert.strictEqual(error._tag, "MalformedTokenResponse")
    }))
})
