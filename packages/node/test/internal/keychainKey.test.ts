import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as KeychainKey from "../../src/internal/keychainKey.ts"

/** A keychain with one entry. */
const keychain = (initial: string | null = null) => {
  let held = initial
  const entry: KeychainKey.Entry = {
    getPassword: async () => held,
    setPassword: async (password) => {
      held = password
    }
  }
  return { entry, held: () => held }
}

const keyOf = (entry: KeychainKey.Entry) => Effect.map(KeychainKey.keyOf(async () => entry), Option.map(Redacted.value))

describe("the key in the keychain", () => {
  it.effect("is made once, of 32 random bytes", () =>
    Effect.gen(function*() {
      const { entry, held } = keychain()
      const key = Option.getOrThrow(yield* keyOf(entry))
      assert.strictEqual(Buffer.from(key, "base64").length, 32)
      assert.strictEqual(held(), key)
      assert.deepStrictEqual(yield* keyOf(entry), Option.some(key))
      assert.notDeepEqual(yield* keyOf(keychain().entry), Option.some(key))
    }))

  it.effect("is that of another process that was as fast", () =>
    Effect.gen(function*() {
      const { entry } = keychain()
      const racing: KeychainKey.Entry = { ...entry, setPassword: () => entry.setPassword("canary-of-the-other") }
      assert.deepStrictEqual(yield* keyOf(racing), Option.some("canary-of-the-other"))
    }))

  describe("is none", () => {
    const { entry } = keychain()
    const refuse = async () => {
      throw new Error("canary: AccessDenied")
    }
    for (
      const [where, other] of [
        ["the keychain cannot be read", { ...entry, getPassword: refuse }],
        ["it says that there is no entry, and cannot be written", { ...entry, setPassword: refuse }],
        ["what was written is not there", { ...entry, setPassword: async () => {} }]
      ] as const
    ) {
      it.effect(`where ${where}`, () => Effect.map(keyOf(other), (key) => assert.deepStrictEqual(key, Option.none())))
    }

    it.effect("where the library is not installed", () =>
      Effect.map(KeychainKey.keyOf(refuse), (key) => assert.deepStrictEqual(key, Option.none())))

    it.effect("where nobody unlocks it within a minute", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(keyOf({ ...entry, getPassword: () => new Promise(() => {}) }))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* Fiber.join(fiber), Option.none())
      }))
  })
})
