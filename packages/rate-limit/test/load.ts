// What a limiter is put under: as a sample in the unit tests, and whole in the stress tests.
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import * as SlidingWindow from "./slidingWindow.ts"

const policy = RateLimitPolicy.default

const numberHeaders = RateLimitHeaders.numbers({
  limit: "x-ratelimit-limit",
  window: "x-ratelimit-window-sec",
  remaining: "x-ratelimit-remaining",
  reset: "x-ratelimit-towait-sec",
  concurrencyLimit: "x-concurrency-limit-limit",
  running: "x-concurrency-limit-running"
})

const limitedBy = (server: HttpClient.HttpClient, limiter: RateLimiter.RateLimiter) =>
  server.pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl("https://api.example")),
    RateLimiter.withRateLimiter(limiter)
  )

/** Requests of 64 fibers against a server with sliding windows. */
export interface Scenario {
  readonly name: string
  readonly server: SlidingWindow.Options
  readonly policy: RateLimitPolicy.RateLimitPolicy
  readonly requests: number
  /** The least time that the server's quotas allow, in milliseconds. */
  readonly ideal: number
}

/** Tenths of what the stress tests run: of the quotas, of the requests, and of long windows. */
export const slidingWindows = (tenths: number): ReadonlyArray<Scenario> => [
  {
    name: `${5 * tenths} per second`,
    server: {
      windows: [{ limit: 5 * tenths, window: 1000 }],
      latency: (n) => 5 + (n * 7) % 21,
      headers: SlidingWindow.ietfHeaders
    },
    policy,
    requests: 100 * tenths,
    ideal: 19_000
  },
  {
    name: `${30 * tenths} in ${6 * tenths} minutes, two at once`,
    server: {
      windows: [{ limit: 30 * tenths, window: 360_000 * tenths }],
      concurrency: 2,
      latency: (n) => 1000 + (n * 313) % 2000,
      headers: SlidingWindow.numberHeaders
    },
    policy: policy.pipe(RateLimitPolicy.headers(numberHeaders)),
    requests: 100 * tenths,
    // the last calls, a tenth of all, two at once, 2 s each on average
    ideal: (3 * 360_000 + 10_000) * tenths
  },
  {
    name: `a burst of ${10 * tenths} per minute, ${100 * tenths} in ${day(tenths) / 60_000} minutes`,
    server: {
      windows: [{ limit: 10 * tenths, window: 60_000 }, { limit: 100 * tenths, window: day(tenths) }],
      latency: (n) => 20 + (n * 13) % 100,
      headers: SlidingWindow.ietfHeaders
    },
    policy,
    requests: 105 * tenths,
    ideal: day(tenths)
  }
]

/** A day for ten tenths, and much less for one: who waits for a day looks at the clock three thousand times. */
const day = (tenths: number): number => 864_000 * tenths ** 2

/** Each request is served once, none is blocked, and little time is lost. */
export const keepsJustBelow = ({ ideal, policy, requests, server: options }: Scenario): Effect.Effect<void> =>
  Effect.gen(function*() {
    const server = yield* SlidingWindow.make(options)
    const limiter = yield* RateLimiter.make(
      policy.pipe(RateLimitPolicy.probe(true), RateLimitPolicy.maxWait(Duration.infinity))
    )
    const http = limitedBy(server.client, limiter)
    const statuses = yield* VirtualClock.run(
      Effect.forEach(Array.from({ length: requests }, (_, n) => n), (n) => http.get(`/calls?n=${n}`), {
        concurrency: 64
      })
    )
    const stats = yield* server.stats
    assert.strictEqual(stats.blocked.length, 0)
    assert.lengthOf(Chunk.toReadonlyArray(stats.executed), requests)
    assert.strictEqual(new Set(stats.executed).size, requests)
    assert.isTrue(statuses.every(({ status }) => status === 200))
    assert.isAtMost(stats.mostRunning, options.concurrency ?? Infinity)
    assert.isAtMost(Math.max(...stats.answered), 1.05 * ideal)
  }).pipe(Effect.orDie, Logger.withMinimumLogLevel(LogLevel.None))

/** When a request begins, and after how long its caller interrupts it. */
interface Interruptible {
  readonly begins: number
  readonly lives: number | null
}

/** However requests are interrupted, no slot is lost and none starves. */
export const survivesInterruptions = (options: FastCheck.Parameters<[Array<Interruptible>]>): Promise<void> =>
  FastCheck.assert(
    FastCheck.asyncProperty(
      FastCheck.array(
        FastCheck.record({
          begins: FastCheck.integer({ min: 0, max: 3000 }),
          lives: FastCheck.option(FastCheck.integer({ min: 0, max: 3000 }))
        }),
        { minLength: 1, maxLength: 24 }
      ),
      (requests) => Effect.runPromise(interrupted(requests))
    ),
    {
      // three are abandoned before the first response, so nobody knows that the quota is used up
      examples: [[[
        { begins: 0, lives: 0 },
        { begins: 0, lives: 1 },
        { begins: 1, lives: null },
        { begins: 0, lives: 2 }
      ]]],
      ...options
    }
  )

const interrupted = (requests: ReadonlyArray<Interruptible>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const server = yield* SlidingWindow.make({
      windows: [{ limit: 3, window: 1000 }],
      concurrency: 2,
      latency: (n) => 50 + (n * 37) % 200,
      headers: SlidingWindow.numberHeaders
    })
    const limiter = yield* RateLimiter.make(
      policy.pipe(RateLimitPolicy.headers(numberHeaders), RateLimitPolicy.probe(true))
    )
    const http = limitedBy(server.client, limiter)
    const exits = yield* VirtualClock.run(Effect.forEach(
      requests,
      ({ begins, lives }) =>
        Effect.gen(function*() {
          yield* Effect.sleep(begins)
          const fiber = yield* Effect.fork(http.get("/a"))
          if (lives !== null) yield* Effect.zipRight(Effect.sleep(lives), Fiber.interrupt(fiber))
          return yield* Fiber.await(fiber)
        }),
      { concurrency: "unbounded" }
    ))
    requests.forEach(({ lives }, i) => {
      const exit = exits[i] ?? assert.fail("missing")
      if (Exit.isFailure(exit)) assert.isTrue(lives !== null && Cause.isInterruptedOnly(exit.cause))
    })
    const [snapshot] = yield* limiter.snapshot
    assert.deepInclude(snapshot, { inFlight: 0, waiting: 0 })
    const { answered, blocked, mostRunning } = yield* server.stats
    assert.isAtMost(mostRunning, 2)
    // calls that were abandoned before any response came may have used the quota up
    const stated = Math.min(...answered, ...blocked)
    assert.lengthOf(blocked.filter((at) => at > stated), 0)
    // an interruption may cost the window of a call that was in flight, and no more
    const last = Math.max(0, ...answered)
    assert.isAtMost(last, 3000 + 1500 * Math.ceil(requests.length / 3))
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))
