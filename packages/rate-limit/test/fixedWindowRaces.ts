// 200 requests at once against a fixed window of 50 per second, or a share of both.
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import * as FixedWindow from "./fixedWindow.ts"

const headers = RateLimitHeaders.xRateLimit({ resetUnit: "epochSeconds" }).pipe(
  RateLimitHeaders.and(RateLimitHeaders.retryAfter)
)

const atOnce = RateLimitPolicy.default.pipe(RateLimitPolicy.headers(headers))

const probing = RateLimitPolicy.probe(atOnce, true)

const latencies = [() => 5, (n: number) => 1 + (n * 7) % 19]

/** Declares the tests, with tenths of the requests and of the quota. */
export const declareTests = (tenths: number): void => {
  const calls = 20 * tenths
  const limit = 5 * tenths

  /** Another consumer takes two fifths at the beginning of each second, or one after another. */
  const takenAtOnce = Array.from({ length: 2 * tenths }, () => 0)
  const takenOneByOne = Array.from({ length: 2 * tenths }, (_, i) => i * 300 / tenths)

  /** All calls at once, with each kind of latency: how many failed, and what the server saw. */
  const races = (policy: RateLimitPolicy.RateLimitPolicy, options: Pick<FixedWindow.Options, "headers" | "others">) =>
    Effect.forEach(latencies, (latency) =>
      Effect.gen(function*() {
        const server = yield* FixedWindow.make({ ...options, limit, latency })
        const http = server.client.pipe(RateLimiter.withRateLimiter(yield* RateLimiter.make(policy)))
        const results = yield* VirtualClock.run(
          Effect.forEach(Array.from({ length: calls }), () => Effect.either(http.get("https://api.example/a")), {
            concurrency: "unbounded"
          })
        )
        const failed = results.filter((result) => result._tag === "Left" || result.right.status !== 200).length
        const ideal = (Math.ceil(calls / (limit - options.others.length)) - 1) * 1000
        const stats = yield* server.stats
        return { ...stats, failed, overIdeal: stats.finished / ideal }
      })).pipe(Logger.withMinimumLogLevel(LogLevel.None))

  describe("RateLimiter", () => {
    describe(`${calls} requests at once against a fixed window of ${limit} per second`, () => {
      it.effect("are never blocked after a probe and lose no time, although the server does not state the window", () =>
        Effect.gen(function*() {
          const runs = yield* races(probing, { headers: FixedWindow.statedHeaders, others: [] })
          for (const { blocked, failed, overIdeal } of runs) {
            assert.deepStrictEqual({ blocked, failed }, { blocked: 0, failed: 0 })
            assert.isAtMost(overIdeal, 1.03)
          }
        }))

      it.effect("are blocked only in the first burst without a probe", () =>
        Effect.gen(function*() {
          const runs = yield* races(atOnce, { headers: FixedWindow.statedHeaders, others: [] })
          for (const { blocked, blockedKnowingly, failed, overIdeal } of runs) {
            assert.deepStrictEqual({ blocked, blockedKnowingly, failed }, {
              blocked: calls - limit,
              blockedKnowingly: 0,
              failed: 0
            })
            assert.isAtMost(overIdeal, 1.03)
          }
        }))

      it.effect("leave to another consumer what it takes", () =>
        Effect.gen(function*() {
          const runs = yield* races(probing, { headers: FixedWindow.statedHeaders, others: takenAtOnce })
          for (const { blocked, failed, overIdeal } of runs) {
            assert.deepStrictEqual({ blocked, failed }, { blocked: 0, failed: 0 })
            assert.isAtMost(overIdeal, 1.05)
          }
        }))

      it.effect("run into few blocks when another consumer takes what the server stated as left", () =>
        Effect.gen(function*() {
          const runs = yield* races(probing, { headers: FixedWindow.statedHeaders, others: takenOneByOne })
          for (const { blocked, failed } of runs) {
            assert.isAtMost(blocked, 20)
            assert.strictEqual(failed, 0)
          }
        }))

      it.effect("find out step by step what the server states only by blocking", () =>
        Effect.gen(function*() {
          const alone = yield* races(probing, { headers: FixedWindow.unstatedHeaders, others: [] })
          const shared = yield* races(probing, { headers: FixedWindow.unstatedHeaders, others: takenAtOnce })
          for (const { blocked, failed, overIdeal } of [...alone, ...shared]) {
            // 150 and 250 of 100, if all requests return at once; fewer than 20 where what arrives at one instant is learned
            // from before the next request is sent, which is up to the scheduler of the fibers
            assert.isAtMost(blocked, 0.6 * calls)
            assert.strictEqual(failed, 0)
            assert.isAtMost(overIdeal, 1.1)
          }
        }))
    })
  })
}
