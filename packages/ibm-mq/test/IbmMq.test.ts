import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as IbmMq from "../src/IbmMq.ts"
import { Ltpa } from "../src/MqCredential.ts"

const baseUrl = "https://mq.example:9443/ibmmq/rest/v3"
const password = Redacted.make(FakeMqweb.defaultUsers.reader.password)
const credential = new Ltpa({ username: "reader", password })

const list = Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get("/admin/qmgr"))
const stats = Effect.flatMap(FakeMqweb.FakeMqweb, (server) => server.stats)

const over = <A, E, R>(mode: Layer.Layer<A, E, R>, server?: FakeMqweb.Options) =>
  mode.pipe(Layer.provideMerge(FakeMqweb.layer(server)), Layer.provideMerge(AuthEvent.layer))

const options = { baseUrl, credential }
const wrapped = { baseUrl: Config.string("MQ_URL"), credential: IbmMq.credentialConfig("MQ") }
const environment = ConfigProvider.fromMap(
  new Map([["MQ_URL", baseUrl], ["MQ_USERNAME", "reader"], ["MQ_PASSWORD", Redacted.value(password)]])
)

type AnyMode = Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, unknown, HttpClient.HttpClient>
const modes: ReadonlyArray<readonly [name: string, layer: AnyMode]> = [
  ["layer", IbmMq.layer(options)],
  ["layerConfig", IbmMq.layerConfig(wrapped)],
  ["layerBasic", IbmMq.layerBasic(options)],
  ["layerBasicConfig", IbmMq.layerBasicConfig(wrapped)],
  ["layerLtpa", IbmMq.layerLtpa(options)],
  ["layerLtpaConfig", IbmMq.layerLtpaConfig(wrapped)]
]

describe("IbmMq, one and the same credential", () => {
  for (const [name, layer] of modes) {
    it.effect(`lists the queue managers through ${name}`, () =>
      Effect.gen(function*() {
        const response = yield* list
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(yield* response.json, { qmgr: [{ name: "QM1", state: "running" }] })
      }).pipe(Effect.provide(over(layer)), Effect.withConfigProvider(environment)))
  }
})

describe("IbmMq, LTPA", () => {
  it.effect("logs in once, and again when the token is due", () =>
    Effect.gen(function*() {
      yield* list
      yield* list
      assert.deepInclude(yield* stats, { logins: 1, requests: 2, refused: 0 })
      yield* TestClock.adjust("2 hours")
      yield* list
      assert.deepInclude(yield* stats, { logins: 2, requests: 3, refused: 0 })
    }).pipe(Effect.provide(over(IbmMq.layerLtpa({ baseUrl, credential })))))
})
