import * as Token from "@effect-auth/core/Token"
import * as TokenStore from "@effect-auth/core/TokenStore"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Ioredis from "ioredis"
import * as Ioredis5 from "ioredis-5"
import { keepsItsPromises } from "../../core/test/tokenStoreContract.ts"
import * as Scripts from "../src/internal/sessionScripts.ts"
import type { Service } from "../src/RedisClient.ts"
import * as RedisClient from "../src/RedisClient.ts"
import * as RedisTokenStore from "../src/RedisTokenStore.ts"
import { scripts as inMemory } from "../test/memoryRedis.ts"
import * as Redis from "./fixtures/redis.ts"
import * as Redis6 from "./fixtures/redis6.ts"

const connected = <A extends RedisClient.Ioredis & { readonly disconnect: () => void }>(connect: () => A) =>
  Effect.flatMap(
    Effect.acquireRelease(Effect.sync(connect), (client) => Effect.sync(() => client.disconnect())),
    (client) => RedisClient.fromIoredis(client, { timeout: "1 second" })
  )

const versions = {
  "ioredis 5": (url: string) => {
    const client = new Ioredis5.Redis(url, { maxRetriesPerRequest: null })
    return client.on("error", () => {})
  },
  "ioredis 6": (url: string) => {
    const client = new Ioredis.Redis(url, { maxRetriesPerRequest: null })
    return client.on("error", () => {})
  }
}

const keys = ["test:{a}:session", "test:{a}:lock"]

/** The script, once it gets through. */
const persistently = (client: Service, script: RedisClient.Script, args: ReadonlyArray<string> = []) =>
  Effect.retry(client.run(script, keys, args), { times: 50, schedule: Schedule.spaced("100 millis") })

describe("RedisClient", () => {
  for (const [name, connect] of Object.entries(versions)) {
    describe(name, () => {
      it.scopedLive("sends the text of a script when Redis does not have it, and its hash otherwise", () =>
        Effect.gen(function*() {
          const redis = yield* Redis.start()
          const client = yield* connected(() => connect(redis.url))
          const calls = Effect.map(
            redis.command("INFO", "commandstats"),
            (text) =>
              ["eval", "evalsha"].map((command) =>
                Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(text)?.[1] ?? 0)
              )
          )
          for (let n = 0; n < 3; n++) {
            assert.deepStrictEqual(yield* client.run(Scripts.read, keys, []), ["0", ""])
          }
          assert.deepStrictEqual(yield* calls, [1, 3])
          yield* redis.restart(0)
          assert.deepStrictEqual(yield* persistently(client, Scripts.read), ["0", ""])
          assert.strictEqual((yield* calls)[0], 1)
        }))

      it.scopedLive("is told what is published, also after Redis was away", () =>
        Effect.gen(function*() {
          const redis = yield* Redis.start()
          const client = yield* connected(() => connect(redis.url))
          const signals = yield* Queue.unbounded<RedisClient.Signal>()
          yield* Effect.forkScoped(
            Stream.runForEach(client.subscribe("news"), (signal) => Queue.offer(signals, signal))
          )
          const next = Queue.take(signals)
          const publish = redis.command("PUBLISH", "news", "canary")
          assert.strictEqual((yield* next)._tag, "Subscribed")
          yield* publish
          assert.deepStrictEqual(yield* next, { _tag: "Message", text: "canary" })
          yield* redis.restart(500)
          assert.strictEqual((yield* next)._tag, "Subscribed")
          yield* publish
          assert.deepStrictEqual(
            yield* Effect.repeat(next, { until: (signal) => signal._tag === "Message" }),
            { _tag: "Message", text: "canary" }
          )
        }))

      it.scopedLive("says that Redis does not answer, and that it refuses, without its words", () =>
        Effect.gen(function*() {
          const redis = yield* Redis.start()
          const client = yield* connected(() => connect(redis.url))
          yield* client.run(Scripts.read, keys, [])
          const hanging = yield* Effect.fork(redis.hang(1_500))
          const silent = yield* Effect.flip(client.run(Scripts.read, keys, []))
          assert.deepInclude({ ...silent }, { reason: "Unavailable", detail: "no answer within 1s" })
          yield* hanging.await
          yield* redis.command("SET", keys[0] ?? "", "canary-not-a-hash")
          const refused = yield* Effect.flip(
            persistently(client, { name: "wrong", lua: "return redis.call('HGET', KEYS[1], 'canary-word')" })
          )
          assert.strictEqual(refused.reason, "Refused")
          assert.match(refused.detail, /^the answer is [A-Z]+$/u)
          assert.notInclude(JSON.stringify(refused), "canary")
        }))

      it.scopedLive("is refused without the password, and accepted with it", () =>
        Effect.gen(function*() {
          const redis = yield* Redis.start("--requirepass", "canary-password", "--protected-mode", "no")
          const without = yield* connected(() => connect(redis.url))
          const error = yield* Effect.flip(without.run(Scripts.read, keys, []))
          assert.strictEqual(error.detail, "the answer is NOAUTH")
          const client = yield* connected(() => connect(redis.url.replace("//", "//:canary-password@")))
          assert.deepStrictEqual(yield* client.run(Scripts.read, keys, []), ["0", ""])
        }))

      describe("with a store over it", () => {
        keepsItsPromises(Effect.gen(function*() {
          const redis = yield* Redis.start()
          const client = yield* connected(() => connect(redis.url))
          return yield* Effect.provideService(RedisTokenStore.make({ key: "acme" }), RedisClient.RedisClient, client)
        }))
      })
    })
  }

  it.scopedLive("connects to the URL of a variable, and tells the others what it stores", () =>
    Effect.gen(function*() {
      const redis = yield* Redis.start()
      const layer = Layer.provide(
        RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") }),
        Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["REDIS_URL", redis.url]])))
      )
      const open = Effect.flatMap(Layer.build(Layer.fresh(layer)), (context) =>
        Effect.provide(RedisTokenStore.make({ key: "acme" }), context))
      const [first, second] = yield* Effect.all([open, open])
      const seen = yield* Queue.unbounded<string | undefined>()
      yield* Effect.forkScoped(Stream.runForEach(second.changes, ({ token }) =>
        Queue.offer(
          seen,
          Option.getOrUndefined(Option.map(token, ({ value }) =>
            Redacted.value(value)))
        )))
      assert.strictEqual(yield* Queue.take(seen), undefined)
      for (const value of ["canary-a", "canary-b"]) {
        yield* TokenStore.set(first, yield* Token.make({ value, lifetime: "1 hour" }))
        assert.strictEqual(yield* Queue.take(seen), value)
      }
    }))

  describe.skipIf(Option.isNone(Redis6.server))("with Redis 6", () => {
    keepsItsPromises(
      Effect.gen(function*() {
        const redis = yield* Effect.flatMap(Redis6.server, Redis.startProgram)
        assert.match(yield* redis.command("INFO", "server"), /redis_version:6\./u)
        const client = yield* connected(() => versions["ioredis 6"](redis.url))
        return yield* Effect.provideService(RedisTokenStore.make({ key: "acme" }), RedisClient.RedisClient, client)
      })
    )
  })

  it.scopedLive("stores on each node of a cluster of three", () =>
    Effect.gen(function*() {
      const nodes = yield* Redis.cluster
      const client = yield* connected(() =>
        new Ioredis.Cluster(nodes.map(({ port }) => ({ host: "127.0.0.1", port }))).on("error", () => {})
      )
      const storing = (key: string) =>
        Effect.gen(function*() {
          const store = yield* Effect.provideService(RedisTokenStore.make({ key }), RedisClient.RedisClient, client)
          yield* store.withLock(Effect.gen(function*() {
            const { generation } = yield* store.get
            assert.isTrue(
              yield* store.compareAndSet(generation, yield* Token.make({ value: "canary", lifetime: "1 hour" }))
            )
          }))
          assert.isTrue(Option.isSome((yield* store.get).token))
        })
      yield* Effect.forEach(Array.from({ length: 12 }, (_, n) => `session-${n}`), storing, { concurrency: "unbounded" })
      const sizes = yield* Effect.forEach(nodes, ({ command }) => command("DBSIZE"))
      assert.notInclude(sizes, ":0")
    }))

  it.scopedLive("goes on with the replica that Sentinel has put in the place of a server that died", () =>
    Effect.gen(function*() {
      const { master, replica, sentinel } = yield* Redis.watched
      const client = yield* connected(() =>
        new Ioredis.Redis({
          sentinels: [{ host: "127.0.0.1", port: sentinel.port }],
          name: "main",
          maxRetriesPerRequest: null
        }).on("error", () => {})
      )
      const store = yield* Effect.provideService(RedisTokenStore.make({ key: "acme" }), RedisClient.RedisClient, client)
      const storing = (value: string) =>
        store.withLock(Effect.gen(function*() {
          const { generation } = yield* store.get
          return yield* store.compareAndSet(generation, yield* Token.make({ value, lifetime: "1 hour" }))
        }))
      assert.isTrue(yield* storing("canary-a"))
      yield* master.kill
      assert.isTrue(yield* storing("canary-b"))
      assert.deepStrictEqual(
        Option.map((yield* store.get).token, ({ value }) => Redacted.value(value)),
        Option.some("canary-b")
      )
      assert.match(yield* replica.command("ROLE"), /master/u)
    }))

  it.scopedLive("does what the scripts in memory do, on random histories", () =>
    Effect.gen(function*() {
      const redis = yield* Redis.start()
      const client = yield* connected(() => versions["ioredis 6"](redis.url))
      const runtime = yield* Effect.runtime<never>()
      const generation = FastCheck.integer({ min: 0, max: 6 }).map(String)
      const text = FastCheck.constantFrom("", "a", "b")
      const owner = FastCheck.constantFrom("one", "two")
      const call = FastCheck.oneof(
        FastCheck.constant(["read"]),
        FastCheck.tuple(
          FastCheck.constant("acquire"),
          owner,
          FastCheck.constant("100000"),
          FastCheck.constantFrom("", "anyway"),
          FastCheck.constant("news"),
          FastCheck.constant("100000")
        ),
        FastCheck.tuple(FastCheck.constant("renew"), owner, FastCheck.constant("100000"), generation),
        FastCheck.tuple(FastCheck.constant("release"), owner, FastCheck.constant("news")),
        FastCheck.tuple(FastCheck.constant("put"), generation, generation, text, FastCheck.constant("news")),
        FastCheck.tuple(
          FastCheck.constant("restore"),
          generation,
          text,
          FastCheck.constant("news"),
          FastCheck.constant("100000"),
          FastCheck.constant("100000")
        ),
        FastCheck.tuple(
          FastCheck.constant("remove"),
          generation,
          generation,
          FastCheck.constant("news"),
          FastCheck.constant("100000")
        )
      )
      const timeless = (reply: unknown) => Array.isArray(reply) && reply[0] === "held" ? ["held"] : reply
      yield* Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(FastCheck.array(call, { maxLength: 30 }), (calls) =>
            Effect.gen(function*() {
              yield* redis.command("FLUSHALL")
              const sessions = new Map()
              const locks = new Map()
              for (const [name = "", ...args] of calls) {
                const script = Object.values(Scripts).find((script) => script.name === name) ?? Scripts.read
                const expected = inMemory[name]?.(
                  { sessions, locks, publish: () => {}, now: 0, key: keys[0] ?? "", lock: keys[1] ?? "" },
                  args
                )
                assert.deepStrictEqual(timeless(yield* client.run(script, keys, args)), timeless(expected))
              }
            }).pipe(Effect.provide(runtime), Effect.runPromise)),
          { numRuns: 300 }
        )
      )
    }))
})
