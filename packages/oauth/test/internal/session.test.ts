import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Device from "@effect-auth/oauth/Device"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import type * as OAuth from "@effect-auth/oauth/OAuth"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Acme, baseUrl, credential, forms, issuer, me, scripted, server } from "../fixtures.ts"
import { person } from "../person.ts"

type OAuthNeeds = HttpClient.HttpClient | Scope.Scope | Layer.Layer.Success<typeof person>

describe("session", () => {
  const subject = TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
  const assertion = () => Effect.succeed(Redacted.make("canary-assertion"))
  const common = { client: Acme, baseUrl, server }
  const answers = { access_token: "canary-1", issued_token_type: "urn:ietf:params:oauth:token-type:jwt" }

  /** How many exchanges the second of two programs needs that share one store. */
  const exchanges = (
    first: (store: TokenStore.TokenStore) => Layer.Layer<Acme, unknown, HttpClient.HttpClient>,
    second: (store: TokenStore.TokenStore) => Layer.Layer<Acme, unknown, HttpClient.HttpClient>
  ) =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      yield* Effect.provide(me, first(store))
      yield* Effect.provide(me, second(store))
      return (yield* forms).length
    }).pipe(Effect.provide(scripted(answers)))

  const exchangeOf =
    (options: { readonly account?: string; readonly audience?: string }) => (store: TokenStore.TokenStore) =>
      Layer.unwrapScoped(
        Effect.map(
          subject,
          (subject) => TokenExchange.layer({ ...common, credential, subject, store, ...options })
        )
      )
  const assertionOf = (account: string) => (store: TokenStore.TokenStore) =>
    JwtBearer.layer({ ...common, assertion, store, account })
  const clientOf =
    (options: Pick<OAuth.Settings, "parameters" | "resource" | "scope">) => (store: TokenStore.TokenStore) =>
      ClientCredentials.layer({ ...common, credential, store, ...options })

  it.effect("RI3 are taken up by the same subject, and by no other subject, audience, scope, resource or parameter", () =>
    Effect.gen(function*() {
      const ada = { account: "ada", audience: "billing" }
      assert.deepStrictEqual(
        yield* Effect.all([
          exchanges(exchangeOf(ada), exchangeOf(ada)),
          exchanges(exchangeOf(ada), exchangeOf({ ...ada, account: "bob" })),
          exchanges(exchangeOf(ada), exchangeOf({ ...ada, audience: "payroll" })),
          exchanges(assertionOf("ada"), assertionOf("ada")),
          exchanges(assertionOf("ada"), assertionOf("bob")),
          exchanges(clientOf({}), clientOf({})),
          exchanges(clientOf({ scope: ["a b"] }), clientOf({ scope: ["a", "b"] })),
          exchanges(clientOf({ resource: "https://one.example" }), clientOf({ resource: "https://two.example" })),
          exchanges(clientOf({ parameters: { audience: "one" } }), clientOf({ parameters: { audience: "two" } }))
        ]),
        [1, 2, 2, 1, 2, 1, 2, 2, 2]
      )
    }))

  it.effect("RF1 RF5 RF8 RI2 asks for its scope once, and names itself and its resource in each request for a token", () =>
    Effect.gen(function*() {
      const resource = "https://api.acme.example/orders"
      const options = { ...common, resource, scope: ["read"] }
      const modes: Record<string, Effect.Effect<TokenSource.TokenSource, unknown, OAuthNeeds>> = {
        "client_credentials": ClientCredentials.makeTokens({ ...options, credential }),
        "refresh_token": RefreshToken.makeTokens({
          ...options,
          credential: { ...credential, refreshToken: Redacted.make("canary-refresh") }
        }),
        "urn:ietf:params:oauth:grant-type:jwt-bearer": JwtBearer.makeTokens({ ...options, credential, assertion }),
        "urn:ietf:params:oauth:grant-type:token-exchange": Effect.flatMap(
          subject,
          (subject) => TokenExchange.makeTokens({ ...options, credential, subject, refresh: true })
        ),
        "urn:ietf:params:oauth:grant-type:device_code": Device.makeTokens({
          ...options,
          credential,
          server: { ...server, deviceAuthorizationEndpoint: `${issuer}/device` }
        }),
        "authorization_code": AuthorizationCode.makeTokens({
          ...options,
          credential,
          server: { ...server, authorizationEndpoint: `${issuer}/authorize` }
        })
      }
      for (const [grant, made] of Object.entries(modes)) {
        const sent = yield* Effect.gen(function*() {
          const tokens = yield* made
          for (const _ of [1, 2]) {
            const fiber = yield* Effect.fork(tokens.get)
            yield* TestClock.adjust("5 seconds")
            yield* fiber
            yield* TestClock.adjust("2 minutes")
          }
          return yield* (yield* ScriptedHttpClient.ScriptedHttpClient).requests
        }).pipe(
          Effect.scoped,
          Effect.provide(Layer.merge(
            person,
            ScriptedHttpClient.layer(ScriptedHttpClient.routes({
              "POST /device": {
                json: {
                  device_code: "canary-code",
                  user_code: "A",
                  verification_uri: `${issuer}/enter`,
                  expires_in: 60
                }
              },
              "POST /token": ScriptedHttpClient.repeatLast({
                json: { ...answers, expires_in: 60, refresh_token: "canary-refresh", scope: "narrow" }
              })
            }))
          ))
        )
        const asked = sent.map(({ body, headers }) => ({ form: new URLSearchParams(body), headers }))
        assert.include(asked.map(({ form }) => form.get("grant_type")), grant)
        assert.isAtLeast(asked.length, 2)
        for (const { form, headers } of asked) {
          assert.deepStrictEqual(form.getAll("resource"), [resource], grant)
          assert.match(headers["authorization"] ?? "", /^Basic /u, grant)
          // what was agreed on is not asked for again
          const isAgreed = /(?:^refresh_token|authorization_code|device_code)$/u.test(form.get("grant_type") ?? "")
          assert.deepStrictEqual(form.getAll("scope"), isAgreed ? [] : ["read"], grant)
        }
      }
    }))

  it.effect("are refused where nobody says whose they are", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const layers = [exchangeOf({})(store), JwtBearer.layer({ ...common, assertion, store })]
      for (const layer of layers) {
        const error = yield* Effect.flip(Effect.provide(me, layer))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "store" })
      }
    }).pipe(Effect.provide(scripted(answers))))

  it.effect("are kept from the stores of the program too", () =>
    Effect.gen(function*() {
      const layer = JwtBearer.layer({ ...common, assertion })
      yield* Effect.provide(me, layer)
      yield* Effect.provide(me, layer)
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide([scripted(answers), TokenStores.layerMemory])))
})
