// Several simulated processes that share the quotas of one server through an exchange that can go away, in virtual time.
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"
import * as SharedRateLimiter from "../src/SharedRateLimiter.ts"

export interface ServerOptions {
  readonly kind: "sliding" | "fixed"
  readonly limit: number
  readonly window: number
  readonly concurrency?: number
  readonly latency?: (n: number) => number
}

export interface Server {
  readonly client: HttpClient.HttpClient
  readonly setLimit: (limit: number) => void
  /** Another consumer makes a call. */
  readonly spend: Effect.Effect<void>
  readonly served: Array<{ readonly at: number; readonly by: string }>
  readonly blocked: Array<number>
  /** When the quota was stated for the first time. */
  statedAt: number
}

/** Counts calls as they arrive, and states the IETF's fields. */
export const server = (options: ServerOptions): Server => {
  const { concurrency = Infinity, kind, latency = (n) => 5 + (n * 7) % 21, window } = options
  let limit = options.limit
  let counted: Array<number> = []
  let running = 0
  let n = 0
  const state: Server = {
    setLimit: (value) => {
      limit = value
    },
    spend: Effect.map(now, (at) => void (count(at) < limit && counted.push(at))),
    served: [],
    blocked: [],
    statedAt: Infinity,
    client: HttpClient.make((request) =>
      Effect.gen(function*() {
        const travel = latency(n++)
        yield* Effect.sleep(travel / 2)
        const at = yield* now
        const isBlocked = count(at) >= limit || running >= concurrency
        if (isBlocked) state.blocked.push(at)
        else {
          counted.push(at)
          running++
          state.served.push({ at, by: request.headers["x-process"] ?? "" })
        }
        const headers = isBlocked ? { ...statement(at), "retry-after": "1" } : statement(at)
        yield* Effect.ensuring(Effect.sleep(travel / 2), Effect.sync(() => void (isBlocked || running--)))
        state.statedAt = Math.min(state.statedAt, yield* now)
        return HttpClientResponse.fromWeb(request, new Response(null, { status: isBlocked ? 429 : 204, headers }))
      })
    )
  }
  const count = (at: number) => {
    counted = counted.filter((call) =>
      kind === "sliding" ? call + window > at : Math.floor(call / window) === Math.floor(at / window)
    )
    return counted.length
  }
  const statement = (at: number): Record<string, string> => {
    const remaining = limit - count(at)
    const reset = kind === "fixed" ? window - at % window : remaining > 0 ? 0 : (counted[0] ?? at) + window - at
    return {
      "ratelimit-policy": `"a";q=${limit};w=${window / 1000}`,
      ratelimit: `"a";r=${Math.max(0, remaining)};t=${Math.ceil(reset / 1000)}`,
      ...(Number.isFinite(concurrency) ? { "x-concurrency": String(concurrency) } : {})
    }
  }
  return state
}

const now = Clock.currentTimeMillis

export const policy = RateLimitPolicy.default.pipe(
  RateLimitPolicy.headers(
    RateLimitHeaders.standard.pipe(
      RateLimitHeaders.and(RateLimitHeaders.numbers({ concurrencyLimit: "x-concurrency" }))
    )
  ),
  RateLimitPolicy.maxWait("1 hour")
)

/** The policy, with what the server would state. */
export const knowing = ({ limit, window }: { readonly limit: number; readonly window: number }) =>
  RateLimitPolicy.initial(
    policy,
    RateLimitStatus.make({ quotas: [{ name: "a", limit, window: Duration.millis(window) }] })
  )

/** An exchange in memory as several processes reach it: each report takes a while, and may fail. */
export interface Reach {
  readonly exchange: SharedRateLimiter.Exchange
  readonly reports: () => number
  readonly setAway: (isAway: boolean) => void
}

export const reach = (exchange: SharedRateLimiter.Exchange, trip = 1): Reach => {
  let reports = 0
  let isAway = false
  return {
    setAway: (value) => {
      isAway = value
    },
    reports: () => reports,
    exchange: {
      news: exchange.news,
      report: (key, report) =>
        Effect.gen(function*() {
          reports++
          yield* Effect.sleep(trip)
          if (isAway) return yield* Effect.fail("away")
          const reply = yield* exchange.report(key, report)
          yield* Effect.sleep(trip)
          return isAway ? yield* Effect.fail("away") : reply
        })
    }
  }
}

export interface Process {
  readonly kill: Effect.Effect<void>
  readonly done: Effect.Effect<void>
  failures: number
}

/** A process of so many fibers that makes so many calls, each as soon as it may. */
export const start = (
  server: Server,
  exchange: SharedRateLimiter.Exchange | undefined,
  { calls, fibers = 16, name, pause = 0, ...options }: {
    readonly name: string
    readonly calls: number
    readonly fibers?: number
    readonly pause?: number
    readonly whenAway?: SharedRateLimiter.WhenAway | undefined
    readonly lease?: SharedRateLimiter.Options["lease"]
    readonly policy?: RateLimitPolicy.RateLimitPolicy
  }
): Effect.Effect<Process> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const isCut = { value: false }
    const limiter = exchange === undefined ? yield* RateLimiter.make(policy) : yield* Scope.extend(
      SharedRateLimiter.make(options.policy ?? policy, {
        lease: options.lease,
        whenAway: options.whenAway,
        exchange: {
          news: exchange.news,
          report: (key, report) => isCut.value ? Effect.never : exchange.report(key, report)
        }
      }),
      scope
    )
    const http = server.client.pipe(
      HttpClient.mapRequest(HttpClientRequest.prependUrl("https://api.example")),
      HttpClient.mapRequest(HttpClientRequest.setHeader("x-process", name)),
      RateLimiter.withRateLimiter(limiter)
    )
    const state = { failures: 0 }
    const fiber = yield* Effect.forEach(
      Array.from({ length: calls }),
      () =>
        http.get("/things").pipe(
          Effect.filterOrFail(({ status }) => status === 204),
          Effect.catchAll(() => Effect.sync(() => void state.failures++)),
          Effect.zipRight(pause > 0 ? Effect.sleep(pause) : Effect.void)
        ),
      { concurrency: fibers, discard: true }
    ).pipe(Effect.forkDaemon)
    return {
      get failures() {
        return state.failures
      },
      done: Effect.zipRight(Fiber.join(fiber), Scope.close(scope, Exit.void)),
      kill: Effect.suspend(() => {
        isCut.value = true
        return Effect.zipRight(Fiber.interrupt(fiber), Effect.forkDaemon(Scope.close(scope, Exit.void)))
      })
    }
  })

/** In virtual time, without a log. */
export const run = <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Logger.withMinimumLogLevel(self, LogLevel.None).pipe(
    Effect.withRandom(Random.make("shared quota")),
    VirtualClock.runFrom("2026-01-01T00:00:00.321Z")
  )

/** How many calls were served in a span of time, by process. */
export const servedBy = (server: Server, from: number, to: number): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { at, by } of server.served) if (at >= from && at < to) counts[by] = (counts[by] ?? 0) + 1
  return counts
}
