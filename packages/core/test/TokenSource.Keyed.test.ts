import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"

const value = (token: Token.Token) => Redacted.value(token.value)

/** Tokens that say whose they are and how often that one has logged in, and who was logged out. */
const tenants = (settings?: TokenSource.KeyedSettings) =>
  Effect.gen(function*() {
    const logins = yield* Ref.make<Readonly<Record<string, number>>>({})
    const ended = yield* Ref.make<ReadonlyArray<string>>([])
    const tokensOf = yield* TokenSource.keyed((tenant: string) => ({
      login: Ref.updateAndGet(logins, (all) => ({ ...all, [tenant]: (all[tenant] ?? 0) + 1 })).pipe(
        Effect.flatMap((all) => Effect.orDie(Token.make({ value: `${tenant}-${all[tenant]}`, lifetime: "1 day" }))),
        Effect.delay("10 millis")
      ),
      revoke: (token: Token.Token) => Ref.update(ended, (all) => [...all, value(token)])
    }), settings)
    const get = (tenant: string) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(tokensOf(tenant).get)
        yield* TestClock.adjust("10 millis")
        return value(yield* fiber)
      })
    return { tokensOf, get, ended: Ref.get(ended) }
  })

describe("TokenSource.keyed", () => {
  it.scoped("keeps one source for each key, whatever the order and number of its users", () =>
    Effect.gen(function*() {
      const { tokensOf } = yield* tenants()
      const all = yield* Effect.fork(
        Effect.forEach(["a", "b", "a", "b", "a"], (key) => tokensOf(key).get, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("10 millis")
      assert.deepStrictEqual((yield* all).map(value), ["a-1", "b-1", "a-1", "b-1", "a-1"])
    }))

  it.scoped("compares keys by value", () =>
    Effect.gen(function*() {
      const logins = yield* Ref.make(0)
      const tokensOf = yield* TokenSource.keyed((_: { readonly tenant: string }) => ({
        login: Effect.flatMap(
          Ref.updateAndGet(logins, (n) => n + 1),
          (n) => Effect.orDie(Token.make({ value: `${n}` }))
        )
      }))
      yield* tokensOf(Data.struct({ tenant: "a" })).get
      yield* tokensOf(Data.struct({ tenant: "a" })).get
      assert.strictEqual(yield* Ref.get(logins), 1)
    }))

  it.scoped("made by a mode, keeps one for each key; one that cannot be made fails, and is tried again at its next use", () =>
    Effect.gen(function*() {
      const attempts = yield* Ref.make(0)
      const error = new CredentialUnavailable({ mode: "Test", problem: "locked" })
      const tokensOf = yield* TokenSource.keyedFrom((tenant: string) =>
        Effect.flatMap(Ref.updateAndGet(attempts, (n) => n + 1), (n) =>
          tenant === "b" && n < 3
            ? Effect.fail(error)
            : TokenSource.make({ login: Effect.orDie(Token.make({ value: `${tenant}-${n}` })) }))
      )
      const [a, b] = [tokensOf("a"), tokensOf("b")]
      assert.strictEqual(value(yield* a.get), "a-1")
      assert.strictEqual(yield* Effect.flip(b.get), error)
      assert.strictEqual(value(yield* b.get), "b-3")
      assert.deepStrictEqual([value(yield* a.get), value(yield* tokensOf("b").get)], ["a-1", "b-3"])
    }))

  it.scoped("ends a source that was not used for an hour, and begins it anew when it is used again", () =>
    Effect.gen(function*() {
      const { ended, get, tokensOf } = yield* tenants()
      const kept = tokensOf("a")
      yield* get("a")
      yield* get("b")
      for (let half = 0; half < 4; half++) {
        yield* TestClock.adjust("30 minutes")
        yield* tokensOf("b").get
      }
      assert.deepStrictEqual(yield* ended, ["a-1"])
      assert.strictEqual(yield* get("b"), "b-1")
      const again = yield* Effect.fork(kept.get)
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(value(yield* again), "a-2")
    }))

  it.scoped("hands out one object for a key as long as its source is in use, and what it has handed out stays good", () =>
    Effect.gen(function*() {
      const { get, tokensOf } = yield* tenants()
      assert.strictEqual(yield* get("a"), "a-1")
      const handed = tokensOf("a")
      assert.strictEqual(tokensOf("a"), handed)
      assert.notStrictEqual(tokensOf("b"), handed)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(yield* get("a"), "a-2")
      assert.notStrictEqual(tokensOf("a"), handed)
      assert.strictEqual(value(yield* handed.get), "a-2")
    }))

  it.scoped("ends hundreds of idle sources a few at a time, but none that is used meanwhile", () =>
    Effect.gen(function*() {
      const { ended, tokensOf } = yield* tenants()
      const names = Array.from({ length: 210 }, (_, index) => `t${index}`)
      const used = yield* Effect.fork(Effect.forEach(names, (name) => tokensOf(name).get, { concurrency: "unbounded" }))
      yield* TestClock.adjust("10 millis")
      yield* used
      yield* TestClock.setTime(59 * 60_000)
      assert.deepStrictEqual(yield* ended, [])
      yield* TestClock.setTime(60 * 60_000)
      assert.strictEqual((yield* ended).length, 100)
      yield* tokensOf("t209").get
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([...yield* ended].sort(), names.slice(0, -1).map((name) => `${name}-1`).sort())
    }))

  it.effect("looks for idle sources a few times a second at most, also where none is to be kept", () =>
    Effect.gen(function*() {
      const { ended, tokensOf } = yield* tenants({ idle: "0 seconds" })
      yield* tokensOf("a").get
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(yield* ended, ["a-1"])
    }).pipe(Effect.scoped, VirtualClock.run))

  it.scoped("ends the source that was not used for longest when there are too many", () =>
    Effect.gen(function*() {
      const { ended, get } = yield* tenants({ capacity: 2 })
      yield* get("a")
      yield* get("b")
      yield* get("a")
      yield* get("c")
      assert.deepStrictEqual(yield* ended, ["b-1"])
    }))

  it.effect("ends every source with its Scope", () =>
    Effect.gen(function*() {
      const ended = yield* Effect.scoped(Effect.gen(function*() {
        const { ended, get } = yield* tenants()
        yield* get("a")
        yield* get("b")
        return ended
      }))
      assert.sameMembers([...(yield* ended)], ["a-1", "b-1"])
    }))

  it("hands no key the token of another, whatever is called, ended and forgotten in between", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(5), fc.constantFrom("get", "reject", "end", "wait")), { maxLength: 40 }),
        (steps) =>
          Effect.gen(function*() {
            const { tokensOf } = yield* tenants({ capacity: 3 })
            for (const [index, step] of steps) {
              const key = `tenant${index}`
              const got = value(yield* tokensOf(key).get)
              assert.isTrue(got.startsWith(`${key}-`), `${key} got ${got}`)
              if (step === "reject") yield* tokensOf(key).reject(yield* tokensOf(key).get)
              if (step === "end") yield* tokensOf(key).end
              if (step === "wait") yield* Effect.sleep("2 hours")
            }
          }).pipe(Effect.scoped, VirtualClock.run, Effect.runPromise)
      ),
      { numRuns: 50 }
    ))
})
