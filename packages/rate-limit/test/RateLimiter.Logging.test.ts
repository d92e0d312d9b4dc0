import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"

const limit = 60
const minute = 60_000
const latency = 20

/** Answers by a function of the time in milliseconds, with the fields of the IETF's draft 6. */
const server = (
  answer: (now: number) => { readonly admitted: boolean; readonly left: number; readonly reset: number }
) =>
  HttpClient.make((request) =>
    Effect.gen(function*() {
      const { admitted, left, reset } = answer(yield* Clock.currentTimeMillis)
      yield* Effect.sleep(latency)
      const headers = {
        "ratelimit-limit": String(limit),
        "ratelimit-remaining": String(left),
        "ratelimit-reset": String(Math.ceil(reset / 1000))
      }
      return HttpClientResponse.fromWeb(request, new Response("", { status: admitted ? 200 : 429, headers }))
    })
  )

/** One call each second. It begins empty, as it is after the first minute, so that one minute shows what every later one does. */
const tokenBucket = Effect.sync(() => {
  const state = MutableRef.make({ tokens: 1, at: 0 })
  return server((now) => {
    const before = MutableRef.get(state)
    const tokens = Math.min(limit, before.tokens + (now - before.at) * limit / minute)
    const admitted = tokens >= 1
    const after = admitted ? tokens - 1 : tokens
    MutableRef.set(state, { tokens: after, at: now })
    return { admitted, left: Math.floor(after), reset: Math.max(0, (1 - after) * minute / limit) }
  })
})

/** 60 calls in each minute of the clock. */
const fixedWindow = Effect.sync(() => {
  const state = MutableRef.make({ window: 0, used: 0 })
  return server((now) => {
    const window = Math.floor(now / minute)
    const before = MutableRef.get(state)
    const used = before.window === window ? before.used : 0
    const admitted = used < limit
    MutableRef.set(state, { window, used: admitted ? used + 1 : used })
    return { admitted, left: Math.max(0, limit - used - 1), reset: (window + 1) * minute - now }
  })
})

interface Line {
  readonly at: number
  readonly level: string
  readonly isWait: boolean
}

const minutes = 1

const jittered = RateLimitPolicy.default.pipe(
  RateLimitPolicy.waiting(RateLimitPolicy.asStated.pipe(Schedule.jittered)),
  RateLimitPolicy.maxWait("5 minutes")
)

/** What is logged of ten calls a second, minute by minute. */
const logged = (transport: HttpClient.HttpClient, policy: RateLimitPolicy.RateLimitPolicy) =>
  Effect.gen(function*() {
    const lines = yield* Ref.make<ReadonlyArray<Line>>([])
    const logger = Logger.make(({ date, logLevel, message }) =>
      Effect.runSync(Ref.update(lines, (lines) => [...lines, {
        at: date.getTime(),
        level: logLevel.label,
        isWait: String(message).includes("because the quota is used up")
      }]))
    )
    const http = transport.pipe(RateLimiter.withRateLimiter(yield* RateLimiter.make(policy)))
    const call = Effect.forkScoped(Effect.ignore(http.get("https://api.example/a")))
    const calls = Effect.repeatN(Effect.zipRight(call, Effect.sleep("100 millis")), minutes * minute / 100 - 1)
    yield* VirtualClock.run(Effect.scoped(calls)).pipe(
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger))
    )
    const all = yield* Ref.get(lines)
    return Array.from({ length: minutes }, (_, i) => {
      const during = all.filter(({ at }) => Math.floor(at / minute) === i)
      const count = (level: string, isWait: boolean) =>
        during.filter((line) => line.level === level && line.isWait === isWait).length
      return {
        warnings: count("WARN", false),
        longWaits: count("WARN", true),
        shortWaits: count("DEBUG", true),
        all: during.length
      }
    })
  })

describe("RateLimiter", () => {
  describe("ten calls a second against 60 a minute", () => {
    it.effect.each([
      // each second wait is just over a second long
      { name: "a token bucket and waits with jitter", server: tokenBucket, policy: jittered },
      { name: "a fixed window", server: fixedWindow, policy: RateLimitPolicy.default }
    ])(
      "warn at most once a minute, and of at most one long wait: $name",
      ({ policy, server }) =>
        Effect.gen(function*() {
          const byMinute = yield* Effect.flatMap(server, (transport) => logged(transport, policy))
          for (const { all, longWaits, shortWaits, warnings } of byMinute) {
            assert.isAtMost(warnings, 1)
            assert.isAtMost(longWaits, 1)
            // a line for each call that is admitted one by one
            assert.isAtMost(shortWaits, limit)
            assert.strictEqual(all, warnings + longWaits + shortWaits)
          }
          assert.isAtLeast(byMinute[0]?.warnings ?? 0, 1)
        })
    )
  })
})
