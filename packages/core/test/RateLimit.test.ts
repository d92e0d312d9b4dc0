import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/Credential"
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as SlidingWindow from "./slidingWindow.ts"
import * as VirtualTime from "./virtualTime.ts"

const credential = new Credential.Bearer({ token: Redacted.make("canary-token") })

const clientOf = (transport: HttpClient.HttpClient, limits: RateLimit.Limits | RateLimit.Governor) =>
  AuthenticatedHttpClient.make(Authenticator.bearer(credential), { baseUrl: "https://api.example", limits }).pipe(
    Effect.provideService(HttpClient.HttpClient, transport)
  )

const qualysLike = RateLimitDialect.numbers({
  limit: "x-ratelimit-limit",
  window: "x-ratelimit-window-sec",
  remaining: "x-ratelimit-remaining",
  reset: "x-ratelimit-towait-sec",
  concurrencyLimit: "x-concurrency-limit-limit",
  running: "x-concurrency-limit-running"
})

const scenarios: ReadonlyArray<{
  readonly name: string
  readonly server: SlidingWindow.Options
  readonly limits: RateLimit.Limits
  readonly requests: number
  /** The least time that the server's quotas allow, in milliseconds. */
  readonly ideal: number
}> = [
  {
    name: "50 per second",
    server: {
      windows: [{ limit: 50, window: 1000 }],
      latency: (n) => 5 + (n * 7) % 21,
      headers: SlidingWindow.ietfHeaders
    },
    limits: RateLimit.default,
    requests: 1000,
    ideal: 19_000
  },
  {
    name: "300 per hour, two at once",
    server: {
      windows: [{ limit: 300, window: 3_600_000 }],
      concurrency: 2,
      latency: (n) => 1000 + (n * 313) % 2000,
      headers: SlidingWindow.numberHeaders
    },
    limits: RateLimit.default.pipe(RateLimit.withDialect(qualysLike)),
    requests: 1000,
    // the last 100 calls, two at once, 2 s each on the average
    ideal: 3 * 3_600_000 + 100_000
  },
  {
    name: "a burst of 100 per minute, 1,000 per day",
    server: {
      windows: [{ limit: 100, window: 60_000 }, { limit: 1000, window: 86_400_000 }],
      latency: (n) => 20 + (n * 13) % 100,
      headers: SlidingWindow.ietfHeaders
    },
    limits: RateLimit.default,
    requests: 1050,
    ideal: 86_400_000
  }
]

describe("RateLimit, against sliding windows", () => {
  for (const { ideal, limits, name, requests, server: options } of scenarios) {
    it.effect(`64 fibers keep just below ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* SlidingWindow.make(options)
        const http = yield* clientOf(
          server.client,
          limits.pipe(RateLimit.probe(true), RateLimit.sleeping(RateLimit.sleep))
        )
        const statuses = yield* VirtualTime.run(
          Effect.forEach(Array.from({ length: requests }, (_, n) => n), (n) => http.get(`/calls?n=${n}`), {
            concurrency: 64
          })
        )
        const finished = yield* Effect.map(server.stats, ({ answered }) => Math.max(...answered))
        const stats = yield* server.stats
        assert.strictEqual(stats.blocked.length, 0)
        assert.strictEqual(Object.keys(stats.executed).length, requests)
        assert.isTrue(Object.values(stats.executed).every((times) => times === 1))
        assert.isTrue(statuses.every(({ status }) => status === 200))
        assert.isAtMost(stats.mostRunning, options.concurrency ?? Infinity)
        assert.isAtMost(finished, 1.05 * ideal)
      }).pipe(Effect.provide(AuthEvent.layer)), 60_000)
  }
})
