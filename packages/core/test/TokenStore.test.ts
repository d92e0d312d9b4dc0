import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tokens from "../src/Token.ts"
import * as TokenStore from "../src/TokenStore.ts"
import { assertSecretFree } from "./printouts.ts"
import { keepsItsPromises } from "./tokenStoreContract.ts"

const value = "canary-token-4711"
const refreshToken = "canary-refresh-4712"
const token = Tokens.make({ value, refreshToken, lifetime: "1 hour" })
const key = "acme"

const overKeyValueStore = (options: { readonly key: string }) =>
  Effect.map(KeyValueStore.KeyValueStore, (store) => TokenStore.fromKeyValueStore(store, options))

const stores = {
  memory: TokenStore.makeMemory,
  KeyValueStore: Effect.provide(overKeyValueStore({ key }), KeyValueStore.layerMemory),
  "memory, for an audience": Effect.map(TokenStore.makeMemory, TokenStore.forAudience("canary-audience"))
}

describe("TokenStore", () => {
  for (const [name, make] of Object.entries(stores)) {
    describe(name, () => {
      keepsItsPromises(make)

      it.effect("never gives a generation twice, although its clock stands still or goes back", () =>
        Effect.gen(function*() {
          const store = yield* make
          const generations: Array<number> = []
          for (const now of [5_000, 5_000, 1_000, 1_000]) {
            yield* TestClock.setTime(now)
            yield* TokenStore.set(store, yield* token)
            generations.push((yield* store.get).generation)
            yield* store.remove
          }
          assert.deepStrictEqual(generations, [5_000, 5_001, 5_002, 5_003])
        }))
    })
  }

  describe("over a KeyValueStore", () => {
    const failing = PlatformError.SystemError.make({ reason: "PermissionDenied", module: "KeyValueStore", method: "x" })
    const broken = Layer.succeed(
      KeyValueStore.KeyValueStore,
      KeyValueStore.make({
        get: () => Effect.fail(failing),
        getUint8Array: () => Effect.fail(failing),
        set: () => Effect.fail(failing),
        remove: () => Effect.fail(failing),
        clear: Effect.fail(failing),
        size: Effect.fail(failing)
      })
    )

    it.effect("fails with the operation that failed when its backend fails", () =>
      Effect.gen(function*() {
        const store = yield* overKeyValueStore({ key })
        const errors = [
          yield* Effect.flip(store.get),
          yield* Effect.flip(TokenStore.set(store, yield* token)),
          yield* Effect.flip(store.remove)
        ]
        assert.deepStrictEqual(errors.map(({ operation }) => operation), ["read", "write", "remove"])
        for (const error of errors) {
          assert.strictEqual(error._tag, "TokenStoreError")
          assert.include(error.message, "PermissionDenied")
          assert.include(error.message, `the key ${key}`)
          assertSecretFree(error, [value, refreshToken])
        }
      }).pipe(Effect.provide(broken)))

    it.effect("says that the stored text is not a token, without showing it", () =>
      Effect.gen(function*() {
        const backend = yield* KeyValueStore.KeyValueStore
        const store = yield* overKeyValueStore({ key })
        for (const text of ["", value, `"${value}"`, `{"value":"${value}"`, `{"value":"${value}\\n","issuedAt":0}`]) {
          yield* backend.set(key, text)
          const error = yield* Effect.flip(store.get)
          assert.strictEqual(
            error.message,
            `the token store failed to read the key ${key}: the stored text is not a token`
          )
          assertSecretFree(error, [value])
        }
      }).pipe(Effect.provide(KeyValueStore.layerMemory)))

    it.effect("keeps the tokens of several keys apart", () =>
      Effect.gen(function*() {
        const [a, b] = yield* Effect.all([
          overKeyValueStore({ key: "a" }),
          overKeyValueStore({ key: "b" })
        ])
        yield* TokenStore.set(a, yield* token)
        assert.isTrue(Option.isNone((yield* b.get).token))
        yield* b.remove
        assert.isTrue(Option.isSome((yield* a.get).token))
      }).pipe(Effect.provide(KeyValueStore.layerMemory)))

    it.effect("finds the token that another store over the same key wrote", () =>
      Effect.gen(function*() {
        yield* TokenStore.set(yield* overKeyValueStore({ key }), yield* token)
        const again = yield* overKeyValueStore({ key })
        assert.isTrue(Equal.equals((yield* again.get).token, Option.some(yield* token)))
      }).pipe(Effect.provide(KeyValueStore.layerMemory)))
  })

  describe("set", () => {
    it.effect("takes the place of what cannot be read", () =>
      Effect.gen(function*() {
        const backend = yield* KeyValueStore.KeyValueStore
        const store = yield* overKeyValueStore({ key })
        yield* backend.set(key, "canary-garbage")
        yield* TokenStore.set(store, yield* token)
        assert.isTrue(Option.isSome((yield* store.get).token))
      }).pipe(Effect.provide(KeyValueStore.layerMemory)))

    it.effect("tries again when another one was faster, and gives up where that is so every time", () =>
      Effect.gen(function*() {
        const store = yield* TokenStore.makeMemory
        const outpaced = (times: number) =>
          Effect.map(Ref.make(times), (left): TokenStore.TokenStore => ({
            ...store,
            compareAndSet: (generation, token) =>
              Effect.flatMap(Ref.getAndUpdate(left, (n) => n - 1), (left) =>
                left > 0 ? Effect.succeed(false) : store.compareAndSet(generation, token))
          }))
        yield* TokenStore.set(yield* outpaced(9), yield* token)
        assert.isTrue(Option.isSome((yield* store.get).token))
        const error = yield* Effect.flip(TokenStore.set(yield* outpaced(10), yield* token))
        assert.deepInclude(error, { _tag: "TokenStoreError", operation: "write" })
      }))
  })

  describe("forAudience", () => {
    it.effect("what another audience stored is none, keeps its generation, and can be replaced", () =>
      Effect.gen(function*() {
        const store = yield* TokenStore.makeMemory
        const [ours, theirs] = [TokenStore.forAudience(store, "ours"), TokenStore.forAudience(store, "theirs")]
        for (const other of [theirs, store]) {
          yield* TokenStore.set(other, yield* token)
          const seen = yield* ours.get
          assert.deepStrictEqual(seen, { token: Option.none(), generation: (yield* store.get).generation })
          assert.deepStrictEqual(yield* Stream.runHead(ours.changes), Option.some(seen))
          yield* ours.remove // what is not ours to remove
          assert.isTrue(Option.isSome((yield* other.get).token))
          assert.isFalse(yield* ours.compareAndSet(0, yield* token))
          assert.isTrue(yield* ours.compareAndSet(seen.generation, yield* token))
          assert.deepStrictEqual(Option.map((yield* ours.get).token, ({ audience }) => audience), Option.some("ours"))
          assert.isTrue(Option.isNone((yield* theirs.get).token))
        }
      }))
  })

  describe("a store of one's own", () => {
    /** A place that two processes write to: each has a store of its own over it. */
    const shared = Effect.gen(function*() {
      const text = yield* Ref.make(Option.none<string>())
      const written = yield* PubSub.unbounded<void>()
      const backend: TokenStore.Backend = {
        place: "there",
        read: Ref.get(text),
        write: (next, isCurrent) =>
          Effect.tap(
            isCurrent,
            (isCurrent) =>
              isCurrent
                ? Effect.zipRight(Ref.set(text, Option.some(next)), PubSub.publish(written, undefined))
                : Effect.void
          ),
        remove: Ref.set(text, Option.none()),
        signals: Stream.unwrapScoped(
          Effect.map(
            Stream.fromPubSub(written, { scoped: true }),
            (written) => Stream.concat(Stream.make(undefined), written)
          )
        )
      }
      return { backend, text }
    })

    it.effect("needs a way to read, write and remove a text, and to hear of others", () =>
      Effect.gen(function*() {
        const { backend } = yield* shared
        const [here, there] = [TokenStore.make(backend), TokenStore.make(backend)]
        const seen = yield* Queue.unbounded<number>()
        yield* Effect.fork(
          Stream.runForEach(here.changes, ({ generation }) => Queue.offer(seen, generation))
        )
        assert.strictEqual(yield* Queue.take(seen), 0)
        for (let n = 0; n < 3; n++) {
          yield* TokenStore.set(there, yield* token)
          const { generation } = yield* here.get
          assert.strictEqual(yield* Queue.take(seen), generation)
        }
      }))

    it.effect("that asks at the last moment does not overwrite what another process wrote just before", () =>
      Effect.gen(function*() {
        const { backend, text } = yield* shared
        const other = TokenStore.make(backend)
        const suspended = TokenStore.make({
          ...backend,
          // from the look to the write, which is when the other one writes
          write: (next, isCurrent) =>
            Effect.zipRight(
              Effect.orDie(Effect.flatMap(token, (token) => TokenStore.set(other, token))),
              backend.write(next, isCurrent)
            )
        })
        assert.isFalse(yield* suspended.compareAndSet(0, yield* Tokens.make({ value: "canary-late" })))
        assert.notInclude(Option.getOrThrow(yield* Ref.get(text)), "canary-late")
      }))

    it.effect("shows what cannot be read as nothing to a subscriber, and what takes its place", () =>
      Effect.gen(function*() {
        const { backend, text } = yield* shared
        const store = TokenStore.make(backend)
        yield* TokenStore.set(store, yield* token)
        yield* Ref.set(text, Option.some("canary-garbage"))
        const seen = yield* Queue.unbounded<TokenStore.Stored>()
        yield* Effect.fork(Stream.runForEach(store.changes, (stored) => Queue.offer(seen, stored)))
        assert.deepStrictEqual(yield* Queue.take(seen), { token: Option.none(), generation: 0 })
        yield* TokenStore.set(store, yield* token)
        assert.deepStrictEqual(yield* Queue.take(seen), yield* store.get)
      }))
  })
})
