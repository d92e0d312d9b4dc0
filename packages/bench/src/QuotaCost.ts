/**
 * What keeping to a quota adds to a request that is admitted at once, beside others that keep to one: each over the same
 * requests by the same library without it.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Transport from "@effect-auth/core/Transport"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { Octokit } from "@octokit/core"
import { throttling } from "@octokit/plugin-throttling"
import Bottleneck from "bottleneck"
import * as Effect from "effect/Effect"
import * as EffectRateLimiter from "effect/RateLimiter"
import type * as Scope from "effect/Scope"
import { Effect as Effect4 } from "effect4"
import { HttpClient as HttpClient4, HttpClientResponse as HttpClientResponse4 } from "effect4/http"
import { RateLimiter as RateLimiter4 } from "effect4/persistence"
import pThrottle from "p-throttle"
import type { Run, Sample } from "./Measure.ts"
import { interleave, paired, spread, warmUp } from "./Measure.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"
import { answer, asOfNode, markedTransport, origin, secret, stubFetch, url } from "./stub.ts"

const rounds = 80
const operations = 400
/** Never reached. */
const limit = 1_000_000_000

interface Contestant {
  readonly name: string
  readonly bare: Run
  readonly limited: Run
}

const headers = { ratelimit: "\"a\";r=999999;t=60", "ratelimit-policy": "\"a\";q=1000000;w=60" }
const stated = asOfNode(new Response(null, { headers }))

const stating = Transport.withoutRedirects(HttpClient.makeWith<never, never, never, never>(
  Effect.map((request) => HttpClientResponse.fromWeb(request, stated)),
  Effect.succeed
))

const ours = (name: string, transport: HttpClient.HttpClient): Effect.Effect<Contestant, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const tokens = yield* TokenSource.make({ login: Token.make({ value: secret, lifetime: "1 hour" }) })
    const authenticator = Authenticator.bearer(tokens)
    const bare = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: origin })
    const limited = yield* AuthenticatedHttpClient.make(authenticator, {
      baseUrl: origin,
      rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default)
    })
    return { name, bare: onEffect(() => bare.get(url)), limited: onEffect(() => limited.get(url)) }
  }).pipe(Effect.provideService(HttpClient.HttpClient, transport))

const platform = Effect.map(
  EffectRateLimiter.make({ limit, interval: "1 minute", algorithm: "fixed-window" }),
  (withLimit): Contestant => {
    const limited = HttpClient.transformResponse(markedTransport, withLimit)
    return {
      name: "Effect, RateLimiter",
      bare: onEffect(() => markedTransport.get(url)),
      limited: onEffect(() => limited.get(url))
    }
  }
)

const effect4 = async (): Promise<Contestant> => {
  const client = HttpClient4.make((request) => Effect4.succeed(HttpClientResponse4.fromWeb(request, answer)))
  const limiter = await Effect4.runPromise(
    RateLimiter4.make.pipe(Effect4.provide(RateLimiter4.layerStoreMemory))
  )
  const limited = HttpClient4.withRateLimiter(client, { limiter, limit, window: "1 minute", key: "all" })
  const requests = <E>(client: HttpClient4.HttpClient.With<E>): Run => (operations) =>
    Effect4.runPromise(Effect4.forEach(Array.from({ length: operations }), () => client.get(url), { discard: true }))
  return { name: "Effect 4, withRateLimiter", bare: requests(client), limited: requests(limited) }
}

const octokit = (): Contestant => {
  const options = { request: { fetch: stubFetch }, baseUrl: origin }
  const bare = new Octokit(options)
  const limited = new (Octokit.plugin(throttling))({
    ...options,
    throttle: { onRateLimit: () => true, onSecondaryRateLimit: () => true }
  })
  return {
    name: "@octokit/plugin-throttling",
    bare: onPromises(() => bare.request("GET /things/1")),
    limited: onPromises(() => limited.request("GET /things/1"))
  }
}

const bottleneck = (): Contestant => {
  const limiter = new Bottleneck({
    reservoir: limit,
    reservoirRefreshAmount: limit,
    reservoirRefreshInterval: 60_000
  })
  return {
    name: "bottleneck",
    bare: onPromises(stubFetch),
    limited: onPromises(() => limiter.schedule(stubFetch))
  }
}

const throttle = (): Contestant => {
  const throttled = pThrottle({ limit, interval: 60_000 })(stubFetch)
  return { name: "p-throttle", bare: onPromises(stubFetch), limited: onPromises(throttled) }
}

function onEffect(request: () => Effect.Effect<unknown, unknown>): Run {
  return (operations) =>
    Effect.runPromise(Effect.forEach(Array.from({ length: operations }), request, { discard: true }))
}

/** A hundred at a time: most of them wait for a timer, which would hold up one after another. */
function onPromises(request: () => Promise<unknown>): Run {
  return async (operations) => {
    for (let done = 0; done < operations; done += 100) await Promise.all(Array.from({ length: 100 }, request))
  }
}

const measure = async (contestants: ReadonlyArray<Contestant>): Promise<Result> => {
  const runs = contestants.flatMap(({ bare, limited, name }): ReadonlyArray<readonly [string, Run]> => [
    [`${name} / bare`, bare],
    [`${name} / limited`, limited]
  ])
  await warmUp(runs, 1000)
  const samples = await interleave(runs, { rounds, millis: 0, operations })
  const of = (name: string, run: string): ReadonlyArray<Sample> => samples[`${name} / ${run}`] ?? []
  const added = (name: string) =>
    paired(of(name, "limited"), of(name, "bare"), (limited, bare) => limited.cpu - bare.cpu)
  const peers = contestants.filter(({ name }) => !name.startsWith("effect-auth"))
  const fastest = Math.min(...peers.map(({ name }) => added(name).median))
  return {
    title: "nanoseconds that a quota adds to a request which it admits at once",
    columns: ["who keeps to it", "added CPU ns (quartiles)", "without it"],
    rows: contestants.map(({ name }): ReadonlyArray<Cell> => [
      name,
      added(name),
      spread(of(name, "bare").map(({ cpu }) => cpu)).median
    ]),
    goals: [
      atMost(
        "a quota that nobody states, over the fastest of the others",
        added(unstatedName).median / fastest,
        0.25,
        counting
      ),
      atMost(
        "one that each answer states, over the fastest of the others",
        added(statedName).median / fastest,
        0.25,
        counting
      )
    ],
    notes: [
      `${rounds} rounds of ${operations} requests. CPU, because most of the others wait for a timer.`,
      "Of the others only @octokit/plugin-throttling and Effect 4 look at answers, and neither keeps a quota of its server: " +
      "the first sends again what was blocked, the second takes the limit it is told and corrects it."
    ]
  }
}

const counting =
  "The fastest counts calls and looks at no answer, so it knows no quota but the one that it was given. A limiter " +
  "that reads answers, gives back what an interrupted request held and is shared by keys cannot be as fast as a counter."

const unstatedName = "effect-auth"
const statedName = "effect-auth, each answer states its quota"

export const run: Effect.Effect<Result, unknown> = Effect.scoped(Effect.gen(function*() {
  const contestants = [
    yield* ours(unstatedName, markedTransport),
    yield* ours(statedName, stating),
    yield* platform,
    yield* Effect.promise(effect4),
    octokit(),
    bottleneck(),
    throttle()
  ]
  return yield* Effect.promise(() => measure(contestants))
}))
