import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/Credential"
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as FixedWindow from "./fixedWindow.ts"
import * as VirtualTime from "./virtualTime.ts"

const credential = new Credential.Bearer({ token: Redacted.make("canary-token") })

const calls = 200

const dialect = RateLimitDialect.xRateLimit({ resetUnit: "epochSeconds" }).pipe(
  RateLimitDialect.and(RateLimitDialect.retryAfter)
)

const atOnce = RateLimit.default.pipe(RateLimit.withDialect(dialect))

const probing = RateLimit.probe(atOnce, true)

const latencies = [() => 5, (n: number) => 1 + (n * 7) % 19]

/** 30 of 50 calls a second are left, or whatever is left of them by and by. */
const takenAtOnce = Array.from({ length: 20 }, () => 0)
const takenOneByOne = Array.from({ length: 20 }, (_, i) => i * 30)

/** All calls at once, with each kind of latencies: how many failed, and what the server saw. */
const races = (limits: RateLimit.Limits, options: Pick<FixedWindow.Options, "headers" | "others">) =>
  Effect.forEach(latencies, (latency) =>
    Effect.gen(function*() {
      const server = yield* FixedWindow.make({ ...options, limit: 50, latency })
      const http = yield* AuthenticatedHttpClient.make(Authenticator.bearer(credential), {
        baseUrl: "https://api.example",
        limits
      }).pipe(Effect.provideService(HttpClient.HttpClient, server.client))
      const results = yield* VirtualTime.run(
        Effect.forEach(Array.from({ length: calls }), () => Effect.either(http.get("/a")), { concurrency: "unbounded" })
      )
      const failed = results.filter((result) => result._tag === "Left" || result.right.status !== 200).length
      const ideal = (Math.ceil(calls / (50 - options.others.length)) - 1) * 1000
      const stats = yield* server.stats
      return { ...stats, failed, overIdeal: stats.finished / ideal }
    })).pipe(Effect.provide(AuthEvent.layer), Logger.withMinimumLogLevel(LogLevel.None))

describe("RateLimit, 200 calls at once against a fixed window of 50 per second", () => {
  it.effect("that is stated without its length are never blocked after a probe, and lose no time", () =>
    Effect.gen(function*() {
      const runs = yield* races(probing, { headers: FixedWindow.statedHeaders, others: [] })
      for (const { blocked, failed, overIdeal } of runs) {
        assert.deepStrictEqual({ blocked, failed }, { blocked: 0, failed: 0 })
        assert.isAtMost(overIdeal, 1.03)
      }
    }))

  it.effect("are blocked by the first burst only when they do not probe", () =>
    Effect.gen(function*() {
      const runs = yield* races(atOnce, { headers: FixedWindow.statedHeaders, others: [] })
      for (const { blocked, blockedKnowingly, failed, overIdeal } of runs) {
        assert.deepStrictEqual({ blocked, blockedKnowingly, failed }, { blocked: 150, blockedKnowingly: 0, failed: 0 })
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

  it.effect("run into few blocks when another consumer takes what was stated to be left", () =>
    Effect.gen(function*() {
      const runs = yield* races(probing, { headers: FixedWindow.statedHeaders, others: takenOneByOne })
      for (const { blocked, failed } of runs) {
        assert.isAtMost(blocked, 20)
        assert.strictEqual(failed, 0)
      }
    }))

  it.effect("find out by and by what is never stated but by a block", () =>
    Effect.gen(function*() {
      const alone = yield* races(probing, { headers: FixedWindow.unstatedHeaders, others: [] })
      const shared = yield* races(probing, { headers: FixedWindow.unstatedHeaders, others: takenAtOnce })
      for (const { blocked, failed, overIdeal } of [...alone, ...shared]) {
        // of 300 and 500 when everybody comes back at once
        assert.isAtMost(blocked, 60)
        assert.strictEqual(failed, 0)
        assert.isAtMost(overIdeal, 1.1)
      }
    }))
})
