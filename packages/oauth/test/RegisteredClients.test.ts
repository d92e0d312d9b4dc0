import * as RegisteredClients from "@effect-auth/oauth/RegisteredClients"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

const issuer = "https://as.acme.example"
const client = new RegisteredClients.RegisteredClient({
  issuer,
  clientId: "canary-id",
  clientSecret: Redacted.make("canary-secret"),
  secretExpiresAt: DateTime.unsafeMake(60_000),
  authentication: "client_secret_basic",
  redirectUris: ["http://127.0.0.1/callback"],
  scope: ["read"],
  registrationUri: `${issuer}/register/canary-id`,
  registrationToken: Redacted.make("canary-token")
})
const minimal = new RegisteredClients.RegisteredClient({
  issuer,
  clientId: "canary-id",
  authentication: "none",
  redirectUris: []
})

describe("RegisteredClients", () => {
  it.each([client, minimal])("RG3 come back from JSON as they were", (client) => {
    const Json = Schema.parseJson(RegisteredClients.RegisteredClient)
    assert.deepStrictEqual(Schema.decodeSync(Json)(Schema.encodeSync(Json)(client)), client)
  })

  it("RG3 show no secret", () => {
    for (const text of [inspect(client, { depth: 9 }), JSON.stringify(client), String(client)]) {
      assert.notInclude(text, "canary-secret")
      assert.notInclude(text, "canary-token")
    }
  })

  it.effect("RG3 expire by the Clock, and without a time never", () =>
    Effect.gen(function*() {
      const expired = Effect.all([client, minimal].map(RegisteredClients.isExpired))
      yield* TestClock.setTime(59_999)
      assert.deepStrictEqual(yield* expired, [false, false])
      yield* TestClock.setTime(60_000)
      assert.deepStrictEqual(yield* expired, [true, false])
    }))

  const kept = Effect.gen(function*() {
    const clients = yield* RegisteredClients.RegisteredClients
    const other = "https://other.example"
    assert.deepStrictEqual(yield* clients.get(issuer), Option.none())
    yield* clients.set(minimal)
    yield* clients.set(client)
    assert.deepStrictEqual(yield* clients.get(issuer), Option.some(client))
    assert.deepStrictEqual(yield* clients.get(other), Option.none())
    assert.deepStrictEqual(yield* clients.get(`${issuer}/`), Option.none())
    yield* clients.remove(other)
    assert.isTrue(Option.isSome(yield* clients.get(issuer)))
    yield* clients.remove(issuer)
    assert.deepStrictEqual(yield* clients.get(issuer), Option.none())
  })

  it.effect("RG3 MCP30 are kept by issuer, in memory", () => Effect.provide(kept, RegisteredClients.layerMemory))

  it.effect("RG3 MCP30 are kept by issuer, in a key-value store", () =>
    Effect.gen(function*() {
      yield* Effect.provide(kept, RegisteredClients.layerKeyValueStore())
      // what was copied to the key of another issuer is nobody's
      const store = yield* KeyValueStore.KeyValueStore
      const clients = RegisteredClients.fromKeyValueStore(store, { prefix: "mine:" })
      yield* clients.set(client)
      const text = Option.getOrThrow(yield* store.get(`mine:${issuer}`))
      yield* store.set("mine:https://other.example", text)
      assert.deepStrictEqual(yield* clients.get("https://other.example"), Option.none())
    }).pipe(Effect.provide(KeyValueStore.layerMemory)))

  it.effect("RG3 count as none where they cannot be read", () =>
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      yield* store.set(`oauth-client:${issuer}`, `{"clientId":"canary-id"`)
      assert.deepStrictEqual(yield* RegisteredClients.fromKeyValueStore(store).get(issuer), Option.none())
    }).pipe(Effect.provide(KeyValueStore.layerMemory)))

  it("CA11 authenticate as they are registered, and say what is missing for it", () => {
    const key = SigningKey.make((bytes) => Effect.succeed(bytes), { algorithm: "ES256" })
    const tagOf = (authentication: string, options?: { readonly key: SigningKey.SigningKey }) =>
      Either.merge(
        RegisteredClients.authentication(
          new RegisteredClients.RegisteredClient({ ...client, authentication }),
          options
        )
      )._tag
    assert.deepStrictEqual(
      [
        tagOf("client_secret_basic"),
        tagOf("client_secret_post"),
        tagOf("none"),
        tagOf("private_key_jwt", { key }),
        tagOf("tls_client_auth"),
        tagOf("self_signed_tls_client_auth"),
        tagOf("private_key_jwt"),
        tagOf("client_secret_jwt")
      ],
      ["Basic", "Post", "None", "PrivateKeyJwt", "Certificate", "Certificate", "InvalidSetting", "InvalidSetting"]
    )
    assert.isTrue(
      Either.isLeft(
        RegisteredClients.authentication(
          new RegisteredClients.RegisteredClient({ ...minimal, authentication: "client_secret_basic" })
        )
      )
    )
  })
})
