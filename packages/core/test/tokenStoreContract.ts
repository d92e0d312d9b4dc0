/** What every token store promises, wherever it keeps its token. Run with real time, because files take some. */
import * as Token from "@effect-auth/core/Token"
import * as TokenStore from "@effect-auth/core/TokenStore"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const token = (value: string) => Token.make({ value, refreshToken: `canary-refresh-${value}`, lifetime: "1 hour" })

/** Names of tokens, not secrets: what is stored, by its value. */
const held = ({ token }: TokenStore.Stored) =>
  Option.getOrUndefined(Option.map(token, ({ value }) => Redacted.value(value)))

export const keepsItsPromises = <E>(make: Effect.Effect<TokenStore.TokenStore, E, Scope.Scope>): void => {
  describe("keeps the promises of a store", () => {
    it.scopedLive("holds nothing at first, then the last token that was set, and forgets it", () =>
      Effect.gen(function*() {
        const store = yield* make
        assert.deepStrictEqual(yield* store.get, { token: Option.none(), generation: 0 })
        yield* store.remove // removing nothing is no error
        yield* TokenStore.set(store, yield* token("a"))
        yield* TokenStore.set(store, yield* token("b"))
        assert.strictEqual(held(yield* store.get), "b")
        yield* store.remove
        assert.deepStrictEqual(yield* store.get, { token: Option.none(), generation: 0 })
      }))

    it.scopedLive("returns every part of a token", () =>
      Effect.gen(function*() {
        const store = yield* make
        const whole = yield* Token.make({
          value: "canary-access",
          refreshToken: "canary-refresh",
          idToken: "canary-id",
          key: Redacted.make("canary-key"),
          type: "Bearer",
          scope: ["read", "write"],
          extra: { instance_url: "https://acme.example", nested: { n: 1 } },
          lifetime: "1 hour",
          refreshExpiresIn: 86_400
        })
        yield* TokenStore.set(store, whole)
        const { audience: _, ...again } = Option.getOrThrow((yield* store.get).token)
        assert.deepStrictEqual(again, { ...whole })
      }))

    it.scopedLive("writes only if it still holds the generation that was read, and says so", () =>
      Effect.gen(function*() {
        const store = yield* make
        const trial = (generation: number, value: string) =>
          Effect.gen(function*() {
            const isWritten = yield* store.compareAndSet(generation, yield* token(value))
            const stored = yield* store.get
            return { isWritten, held: held(stored), generation: stored.generation }
          })
        const first = yield* trial(0, "a")
        assert.deepInclude(first, { isWritten: true, held: "a" })
        for (const stale of [0, first.generation - 1, first.generation + 1, -1, NaN]) {
          assert.deepStrictEqual(yield* trial(stale, "stale"), { ...first, isWritten: false })
        }
        const second = yield* trial(first.generation, "b")
        assert.deepInclude(second, { isWritten: true, held: "b" })
        assert.deepStrictEqual(yield* trial(first.generation, "stale"), { ...second, isWritten: false })
        yield* store.remove
        assert.deepInclude(yield* trial(second.generation, "stale"), { isWritten: false, held: undefined })
      }))

    it.scopedLive("never gives a generation twice: not after a removal, and not within a millisecond", () =>
      Effect.gen(function*() {
        const store = yield* make
        const start = yield* Clock.currentTimeMillis
        const generations = yield* Effect.replicateEffect(
          Effect.gen(function*() {
            yield* TokenStore.set(store, yield* token("a"))
            const { generation } = yield* store.get
            yield* store.remove
            return generation
          }),
          20
        )
        assert.isAtLeast(Math.min(...generations), start)
        assert.deepStrictEqual(generations, [...new Set(generations)].sort((a, b) => a - b))
      }))

    it.scopedLive("of many that have read the same generation one writes", () =>
      Effect.gen(function*() {
        const store = yield* make
        for (const round of [1, 2, 3]) {
          const { generation } = yield* store.get
          const written = yield* Effect.all(
            Array.from({ length: 8 }, (_, n) =>
              Effect.flatMap(token(`${round}-${n}`), (token) => store.compareAndSet(generation, token))),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(
            written.filter((isWritten) =>
              isWritten
            ).length,
            1
          )
          assert.strictEqual(held(yield* store.get), `${round}-${written.indexOf(true)}`)
        }
      }))

    it.scopedLive("an owner of the lock reads and writes", () =>
      Effect.gen(function*() {
        const store = yield* make
        const commit = Effect.flatMap(
          Effect.zip(store.get, token("a")),
          ([{ generation }, token]) => store.compareAndSet(generation, token)
        )
        assert.isTrue(yield* store.withLock(commit))
        assert.isTrue(yield* store.withLock(commit))
      }))

    it.scopedLive("gives its lock to one user at a time", () =>
      Effect.gen(function*() {
        const store = yield* make
        const inside = yield* Ref.make({ now: 0, most: 0 })
        const enter = Ref.update(inside, ({ most, now }) => ({ now: now + 1, most: Math.max(most, now + 1) }))
        const leave = Ref.update(inside, ({ most, now }) => ({ now: now - 1, most }))
        const visit = store.withLock(enter.pipe(Effect.zipRight(Effect.sleep("1 milli")), Effect.zipRight(leave)))
        yield* Effect.replicateEffect(visit, 10, { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* Ref.get(inside), { now: 0, most: 1 })
      }))

    it.scopedLive("takes its lock back after a failure, a defect and an interruption", () =>
      Effect.gen(function*() {
        const store = yield* make
        assert.strictEqual(yield* Effect.flip(store.withLock(Effect.fail("refused"))), "refused")
        yield* Effect.exit(store.withLock(Effect.die("defect")))
        const holds = yield* Deferred.make<void>()
        const holder = yield* Effect.fork(
          store.withLock(Effect.zipRight(Deferred.succeed(holds, undefined), Effect.never))
        )
        yield* Deferred.await(holds)
        const waiting = yield* Effect.fork(store.withLock(Effect.never))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(waiting)
        yield* Fiber.interrupt(holder)
        assert.strictEqual(yield* store.withLock(Effect.succeed("free")), "free")
      }))

    it.scopedLive("tells each of its subscribers what it holds, and whenever that changes", () =>
      Effect.gen(function*() {
        const store = yield* make
        yield* TokenStore.set(store, yield* token("a"))
        const subscribe = Effect.gen(function*() {
          const seen = yield* Queue.unbounded<TokenStore.Stored>()
          yield* Effect.forkScoped(Stream.runForEach(store.changes, (stored) => Queue.offer(seen, stored)))
          assert.strictEqual(held(yield* Queue.take(seen)), "a")
          return seen
        })
        const subscribers = [yield* subscribe, yield* subscribe]
        const expectEach = (value: string | undefined) =>
          Effect.forEach(subscribers, (seen) =>
            Effect.flatMap(Queue.take(seen), (stored) =>
              Effect.gen(function*() {
                assert.strictEqual(held(stored), value)
                assert.strictEqual(stored.generation, (yield* store.get).generation)
              })))
        yield* TokenStore.set(store, yield* token("b"))
        yield* expectEach("b")
        yield* store.remove
        yield* expectEach(undefined)
        // the same token, stored anew, is another generation
        yield* TokenStore.set(store, yield* token("b"))
        yield* expectEach("b")
      }))

    it.scopedLive("a subscriber that is slow delays no one, and then sees the latest", () =>
      Effect.gen(function*() {
        const store = yield* make
        const seen = yield* Ref.make<ReadonlyArray<string | undefined>>([])
        const busy = yield* Deferred.make<void>()
        const slow = yield* Effect.fork(Stream.runForEachWhile(store.changes, (stored) =>
          Effect.as(
            Effect.zipRight(Ref.update(seen, (seen) => [...seen, held(stored)]), Deferred.await(busy)),
            held(stored) !== "9"
          )))
        yield* Effect.repeat(Ref.get(seen), { until: (seen) => seen.length > 0, schedule: Schedule.spaced("1 milli") })
        for (let n = 0; n < 10; n++) yield* TokenStore.set(store, yield* token(`${n}`))
        yield* Effect.sleep("50 millis")
        yield* Deferred.succeed(busy, undefined)
        yield* Fiber.join(slow)
        assert.deepStrictEqual(yield* Ref.get(seen), [undefined, "9"])
      }))
  })
}
