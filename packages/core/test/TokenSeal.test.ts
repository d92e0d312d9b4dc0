import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Token from "../src/Token.ts"
import * as TokenSeal from "../src/TokenSeal.ts"
import * as TokenStore from "../src/TokenStore.ts"
import * as TokenStores from "../src/TokenStores.ts"
import { assertSecretFree } from "./printouts.ts"
import { keepsItsPromises } from "./tokenStoreContract.ts"

/** As `openssl rand -base64 32` writes it. */
const key = (byte: number) => Redacted.make(Encoding.encodeBase64(new Uint8Array(32).fill(byte)))
const ring = (...bytes: ReadonlyArray<number>) => TokenSeal.make(bytes.map(key))

const secrets = ["canary-access", "canary-refresh"]
const token = Token.make({ value: "canary-access", refreshToken: "canary-refresh", lifetime: "1 hour" })

const sealed = (keys: ReadonlyArray<number>, session = "acme") =>
  Effect.gen(function*() {
    const backend = yield* KeyValueStore.KeyValueStore
    const store = TokenStore.fromKeyValueStore(backend, { key: session, seal: yield* ring(...keys) })
    return { backend, store }
  })

const value = ({ token }: TokenStore.Stored) => Option.map(token, ({ value }) => Redacted.value(value))

/** A store holds no session, tells no secret, and takes a new one. */
const isNoSession = (store: TokenStore.TokenStore) =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(store.get)
    assert.strictEqual(error.operation, "read")
    assertSecretFree(error, secrets)
    yield* TokenStore.set(store, yield* token)
    assert.deepStrictEqual(value(yield* store.get), Option.some("canary-access"))
  })

const withBackend = <A, E>(effect: Effect.Effect<A, E, KeyValueStore.KeyValueStore>) =>
  Effect.provide(effect, KeyValueStore.layerMemory)

describe("TokenSeal", () => {
  keepsItsPromises(Effect.suspend(() => withBackend(Effect.map(sealed([1]), ({ store }) => store))))

  it.effect("nothing of a token can be read where it is stored, and no two texts of it are alike", () =>
    withBackend(Effect.gen(function*() {
      const { backend, store } = yield* sealed([1])
      const texts: Array<string> = []
      for (let n = 0; n < 2; n++) {
        yield* TokenStore.set(store, yield* token)
        texts.push(Option.getOrThrow(yield* backend.get("acme")))
      }
      for (const text of texts) {
        for (const secret of secrets) {
          assert.notInclude(text, secret)
          assert.notInclude(text, Encoding.encodeBase64Url(secret).slice(0, 8))
        }
      }
      assert.notStrictEqual(texts[0], texts[1])
    })))

  describe("a key is replaced", () => {
    it.effect("what the old key has sealed is opened while it is in the ring, and sealed with the new one next", () =>
      withBackend(Effect.gen(function*() {
        yield* TokenStore.set((yield* sealed([1])).store, yield* token)
        const both = (yield* sealed([2, 1])).store
        assert.deepStrictEqual(value(yield* both.get), Option.some("canary-access"))
        assert.isTrue(yield* both.compareAndSet((yield* both.get).generation, yield* token))
        const next = (yield* sealed([2])).store
        assert.deepStrictEqual(value(yield* next.get), Option.some("canary-access"))
      })))

    it.effect("what another key has sealed is no session", () =>
      withBackend(Effect.gen(function*() {
        yield* TokenStore.set((yield* sealed([1])).store, yield* token)
        yield* isNoSession((yield* sealed([2])).store)
      })))
  })

  describe("what was sealed is bound to its session", () => {
    it.effect("the text of another session is no session", () =>
      withBackend(Effect.gen(function*() {
        const { backend, store } = yield* sealed([1])
        yield* TokenStore.set(store, yield* token)
        yield* backend.set("other", Option.getOrThrow(yield* backend.get("acme")))
        yield* isNoSession((yield* sealed([1], "other")).store)
      })))

    it.effect("the text of another account is none in a store of all accounts", () =>
      withBackend(Effect.gen(function*() {
        const backend = yield* KeyValueStore.KeyValueStore
        const layer = TokenStores.layerKeyValueStore({ prefix: "", seal: yield* ring(1) })
        yield* Effect.gen(function*() {
          const { forAudience } = yield* TokenStores.TokenStores
          yield* TokenStore.set(forAudience("alice"), yield* token)
          yield* backend.set("bob", Option.getOrThrow(yield* backend.get("alice")))
          yield* Effect.flip(forAudience("bob").get)
        }).pipe(Effect.provide(layer))
      })))

    it.effect("a text with another generation is not opened", () =>
      Effect.gen(function*() {
        const { open, seal } = (yield* ring(1)).forSession("acme")
        const text = yield* seal("canary", 5)
        assert.deepStrictEqual(yield* open(text), Option.some({ text: "canary", generation: 5 }))
        assert.deepStrictEqual(yield* open(text.replace("\"generation\":5", "\"generation\":6")), Option.none())
      }))

    it.effect("a text that was given another generation is no session", () =>
      withBackend(Effect.gen(function*() {
        const { backend, store } = yield* sealed([1])
        yield* TokenStore.set(store, yield* token)
        const { generation } = yield* store.get
        const text = Option.getOrThrow(yield* backend.get("acme"))
        yield* backend.set("acme", text.replace(`"generation":${generation}`, `"generation":${generation + 1}`))
        yield* isNoSession(store)
      })))
  })

  it.effect("a text that was cut short or changed anywhere is no session and no crash", () =>
    withBackend(Effect.gen(function*() {
      const { store } = yield* sealed([1])
      const seal = (yield* ring(1)).forSession("acme")
      const text = yield* seal.seal(yield* TokenStore.encode(yield* token, 5), 5)
      const place = FastCheck.nat(text.length - 1)
      yield* Effect.promise(() =>
        FastCheck.assert(FastCheck.asyncProperty(place, FastCheck.char(), async (at, char) => {
          const cut = await Effect.runPromise(Effect.either(TokenStore.decode(text.slice(0, at), "acme", seal)))
          assert.strictEqual(cut._tag, "Left")
          const changed = text.slice(0, at) + char + text.slice(at + 1)
          const read = await Effect.runPromise(Effect.either(TokenStore.decode(changed, "acme", seal)))
          // base64 has spare bits at its end
          if (read._tag === "Right") assert.deepStrictEqual(value(read.right), Option.some("canary-access"))
        }))
      )
      assert.deepStrictEqual(value(yield* store.get), Option.none())
    })))

  it.effect("a session in the clear, which anybody may have put there, is none", () =>
    withBackend(Effect.gen(function*() {
      const { backend, store } = yield* sealed([1])
      yield* TokenStore.set(TokenStore.fromKeyValueStore(backend, { key: "acme" }), yield* token)
      yield* isNoSession(store)
    })))

  it.effect("a sealed session is none for a store without a seal, which says why", () =>
    withBackend(Effect.gen(function*() {
      const { backend, store } = yield* sealed([1])
      yield* TokenStore.set(store, yield* token)
      const error = yield* Effect.flip(TokenStore.fromKeyValueStore(backend, { key: "acme" }).get)
      assert.include(error.message, "is sealed")
    })))

  describe("keys", () => {
    for (
      const [what, keys] of [
        ["no key", []],
        ["a key that is too short", [Redacted.make("Y2FuYXJ5LWtleQ==")]],
        ["a passphrase", [Redacted.make("canary-passphrase!")]]
      ] as const
    ) {
      it.effect(`refuses ${what}, without quoting it`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(TokenSeal.make(keys))
          assert.match(error.setting, /^keys/u)
          assertSecretFree(error, ["Y2FuYXJ5LWtleQ", "canary-passphrase"])
        }))
    }

    it.effect("come from one variable, the newest first", () =>
      withBackend(Effect.gen(function*() {
        yield* TokenStore.set((yield* sealed([1])).store, yield* token)
        const seal = yield* TokenSeal.fromConfig(Config.redacted("KEYS")).pipe(
          Effect.withConfigProvider(
            ConfigProvider.fromMap(new Map([["KEYS", `${Redacted.value(key(2))}, ${Redacted.value(key(1))}`]]))
          )
        )
        const store = TokenStore.fromKeyValueStore(yield* KeyValueStore.KeyValueStore, { key: "acme", seal })
        assert.deepStrictEqual(value(yield* store.get), Option.some("canary-access"))
      })))

    it.effect("that are missing are named", () =>
      Effect.gen(function*() {
        const error = yield* TokenSeal.fromConfig(Config.redacted("KEYS")).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map())),
          Effect.flip
        )
        assert.include(String(error), "KEYS")
      }))
  })
})
