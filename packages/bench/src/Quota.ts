/**
 * More calls than a quota admits, all made at once: how many are sent in vain, how many fail in the end, and how long it
 * takes over the shortest time in which the quota admits them.
 */
import {
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  defaultRetryPolicy
} from "@azure/core-rest-pipeline"
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as Limiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Octokit } from "@octokit/core"
import { throttling } from "@octokit/plugin-throttling"
import Bottleneck from "bottleneck"
import { chunksOf } from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as RateLimiter from "effect/RateLimiter"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import ky from "ky"
import { createFetch } from "ofetch"
import type { Spread } from "./Measure.ts"
import { spread } from "./Measure.ts"
import { nextWindow, QuotaServer } from "./QuotaServer.ts"
import type { Cell, Goal, Result } from "./Report.ts"
import { atMost, exactly } from "./Report.ts"
import { origin, secret, url } from "./stub.ts"

const calls = 200
const perSecond = 50
const retries = 10

interface Contestant {
  readonly name: string
  /** How often it is measured: those that a goal looks at more than once. */
  readonly rounds: number
  /** Makes all calls and gives the number of those that failed in the end. */
  readonly run: (server: QuotaServer) => Promise<number>
}

interface Outcome {
  readonly quota: "alone" | "shared"
  readonly name: string
  readonly blocked: number
  readonly blockedKnowingly: number
  readonly failed: number
  readonly overIdeal: Spread
}

const onEffect = (
  name: string,
  make: (transport: HttpClient.HttpClient) => Effect.Effect<HttpClient.HttpClient.With<unknown>, unknown, Scope.Scope>
): Contestant => ({
  name,
  rounds: 1,
  run: (server) => {
    const transport = HttpClient.make((request) =>
      Effect.map(Effect.promise(server.fetch), (response) => HttpClientResponse.fromWeb(request, response))
    )
    let failed = 0
    const call = (client: HttpClient.HttpClient.With<unknown>) =>
      Effect.match(client.get(url), {
        onFailure: () => {
          failed++
        },
        onSuccess: ({ status }) => {
          if (status !== 200) failed++
        }
      })
    return Effect.runPromise(Effect.scoped(
      make(transport).pipe(
        Effect.flatMap((client) =>
          Effect.forEach(Array.from({ length: calls }), () => call(client), { concurrency: "unbounded", discard: true })
        ),
        Effect.map(() => failed),
        Logger.withMinimumLogLevel(LogLevel.None)
      )
    ))
  }
})

const onPromises = (name: string, make: (server: QuotaServer) => () => Promise<unknown>): Contestant => ({
  name,
  rounds: 1,
  run: async (server) => {
    const call = make(server)
    const settled = await Promise.allSettled(Array.from({ length: calls }, call))
    return settled.filter(({ status }) => status === "rejected").length
  }
})

const retryAfter = (response: { readonly headers: Headers } | undefined): number =>
  Number(response?.headers.get("retry-after") ?? 1) * 1000

const ours = (name: string, policy: RateLimitPolicy.RateLimitPolicy): Contestant => ({
  ...onEffect(name, (transport) =>
    Effect.gen(function*() {
      const credential = yield* Credential.bearer({ token: Redacted.make(secret) })
      return yield* AuthenticatedHttpClient.make(Authenticator.bearer(credential), {
        baseUrl: origin,
        rateLimiter: yield* Limiter.make(policy)
      })
    }).pipe(Effect.provideService(HttpClient.HttpClient, transport))),
  rounds: 3
})

const atOnce = "effect-auth"

const probing = "effect-auth, first request alone"

/** What a reset means is never guessed: an application says which fields its server sends. */
const policy = RateLimitPolicy.default.pipe(
  RateLimitPolicy.headers(
    RateLimitHeaders.xRateLimit({ resetUnit: "epochSeconds" }).pipe(RateLimitHeaders.and(RateLimitHeaders.retryAfter))
  )
)

const contestants: ReadonlyArray<Contestant> = [
  ours(atOnce, policy),
  ours(probing, policy.pipe(RateLimitPolicy.probe(true))),
  ours("effect-auth, Retry-After only", RateLimitPolicy.default),
  ours("effect-auth, Retry-After only, first request alone", RateLimitPolicy.default.pipe(RateLimitPolicy.probe(true))),
  onEffect("Effect, retryTransient", (transport) =>
    Effect.succeed(HttpClient.retryTransient(transport, {
      mode: "both",
      schedule: Schedule.exponential("100 millis"),
      times: retries
    }))),
  onEffect("Effect, by hand: Schedule over Retry-After", (transport) =>
    Effect.succeed(HttpClient.transformResponse(
      transport,
      Effect.repeat({
        while: (response) => response.status === 429,
        schedule: Schedule.identity<HttpClientResponse.HttpClientResponse>().pipe(
          Schedule.addDelay((response) => Duration.seconds(Number(response.headers["retry-after"] ?? 1))),
          Schedule.intersect(Schedule.recurs(retries)),
          Schedule.map(([response]) => response)
        )
      })
    ))),
  onEffect("Effect, RateLimiter set to the quota", (transport) =>
    Effect.map(
      RateLimiter.make({ limit: perSecond, interval: "1 seconds", algorithm: "fixed-window" }),
      (limit) => HttpClient.transformResponse(transport, limit)
    )),
  onPromises("@octokit/plugin-throttling", ({ fetch }) => {
    const client = new (Octokit.plugin(throttling))({
      baseUrl: origin,
      request: { fetch },
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      throttle: { id: `bench-${serial++}`, onRateLimit: () => true, onSecondaryRateLimit: () => true }
    })
    return () => client.request("GET /things/1")
  }),
  onPromises("bottleneck set to the quota, retrying", ({ fetch }) => {
    const limiter = new Bottleneck({
      reservoir: perSecond,
      reservoirRefreshAmount: perSecond,
      reservoirRefreshInterval: 1000
    })
    limiter.on("failed", (error: Blocked, { retryCount }) => retryCount < retries ? error.delay : undefined)
    return () =>
      limiter.schedule(async () => {
        const response = await fetch()
        if (response.status === 429) throw new Blocked(retryAfter(response))
      })
  }),
  onPromises("@azure/core-rest-pipeline defaultRetryPolicy", ({ fetch }) => {
    const pipeline = createEmptyPipeline()
    pipeline.addPolicy(defaultRetryPolicy({ maxRetries: retries }))
    const transport = {
      sendRequest: async (request: ReturnType<typeof createPipelineRequest>) => {
        const { headers, status } = await fetch()
        return { request, status, headers: createHttpHeaders(Object.fromEntries(headers)) }
      }
    }
    return async () => {
      const { status } = await pipeline.sendRequest(transport, createPipelineRequest({ url }))
      if (status !== 200) throw new Error(String(status))
    }
  }),
  onPromises("ky, ten retries", ({ fetch }) => {
    const client = ky.create({ fetch, retry: { limit: retries, statusCodes: [429] } })
    return () => client.get(url)
  }),
  onPromises("ofetch, ten retries", ({ fetch }) => {
    const client = createFetch({ fetch })
    return () =>
      client(url, { retry: retries, retryStatusCodes: [429], retryDelay: ({ response }) => retryAfter(response) })
  })
]

class Blocked extends Error {
  readonly delay: number
  constructor(delay: number) {
    super("blocked")
    this.delay = delay
  }
}

let serial = 0

const ignore = (): void => {}

const race = async (contestant: Contestant, takenByOthers: number): Promise<Round> => {
  const server = new QuotaServer({ perSecond, takenByOthers, latency: 5 })
  const window = await nextWindow()
  const begun = Date.now()
  const failed = await contestant.run(server)
  const elapsed = Date.now() - begun
  // the last window that is needed begins so long after the first call
  const ideal = window + (Math.ceil(calls / (perSecond - takenByOthers)) - 1) * 1000 - begun
  return {
    blocked: server.blocked,
    blockedKnowingly: server.blockedKnowingly,
    failed,
    overIdeal: elapsed / ideal
  }
}

interface Round {
  readonly blocked: number
  readonly blockedKnowingly: number
  readonly failed: number
  readonly overIdeal: number
}

/** The worst of the rounds, and the spread of their times. */
const outcomeOf = (quota: Outcome["quota"], name: string, rounds: ReadonlyArray<Round>): Outcome => ({
  quota,
  name,
  blocked: Math.max(...rounds.map(({ blocked }) => blocked)),
  blockedKnowingly: Math.max(...rounds.map(({ blockedKnowingly }) => blockedKnowingly)),
  failed: Math.max(...rounds.map(({ failed }) => failed)),
  overIdeal: spread(rounds.map(({ overIdeal }) => overIdeal))
})

/**
 * What a goal looks at runs by itself: the burst of another, and the work of discarding what it is answered, would hold up
 * its timers. The others wait more than they work, so a few run at a time.
 */
const groups: ReadonlyArray<ReadonlyArray<Contestant>> = [
  ...contestants.filter(({ rounds }) => rounds > 1).map((contestant) => [contestant]),
  ...chunksOf(contestants.filter(({ rounds }) => rounds === 1), 3)
]

const measure = async (): Promise<Result> => {
  const outcomes: Array<Outcome> = []
  for (const takenByOthers of [0, 20]) {
    for (const group of groups) {
      const measured = await Promise.all(group.map(async (contestant) => {
        const rounds: Array<Round> = []
        while (rounds.length < contestant.rounds) rounds.push(await race(contestant, takenByOthers))
        return outcomeOf(takenByOthers === 0 ? "alone" : "shared", contestant.name, rounds)
      }))
      for (const outcome of measured) outcomes.push(outcome)
    }
  }
  return {
    title: `${calls} calls at once against a quota of ${perSecond} per second`,
    columns: ["quota", "client", "blocked", "of them knowingly", "failed", "time over ideal (quartiles)"],
    rows: outcomes.map((
      { blocked, blockedKnowingly, failed, name, overIdeal, quota }
    ): ReadonlyArray<Cell> => [quota, name, blocked, blockedKnowingly, failed, overIdeal]),
    goals: outcomes.flatMap(goals),
    notes: [
      "Knowingly: sent when an answer had already stated the quota. Ideal: each window of a second used up at once.",
      "`shared`: another consumer takes 20 at the beginning of each second, so that 30 are left.",
      "Retry-After only: the policy does not read the server's X-RateLimit fields, so that nothing states the quota.",
      "A burst into a quota that nobody knows is blocked once; for fewer blocks than that the first request goes alone.",
      "effect-auth three times, the others once; of blocked and failed the worst round.",
      "got is left out: its transport cannot be replaced."
    ]
  }
}

const goals = ({ blocked, blockedKnowingly, failed, name, overIdeal, quota }: Outcome): ReadonlyArray<Goal> => {
  if (name !== atOnce && name !== probing) return []
  const who = `${name}, quota ${quota}`
  return [
    quota === "alone"
      ? exactly(`${who}: blocked after the quota was stated`, blockedKnowingly, 0)
      : name === probing
      ? atMost(`${who}: blocked`, blocked, 20)
      : atMost(`${who}: blocked after the quota was stated`, blockedKnowingly, 20),
    exactly(`${who}: failed`, failed, 0),
    atMost(`${who}: time over ideal`, overIdeal.median, quota === "alone" ? 1.03 : 1.05)
  ]
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
