import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Token from "../src/Token.ts"
import * as TokenStore from "../src/TokenStore.ts"
import * as TokenStores from "../src/TokenStores.ts"

const audience = { mode: "Acme/Password", origin: "https://acme.example", account: "canary-account" }

describe("TokenStores", () => {
  describe("audienceKey", () => {
    it.effect("is the same for the same audience, and reveals nothing of it", () =>
      Effect.gen(function*() {
        const key = yield* TokenStores.audienceKey(audience)
        assert.strictEqual(yield* TokenStores.audienceKey({ ...audience }), key)
        assert.match(key, /^[0-9a-f]{64}$/)
      }))

    it.effect("differs by mode, origin and account, wherever one ends and the next begins", () =>
      Effect.gen(function*() {
        const keys = yield* Effect.forEach([
          audience,
          { ...audience, mode: "Acme/Basic" },
          { ...audience, origin: "https://other.example" },
          { ...audience, account: "another" },
          { mode: "Acme/Passwordhttps://acme.example", origin: "", account: "canary-account" },
          { mode: "Acme/Password", origin: "https://acme.examplecanary-account", account: "" }
        ], TokenStores.audienceKey)
        assert.strictEqual(new Set(keys).size, keys.length)
      }))
  })

  const stores = {
    memory: TokenStores.layerMemory,
    KeyValueStore: Layer.provide(TokenStores.layerKeyValueStore(), KeyValueStore.layerMemory)
  }

  for (const [name, layer] of Object.entries(stores)) {
    describe(name, () => {
      it.effect("gives the same store for the same key, and another one for another key", () =>
        Effect.gen(function*() {
          const { forAudience } = yield* TokenStores.TokenStores
          assert.strictEqual(forAudience("a"), forAudience("a"))
          yield* TokenStore.set(forAudience("a"), yield* Token.make({ value: "canary-token" }))
          assert.isTrue(Option.isSome((yield* forAudience("a").get).token))
          assert.isTrue(Option.isNone((yield* forAudience("b").get).token))
        }).pipe(Effect.provide(layer)))
    })
  }

  describe("layerKeyValueStore", () => {
    it.effect("stores a token under its prefix and the key of its audience", () =>
      Effect.gen(function*() {
        const backend = yield* KeyValueStore.KeyValueStore
        const { forAudience } = yield* TokenStores.TokenStores
        yield* TokenStore.set(forAudience("key"), yield* Token.make({ value: "canary-token" }))
        assert.isTrue(yield* backend.has("acme/key"))
      }).pipe(
        Effect.provide(TokenStores.layerKeyValueStore({ prefix: "acme/" })),
        Effect.provide(KeyValueStore.layerMemory)
      ))
  })
})
