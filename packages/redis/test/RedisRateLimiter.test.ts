import { CurrentRateLimiter } from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Simulated from "../../rate-limit/test/sharedQuota.ts"
import * as QuotaExchange from "../src/internal/quotaExchange.ts"
import { RedisClient } from "../src/RedisClient.ts"
import * as RedisRateLimiter from "../src/RedisRateLimiter.ts"
import * as MemoryRedis from "./memoryRedis.ts"

/** Three processes, each with a connection of its own, while something happens to Redis. */
const together = (
  calls: number,
  meanwhile: (
    redis: MemoryRedis.MemoryRedis,
    connections: ReadonlyArray<MemoryRedis.Connection>
  ) => Effect.Effect<unknown>
) =>
  Effect.gen(function*() {
    const redis = MemoryRedis.make({ reconnects: { step: 137, within: 500 } })
    const server = Simulated.server({ kind: "sliding", limit: 18, window: 1000 })
    const connections = ["a", "b", "c"].map(() => redis.connect())
    const processes = yield* Effect.forEach(connections, ({ client }, n) =>
      Simulated.start(server, QuotaExchange.make(client, "effect-auth:acme"), { name: `p${n}`, calls }))
    yield* Effect.fork(meanwhile(redis, connections))
    yield* Effect.forEach(processes, ({ done }) =>
      done, { concurrency: "unbounded" })
    return {
      redis,
      served: server.served.length,
      blocked: server.blocked.filter((at) => at > server.statedAt).length,
      failures: processes.reduce((sum, { failures }) => sum + failures, 0)
    }
  }).pipe(Simulated.run)

const nothingLost = (calls: number) => ({ served: 3 * calls, blocked: 0, failures: 0 })

describe("RedisRateLimiter", () => {
  it.live("keeps processes together, with one key for each that the policy tells apart", () =>
    Effect.gen(function*() {
      const { redis, ...outcome } = yield* together(30, () => Effect.void)
      assert.deepStrictEqual(outcome, nothingLost(30))
      assert.deepStrictEqual([...redis.quotas.keys()], ["effect-auth:acme:{https://api.example/things}:quota"])
      assert.isAtMost(redis.ran.length, 0.5 * outcome.served)
    }))

  it.live("keeps them together when Redis comes back empty, and when answers are lost", () =>
    Effect.gen(function*() {
      const { redis: _, ...outcome } = yield* together(60, (redis, [first]) =>
        Effect.gen(function*() {
          yield* Effect.sleep(2_000)
          yield* redis.stop
          yield* redis.empty
          yield* Effect.sleep(700)
          yield* redis.start
          yield* Effect.sleep(3_000)
          yield* first?.loseAnswers(3) ?? Effect.void
        }))
      assert.deepStrictEqual(outcome, nothingLost(60))
    }))

  it.live("keeps them together when Redis is away for longer than a lease", () =>
    Effect.gen(function*() {
      const { redis: _, ...outcome } = yield* together(60, (redis) =>
        Effect.sleep(2_000).pipe(
          Effect.zipRight(redis.stop),
          Effect.zipRight(Effect.sleep(5_000)),
          Effect.zipRight(redis.start)
        ))
      assert.deepStrictEqual(outcome, nothingLost(60))
    }))

  it.live("takes what it cannot read for no answer", () =>
    Effect.gen(function*() {
      const client = { run: () => Effect.succeed("{}"), subscribe: () => Stream.never }
      const server = Simulated.server({ kind: "sliding", limit: 18, window: 1000 })
      const process = yield* Simulated.start(server, QuotaExchange.make(client, "effect-auth:acme"), {
        name: "a",
        calls: 10,
        whenAway: "local"
      })
      yield* process.done
      assert.strictEqual(server.served.length, 10)
    }).pipe(Simulated.run))

  const unreachable = Layer.succeed(RedisClient, { run: () => Effect.never, subscribe: () => Stream.never })

  const refused: ReadonlyArray<[string, RedisRateLimiter.Options]> = [
    ["lease", { key: "acme", lease: "400 millis" }],
    ["lease", { key: "acme", lease: Duration.infinity }],
    ["key", { key: "" }],
    ["key", { key: "{acme}" }],
    ["prefix", { key: "acme", prefix: "" }]
  ]
  for (const [n, [setting, options]] of refused.entries()) {
    it.scoped(`refuses a ${setting} that is none (${n})`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RedisRateLimiter.make(RateLimitPolicy.default, options))
        assert.strictEqual(error.setting, setting)
      }).pipe(Effect.provide(unreachable)))
  }

  it.effect("has its options from Config", () =>
    Effect.gen(function*() {
      const limited = RedisRateLimiter.layerConfig(RateLimitPolicy.default, { key: Config.string("ACCOUNT") }).pipe(
        Layer.provide(unreachable)
      )
      const limiter = yield* Effect.provide(CurrentRateLimiter, limited).pipe(
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["ACCOUNT", "acme"]])))
      )
      assert.deepStrictEqual(yield* limiter.snapshot, [])
    }))
})
