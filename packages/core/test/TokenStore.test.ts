import * as PlatformError from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { Token } from "../src/Token.ts"
import * as Tokens from "../src/Token.ts"
import * as TokenStore from "../src/TokenStore.ts"
import { assertSecretFree } from "./printouts.ts"

const value = "canary-token-4711"
const refreshToken = "canary-refresh-4712"
const token = Tokens.make({ value, refreshToken, lifetime: "1 hour" })
const key = "acme"

const overKeyValueStore = (options: { readonly key: string }) =>
  Effect.map(KeyValueStore.KeyValueStore, (store) => TokenStore.fromKeyValueStore(store, options))

const stores = {
  memory: TokenStore.makeMemory,
  KeyValueStore: Effect.provide(overKeyValueStore({ key }), KeyValueStore.layerMemory)
}

describe("TokenStore", () => {
  for (const [name, make] of Object.entries(stores)) {
    describe(name, () => {
      it.effect("is empty at first, holds the last token that was set, and forgets it", () =>
        Effect.gen(function*() {
          const store = yield* make
          assert.deepStrictEqual(yield* store.get, Option.none())
          yield* store.remove // removing nothing is no error
          yield* store.set(yield* token)
          const last = yield* Tokens.make({ value: "another" })
          yield* store.set(last)
          assert.isTrue(Equal.equals(yield* store.get, Option.some(last)))
          yield* store.remove
          assert.deepStrictEqual(yield* store.get, Option.none())
        }))

      it.effect("gives its lock to one user at a time", () =>
        Effect.gen(function*() {
          const store = yield* make
          const inside = yield* Ref.make({ now: 0, most: 0 })
          const enter = Ref.update(inside, ({ most, now }) => ({ now: now + 1, most: Math.max(most, now + 1) }))
          const leave = Ref.update(inside, ({ most, now }) => ({ now: now - 1, most }))
          const visit = store.withLock(enter.pipe(Effect.zipRight(Effect.sleep("1 second")), Effect.zipRight(leave)))
          const fiber = yield* Effect.fork(Effect.replicateEffect(visit, 10, { concurrency: "unbounded" }))
          yield* TestClock.adjust("10 seconds")
          yield* Fiber.join(fiber)
          assert.deepStrictEqual(yield* Ref.get(inside), { now: 0, most: 1 })
        }))

      it.effect("releases its lock after a failure, a defect and an interruption", () =>
        Effect.gen(function*() {
          const store = yield* make
          assert.strictEqual(yield* Effect.flip(store.withLock(Effect.fail("refused"))), "refused")
          yield* Effect.exit(store.withLock(Effect.die("defect")))
          const holder = yield* Effect.fork(store.withLock(Effect.never))
          const waiting = yield* Effect.fork(store.withLock(Effect.never))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(waiting)
          yield* Fiber.interrupt(holder)
          assert.strictEqual(yield* store.withLock(Effect.succeed("free")), "free")
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
          yield* Effect.flip(store.set(yield* token)),
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
        yield* a.set(yield* token)
        assert.isTrue(Option.isNone(yield* b.get))
        yield* b.remove
        assert.isTrue(Option.isSome(yield* a.get))
      }).pipe(Effect.provide(KeyValueStore.layerMemory)))

    it.effect("finds the token that another store over the same key wrote", () =>
      Effect.gen(function*() {
        yield* Effect.flatMap(overKeyValueStore({ key }), (store) => Effect.flatMap(token, store.set))
        const again = yield* overKeyValueStore({ key })
        assert.isTrue(Equal.equals(yield* again.get, Option.some(yield* token)))
      }).pipe(Effect.provide(KeyValueStore.layerMemory)))
  })

  describe("stored text", () => {
    it.effect("contains the secrets in the clear", () =>
      Effect.gen(function*() {
        const text = yield* Effect.flatMap(token, TokenStore.encode)
        assert.deepStrictEqual(JSON.parse(text), { value, refreshToken, issuedAt: 0, expiresAt: 3_600_000 })
      }))

    it.prop("is read as the token that was written", [Token], ([token]) => {
      const again = Effect.runSync(Effect.flatMap(TokenStore.encode(token), TokenStore.decode))
      assert.strictEqual(Redacted.value(again.value), Redacted.value(token.value))
      assert.isTrue(Equal.equals(again.refreshToken, token.refreshToken))
      assert.deepStrictEqual([again.issuedAt, again.expiresAt], [token.issuedAt, token.expiresAt])
    })

    it.prop(
      "is a token or a TokenStoreError, whatever was written there",
      [FastCheck.oneof(FastCheck.string(), FastCheck.json())],
      ([text]) => {
        const error = Effect.runSync(Effect.flip(TokenStore.decode(text)))
        assert.strictEqual(error._tag, "TokenStoreError")
      }
    )

    it.effect("may have keys of a later version", () =>
      Effect.gen(function*() {
        const text = JSON.stringify({ value, issuedAt: 0, later: "all" })
        assert.strictEqual(Redacted.value((yield* TokenStore.decode(text)).value), value)
      }))
  })
})
