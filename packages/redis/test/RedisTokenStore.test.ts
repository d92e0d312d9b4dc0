import * as Token from "@effect-auth/core/Token"
import * as TokenSeal from "@effect-auth/core/TokenSeal"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { keepsItsPromises } from "../../core/test/tokenStoreContract.ts"
import type { Service } from "../src/RedisClient.ts"
import { RedisClient } from "../src/RedisClient.ts"
import * as RedisTokenStore from "../src/RedisTokenStore.ts"
import * as MemoryRedis from "./memoryRedis.ts"

const token = (value: string) => Token.make({ value, refreshToken: `canary-refresh-${value}`, lifetime: "1 hour" })

const held = ({ token }: TokenStore.Stored) =>
  Option.getOrUndefined(Option.map(token, ({ value }) => Redacted.value(value)))

/** A process with a store of the shared session, and a Scope that ends with it. */
const begin = (redis: MemoryRedis.MemoryRedis, options: Partial<RedisTokenStore.Options> = {}) =>
  Effect.gen(function*() {
    const connection = redis.connect()
    const scope = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
    const store = yield* RedisTokenStore.make({ key: "acme", lease: "3 seconds", ...options }).pipe(
      Effect.provideService(RedisClient, connection.client),
      Scope.extend(scope)
    )
    return {
      ...connection,
      store,
      /** As SIGKILL does: nothing is given back. */
      kill: Effect.zipRight(connection.cut, Effect.fork(Scope.close(scope, Exit.void)))
    }
  })

/** Holds the lock until it is told to go on. */
const holding = (store: TokenStore.TokenStore) =>
  Effect.gen(function*() {
    const isHeld = yield* Deferred.make<void>()
    const goOn = yield* Deferred.make<void>()
    const fiber = yield* Effect.fork(
      store.withLock(Effect.zipRight(Deferred.succeed(isHeld, undefined), Deferred.await(goOn)))
    )
    yield* Deferred.await(isHeld)
    return { fiber, release: Deferred.succeed(goOn, undefined) }
  })

/** As an exchange does. */
const storeToken = (self: TokenStore.TokenStore, value: string) =>
  self.withLock(Effect.gen(function*() {
    const { generation } = yield* self.get
    assert.isTrue(yield* self.compareAndSet(generation, yield* token(value)))
  }))

const elapsed = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = yield* Clock.currentTimeMillis
    yield* self
    return (yield* Clock.currentTimeMillis) - before
  })

const virtually = <E>(
  name: string,
  test: (redis: MemoryRedis.MemoryRedis) => Effect.Effect<unknown, E, Scope.Scope>
) => it.effect(name, () => VirtualClock.runFrom(Effect.scoped(test(MemoryRedis.make())), "2026-01-01T00:00:00Z"))

describe("RedisTokenStore", () => {
  keepsItsPromises(Effect.suspend(() => Effect.map(begin(MemoryRedis.make({ trip: 0 })), ({ store }) => store)))

  describe("sealed", () => {
    const seal = Effect.orDie(TokenSeal.make([Redacted.make(Encoding.encodeBase64(new Uint8Array(32)))]))

    keepsItsPromises(
      Effect.flatMap(seal, (seal) => Effect.map(begin(MemoryRedis.make({ trip: 0 }), { seal }), ({ store }) => store))
    )

    it.scopedLive("tells Redis nothing, and takes no earlier token for a later one", () =>
      Effect.gen(function*() {
        const redis = MemoryRedis.make({ trip: 0 })
        const { store } = yield* begin(redis, { seal: yield* seal })
        yield* TokenStore.set(store, yield* token("canary-access"))
        const [[key, { generation, text }] = ["", { generation: "", text: "" }]] = [...redis.sessions]
        assert.notInclude(text, "canary")
        redis.sessions.set(key, { generation: String(Number(generation) + 1), text })
        assert.strictEqual((yield* Effect.flip(store.get)).operation, "read")
        yield* TokenStore.set(store, yield* token("next"))
        assert.strictEqual(held(yield* store.get), "next")
      }))
  })

  describe("the lock between processes", () => {
    virtually(
      "is given to one at a time, and the next is woken when it is given back",
      (redis) =>
        Effect.gen(function*() {
          const [first, second] = yield* Effect.all([begin(redis), begin(redis)])
          yield* storeToken(first.store, "a")
          const owner = yield* holding(first.store)
          const waiting = yield* Effect.fork(second.store.withLock(Clock.currentTimeMillis))
          yield* Effect.sleep("20 seconds")
          assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
          const before = yield* Clock.currentTimeMillis
          yield* owner.release
          // not after the end of the lease, but as long as the messages take
          assert.isBelow((yield* Fiber.join(waiting)) - before, 10)
        })
    )

    virtually("is renewed every third of the lease, and given back once", (redis) =>
      Effect.gen(function*() {
        const { store } = yield* begin(redis)
        const owner = yield* holding(store)
        redis.ran.length = 0
        yield* Effect.sleep("9500 millis")
        assert.deepStrictEqual(redis.ran, Array.from({ length: 9 }, () => "renew"))
        yield* owner.release
        yield* Fiber.join(owner.fiber)
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(redis.ran.slice(9), ["release"])
        assert.strictEqual(redis.locks.size, 0)
      }))

    virtually("of a process that was killed ends with the lease", (redis) =>
      Effect.gen(function*() {
        const [first, second] = yield* Effect.all([begin(redis), begin(redis)])
        yield* storeToken(first.store, "a")
        yield* holding(first.store)
        yield* first.kill
        const waited = yield* elapsed(second.store.withLock(Effect.void))
        assert.isAtMost(waited, 3_020)
        assert.isAtLeast(waited, 2_900)
      }))

    virtually("is taken back by comparison: what was given to another stays", (redis) =>
      Effect.gen(function*() {
        const { store } = yield* begin(redis)
        const owner = yield* holding(store)
        const [lock = ""] = redis.locks.keys()
        redis.locks.set(lock, { owner: "another", until: 1e15 })
        yield* owner.release
        yield* Fiber.join(owner.fiber)
        assert.strictEqual(redis.locks.get(lock)?.owner, "another")
      }))

    virtually(
      "whose owner finds itself replaced interrupts and fails what it was held for",
      (redis) =>
        Effect.gen(function*() {
          const { store } = yield* begin(redis)
          const owner = yield* holding(store)
          const [lock = ""] = redis.locks.keys()
          redis.locks.set(lock, { owner: "another", until: 1e15 })
          const error = yield* Effect.flip(Fiber.join(owner.fiber))
          assert.strictEqual(error.operation, "lock")
          assert.include(error.message, "another one took over")
        })
    )

    virtually(
      "is not taken again after another process has stored a token and gone",
      (redis) =>
        Effect.gen(function*() {
          const [paused, other] = yield* Effect.all([begin(redis), begin(redis)])
          yield* storeToken(paused.store, "a")
          const owner = yield* holding(paused.store)
          redis.locks.clear()
          yield* storeToken(other.store, "b")
          assert.strictEqual((yield* Effect.flip(Fiber.join(owner.fiber))).operation, "lock")
          assert.strictEqual(redis.locks.size, 0)
        })
    )

    virtually("a lost answer costs nothing: the lock is asked for again", (redis) =>
      Effect.gen(function*() {
        const [first, second] = yield* Effect.all([begin(redis), begin(redis)])
        yield* storeToken(first.store, "a")
        yield* first.loseAnswers(3)
        assert.isBelow(yield* elapsed(first.store.withLock(Effect.void)), 1_000)
        assert.isBelow(yield* elapsed(second.store.withLock(Effect.void)), 10)
      }))

    virtually(
      "cannot be had where Redis refuses, which the error says without its words",
      (redis) =>
        Effect.gen(function*() {
          const { refuse, store } = yield* begin(redis)
          yield* refuse
          const error = yield* Effect.flip(store.withLock(Effect.void))
          assert.deepInclude({ ...error }, {
            operation: "lock",
            place: "effect-auth:{acme}",
            detail: "Redis: the answer is NOPERM"
          })
        })
    )
  })

  describe("a client that throws", () => {
    /** A process whose client throws in the place of the next script of a name. */
    const throwing = (redis: MemoryRedis.MemoryRedis) =>
      Effect.gen(function*() {
        const next = yield* Ref.make<string | undefined>(undefined)
        const { client } = redis.connect()
        const run: Service["run"] = (script, keys, args) =>
          Effect.flatMap(
            Ref.modify(next, (name) => name === script.name ? [true, undefined] : [false, name]),
            (throws) => {
              if (throws) throw new Error(`cannot send ${args.join(" ")}`)
              return client.run(script, keys, args)
            }
          )
        const store = yield* RedisTokenStore.make({ key: "acme", lease: "3 seconds" }).pipe(
          Effect.provideService(RedisClient, { ...client, run })
        )
        return { store, throwAt: (script: string) => Ref.set(next, script) }
      })

    virtually("reads what it is told of after that, too", (redis) =>
      Effect.gen(function*() {
        const [first, second] = yield* Effect.all([throwing(redis), begin(redis)])
        const seen = yield* Ref.make<string | undefined>(undefined)
        yield* Effect.fork(Stream.runForEach(first.store.changes, (stored) => Ref.set(seen, held(stored))))
        yield* storeToken(second.store, "a")
        yield* Effect.sleep("10 millis")
        yield* first.throwAt("read")
        yield* storeToken(second.store, "b")
        yield* Effect.sleep("10 millis")
        yield* storeToken(second.store, "c")
        yield* Effect.sleep("10 millis")
        assert.strictEqual(yield* Ref.get(seen), "c")
      }))

    virtually("goes on renewing the lock that it holds", (redis) =>
      Effect.gen(function*() {
        const { store, throwAt } = yield* throwing(redis)
        const owner = yield* holding(store)
        yield* throwAt("renew")
        yield* Effect.sleep("20 seconds")
        assert.strictEqual(redis.locks.size, 1)
        assert.isTrue([...redis.locks.values()].every(({ until }) => until > Date.parse("2026-01-01T00:00:20Z")))
        yield* owner.release
        yield* Fiber.join(owner.fiber)
      }))

    virtually("gives its lock back, if not at once", (redis) =>
      Effect.gen(function*() {
        const { store, throwAt } = yield* throwing(redis)
        const owner = yield* holding(store)
        yield* throwAt("release")
        yield* owner.release
        yield* Fiber.join(owner.fiber)
        yield* Effect.sleep("1 second")
        assert.strictEqual(redis.locks.size, 0)
      }))

    virtually("tells nobody of the token that it could not write", (redis) =>
      Effect.gen(function*() {
        const { store, throwAt } = yield* throwing(redis)
        const detector = yield* LeakDetector.make({ refresh: "canary-refresh-a" })
        yield* throwAt("put")
        const { exit, leaks } = yield* detector.watch(Effect.flip(storeToken(store, "a")))
        assert.isTrue(Exit.isSuccess(exit))
        assert.deepStrictEqual(leaks, [])
      }))
  })

  describe("a token that is stored", () => {
    virtually("is known to every process at once", (redis) =>
      Effect.gen(function*() {
        const [first, second] = yield* Effect.all([begin(redis), begin(redis)])
        const seen = yield* Ref.make<ReadonlyArray<string | undefined>>([])
        yield* Effect.fork(
          Stream.runForEach(second.store.changes, (stored) => Ref.update(seen, (seen) => [...seen, held(stored)]))
        )
        yield* storeToken(first.store, "a")
        yield* Effect.sleep("10 millis")
        yield* storeToken(first.store, "b")
        yield* Effect.sleep("10 millis")
        yield* first.store.remove
        yield* Effect.sleep("10 millis")
        assert.deepStrictEqual(yield* Ref.get(seen), [undefined, "a", "b", undefined])
      }))

    virtually(
      "is not overwritten, nor removed, by one who has read the token before it",
      (redis) =>
        Effect.gen(function*() {
          const [late, successor] = yield* Effect.all([begin(redis), begin(redis)])
          yield* storeToken(late.store, "a")
          const { generation } = yield* late.store.get
          yield* storeToken(successor.store, "b")
          // the late one has heard of it
          yield* Effect.sleep("1 second")
          assert.isFalse(yield* late.store.compareAndSet(generation, yield* token("late")))
          yield* late.store.remove
          assert.strictEqual(held(yield* successor.store.get), "b")
          assert.strictEqual(held(yield* late.store.get), "b")
          yield* late.store.remove
          assert.strictEqual(held(yield* successor.store.get), undefined)
        })
    )

    virtually(
      "is stored once Redis is back, and is kept from the others until then",
      (redis) =>
        Effect.gen(function*() {
          const [first, second] = yield* Effect.all([begin(redis), begin(redis)])
          yield* storeToken(first.store, "a")
          const writing = yield* Effect.fork(first.store.withLock(Effect.gen(function*() {
            const { generation } = yield* first.store.get
            yield* redis.stop
            // as the source of tokens does, which uses the token meanwhile
            return yield* Effect.timeoutOption(first.store.compareAndSet(generation, yield* token("b")), "1 second")
          })))
          assert.isTrue(Option.isNone(yield* Fiber.join(writing)))
          const reading = yield* Effect.fork(second.store.withLock(second.store.get))
          yield* Effect.sleep("500 millis")
          yield* redis.start
          assert.strictEqual(held(yield* Fiber.join(reading)), "b")
        })
    )

    virtually(
      "is stored before its own process gets the lock again, which then is not given back too early",
      (redis) =>
        Effect.gen(function*() {
          const { store } = yield* begin(redis)
          yield* storeToken(store, "a")
          yield* store.withLock(Effect.gen(function*() {
            const { generation } = yield* store.get
            yield* redis.stop
            yield* Effect.timeoutOption(store.compareAndSet(generation, yield* token("b")), "100 millis")
          }))
          const again = yield* Effect.fork(store.withLock(Effect.gen(function*() {
            assert.strictEqual(held(yield* store.get), "b")
            assert.strictEqual(redis.locks.size, 1)
            redis.published.length = 0
            yield* Effect.sleep("10 seconds")
            assert.deepStrictEqual(redis.published, [])
          })))
          yield* Effect.sleep("300 millis")
          yield* redis.start
          yield* Fiber.join(again)
          yield* Effect.sleep("1 second")
          assert.strictEqual(redis.locks.size, 0)
        })
    )

    virtually("is stored once, although no answer says so", (redis) =>
      Effect.gen(function*() {
        const first = yield* begin(redis)
        yield* first.store.withLock(Effect.gen(function*() {
          const { generation } = yield* first.store.get
          yield* first.loseAnswers(1)
          assert.isTrue(yield* first.store.compareAndSet(generation, yield* token("a")))
        }))
        assert.strictEqual(held(yield* first.store.get), "a")
        assert.strictEqual(redis.published.filter((text) => text.startsWith("stored")).length, 1)
      }))

    virtually("takes the place of what cannot be read", (redis) =>
      Effect.gen(function*() {
        const first = yield* begin(redis)
        redis.sessions.set("effect-auth:{acme}:session", { generation: "5", text: "canary-not-a-token" })
        const error = yield* Effect.flip(first.store.get)
        assert.strictEqual(error.operation, "read")
        assert.notInclude(error.message, "canary")
        assert.isTrue(yield* first.store.compareAndSet(0, yield* token("a")))
        assert.strictEqual(held(yield* first.store.get), "a")
      }))

    virtually("is read under the lock without asking Redis again", (redis) =>
      Effect.gen(function*() {
        const { store } = yield* begin(redis)
        yield* storeToken(store, "a")
        redis.ran.length = 0
        yield* store.withLock(Effect.gen(function*() {
          assert.strictEqual(held(yield* store.get), "a")
          assert.deepStrictEqual(redis.ran, ["acquire"])
          // once: what the server refuses may have been replaced
          yield* store.get
        }))
        assert.deepStrictEqual(redis.ran, ["acquire", "read", "release"])
      }))
  })

  describe("a Redis that comes back empty", () => {
    virtually("gets the session again from whoever knows the latest token", (redis) =>
      Effect.gen(function*() {
        const [first, second, newcomer] = yield* Effect.all([begin(redis), begin(redis), begin(redis)])
        yield* storeToken(first.store, "a")
        yield* storeToken(second.store, "b")
        yield* redis.stop
        yield* Effect.sleep("2 seconds")
        yield* redis.empty
        yield* redis.start
        const waited = yield* elapsed(
          newcomer.store.withLock(Effect.map(newcomer.store.get, (stored) => assert.strictEqual(held(stored), "b")))
        )
        assert.isBelow(waited, 1_100)
      }))

    virtually("gets it although the one that knows it is not told that it was lost", (redis) =>
      Effect.gen(function*() {
        const [first, newcomer] = yield* Effect.all([begin(redis), begin(redis)])
        yield* storeToken(first.store, "a")
        yield* redis.empty
        const waited = yield* elapsed(
          newcomer.store.withLock(Effect.map(newcomer.store.get, (stored) => assert.strictEqual(held(stored), "a")))
        )
        assert.isBelow(waited, 1_100)
        assert.include(redis.published, "who")
      }))

    virtually("is asked for a lock that somebody holds: it goes on to be held", (redis) =>
      Effect.gen(function*() {
        const [first, newcomer] = yield* Effect.all([begin(redis), begin(redis)])
        yield* storeToken(first.store, "a")
        const owner = yield* holding(first.store)
        yield* redis.empty
        const waiting = yield* Effect.fork(newcomer.store.withLock(newcomer.store.get))
        yield* Effect.sleep("10 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* owner.release
        assert.strictEqual(held(yield* Fiber.join(waiting)), "a")
      }))

    it.effect("gives its lock to nobody before the one that holds it is connected again", () =>
      VirtualClock.runFrom(
        Effect.scoped(Effect.gen(function*() {
          const redis = MemoryRedis.make({ reconnects: { step: 400, within: 800 } })
          // whose renewal would come too late
          const lease = { lease: "30 seconds" } as const
          const [quick, slow] = yield* Effect.all([begin(redis, lease), begin(redis, lease)])
          yield* storeToken(quick.store, "a")
          const owner = yield* holding(slow.store)
          yield* redis.stop
          yield* redis.empty
          yield* redis.start
          const waiting = yield* Effect.fork(quick.store.withLock(quick.store.get))
          yield* Effect.sleep("10 seconds")
          assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
          yield* owner.release
          yield* Fiber.join(owner.fiber)
          assert.strictEqual(held(yield* Fiber.join(waiting)), "a")
        })),
        "2026-01-01T00:00:00Z"
      ))

    it.effect("is told of a lock that is held although the one that holds it is waiting to read", () =>
      VirtualClock.runFrom(
        Effect.scoped(Effect.gen(function*() {
          const redis = MemoryRedis.make({ reconnects: { step: 400, within: 800 } })
          const lease = { lease: "30 seconds" } as const
          const [quick, slow] = yield* Effect.all([begin(redis, lease), begin(redis, lease)])
          yield* storeToken(quick.store, "a")
          const owner = yield* holding(slow.store)
          yield* slow.loseAnswers(1) // to the read of what was stored
          yield* redis.stop
          yield* redis.empty
          yield* redis.start
          const waiting = yield* Effect.fork(quick.store.withLock(quick.store.get))
          yield* Effect.sleep("10 seconds")
          assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
          yield* owner.release
          yield* Fiber.join(owner.fiber)
          assert.strictEqual(held(yield* Fiber.join(waiting)), "a")
        })),
        "2026-01-01T00:00:00Z"
      ))

    virtually("and that nobody knows anything of is a first login, after a second", (redis) =>
      Effect.gen(function*() {
        const processes = yield* Effect.all(Array.from({ length: 3 }, () => begin(redis)))
        const logins = yield* Ref.make(0)
        const logIn = (own: TokenStore.TokenStore) =>
          own.withLock(Effect.gen(function*() {
            const { generation, token: stored } = yield* own.get
            if (Option.isSome(stored)) return
            yield* Ref.update(logins, (n) => n + 1)
            yield* own.compareAndSet(generation, yield* token("a"))
          }))
        const waits = yield* Effect.forEach(processes, ({ store }) => elapsed(logIn(store)), {
          concurrency: "unbounded"
        })
        assert.strictEqual(yield* Ref.get(logins), 1)
        for (const waited of waits) {
          assert.isAtLeast(waited, 1_000)
          assert.isBelow(waited, 1_100)
        }
      }))

    virtually(
      "is asked for the lock of one that has just stored a token: it goes on to be held",
      (redis) =>
        Effect.gen(function*() {
          const [first, second] = yield* Effect.all([begin(redis), begin(redis)])
          yield* storeToken(first.store, "a")
          yield* second.store.get
          const isStored = yield* Deferred.make<void>()
          const goOn = yield* Deferred.make<void>()
          const owner = yield* Effect.fork(first.store.withLock(Effect.gen(function*() {
            const { generation } = yield* first.store.get
            yield* first.store.compareAndSet(generation, yield* token("b"))
            yield* Deferred.succeed(isStored, undefined)
            yield* Deferred.await(goOn)
          })))
          yield* Deferred.await(isStored)
          yield* Effect.sleep("100 millis")
          yield* redis.empty
          // brings it back before the owner hears of it
          yield* second.store.get
          const waiting = yield* Effect.fork(second.store.withLock(second.store.get))
          yield* Effect.sleep("20 seconds")
          assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
          yield* Deferred.succeed(goOn, undefined)
          yield* Fiber.join(owner)
          assert.strictEqual(held(yield* Fiber.join(waiting)), "b")
        })
    )

    virtually(
      "is read once and once more when it can be, however often it came back before",
      (redis) =>
        Effect.gen(function*() {
          const first = yield* begin(redis)
          yield* storeToken(first.store, "a")
          yield* Effect.sleep("10 millis")
          const reads = () => redis.ran.filter((name) => name === "read").length
          const before = reads()
          yield* Effect.repeatN(redis.start, 49)
          yield* redis.stop
          yield* Effect.sleep("500 millis")
          yield* redis.start
          yield* Effect.sleep("10 seconds")
          assert.strictEqual(reads() - before, 2)
        })
    )

    virtually("does not bring a session back that was removed", (redis) =>
      Effect.gen(function*() {
        const [first, second, newcomer] = yield* Effect.all([begin(redis), begin(redis), begin(redis)])
        yield* storeToken(first.store, "a")
        yield* second.store.get
        yield* first.store.remove
        yield* Effect.sleep("10 millis")
        yield* redis.empty
        yield* newcomer.store.withLock(
          Effect.map(newcomer.store.get, (stored) => assert.strictEqual(held(stored), undefined))
        )
      }))

    virtually("and is written to by the owner of the lock has what it wrote", (redis) =>
      Effect.gen(function*() {
        const first = yield* begin(redis)
        yield* storeToken(first.store, "a")
        yield* first.store.withLock(Effect.gen(function*() {
          const { generation } = yield* first.store.get
          yield* redis.empty
          assert.isTrue(yield* first.store.compareAndSet(generation, yield* token("b")))
        }))
        assert.strictEqual(held(yield* first.store.get), "b")
      }))
  })

  describe("TokenStores", () => {
    virtually(
      "keeps each audience under a key of its own, and gives it to no other",
      (redis) =>
        Effect.gen(function*() {
          const layer = Layer.provide(
            RedisTokenStore.layer({ prefix: "app" }),
            Layer.succeed(RedisClient, redis.connect().client)
          )
          yield* Effect.gen(function*() {
            const { forAudience } = yield* TokenStores.TokenStores
            yield* TokenStore.set(forAudience("one"), yield* token("a"))
            assert.strictEqual(held(yield* forAudience("one").get), "a")
            assert.strictEqual(held(yield* forAudience("two").get), undefined)
            assert.deepStrictEqual([...redis.sessions.keys()], ["app:{one}:session"])
          }).pipe(Effect.provide(layer))
        })
    )
  })

  describe("settings", () => {
    for (
      const [what, options, setting] of [
        ["an empty key", { key: "" }, "key"],
        ["a key with braces", { key: "a}b" }, "key"],
        ["a prefix with braces", { key: "a", prefix: "{b" }, "prefix"],
        ["a lease below half a second", { key: "a", lease: "499 millis" }, "lease"],
        ["a lease without end", { key: "a", lease: Duration.infinity }, "lease"]
      ] as const
    ) {
      it.effect(`refuses ${what}`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(RedisTokenStore.make(options))
          assert.strictEqual(error.setting, setting)
        }).pipe(Effect.provideService(RedisClient, MemoryRedis.make().connect().client), Effect.scoped))
    }
  })
})
