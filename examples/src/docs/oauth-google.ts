/** A service account of Google: access tokens for its APIs, and ID tokens for services of one's own. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Google from "@effect-auth/oauth/Google"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { HttpClient } from "@effect/platform"
import { Config, ConfigProvider, Context, Effect } from "effect"
import { deepStrictEqual } from "node:assert"
import { generateKeyPairSync } from "node:crypto"

// #region access
class Storage extends Context.Tag("app/Storage")<Storage, AuthenticatedHttpClient.Service>() {}

const StorageLive = Google.layerConfig({
  baseUrl: Config.succeed("https://storage.googleapis.com"),
  credential: Google.keyFileConfig("GOOGLE_KEY_FILE"), // the text of the file, not its path
  scope: Config.succeed(["https://www.googleapis.com/auth/devstorage.read_only"])
}, { client: Storage })

const buckets = Effect.flatMap(Storage, (storage) => storage.get("/storage/v1/b?project=acme"))
// #endregion

// #region idToken
class Orders extends Context.Tag("app/Orders")<Orders, AuthenticatedHttpClient.Service>() {}

const OrdersLive = Google.layerIdTokenConfig({
  baseUrl: Config.succeed("https://orders-abc.a.run.app"),
  audience: Config.succeed("https://orders-abc.a.run.app"), // the service, as it calls itself
  credential: Google.keyFileConfig("GOOGLE_KEY_FILE")
}, { client: Orders })

const orders = Effect.flatMap(Orders, (http) => http.get("/orders"))
// #endregion

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })

const keyFile = JSON.stringify({
  type: "service_account",
  client_email: "reader@acme.iam.gserviceaccount.com",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
  private_key_id: "canary-key",
  token_uri: "https://oauth2.googleapis.com/token"
})

export const test = Effect.gen(function*() {
  const response = yield* Effect.provide(buckets, StorageLive)
  deepStrictEqual(yield* response.json, {
    client: "reader@acme.iam.gserviceaccount.com",
    user: null,
    scope: "https://www.googleapis.com/auth/devstorage.read_only"
  })

  const idToken = `e30.${Buffer.from(JSON.stringify({ exp: 4_102_444_800 })).toString("base64url")}.canary`
  const service = ScriptedHttpClient.make(ScriptedHttpClient.routes({
    "POST /token": { json: { id_token: idToken } },
    "GET /orders": { json: [] }
  }))
  yield* orders.pipe(Effect.provide(OrdersLive), Effect.provideService(HttpClient.HttpClient, service))
  const [last] = (yield* service.requests).slice(-1)
  deepStrictEqual(last?.headers["authorization"], `Bearer ${idToken}`)
}).pipe(
  Effect.provide(FakeOAuth.layer()),
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["GOOGLE_KEY_FILE", keyFile]])))
)
