/** Quotas: for any client, for an authenticated one, and shared by two. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitEvent from "@effect-auth/rate-limit/RateLimitEvent"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { HttpClient } from "@effect/platform"
import { Duration, Effect, Layer, Redacted, Stream } from "effect"
import { deepStrictEqual } from "node:assert"

// #region plain
const policy = RateLimitPolicy.default.pipe(
  RateLimitPolicy.headers(RateLimitHeaders.github),
  RateLimitPolicy.key(RateLimitPolicy.byOrigin),
  RateLimitPolicy.maxWait("10 minutes")
)

const repositories = (names: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const limiter = yield* RateLimiter.make(policy)
    const http = (yield* HttpClient.HttpClient).pipe(RateLimiter.withRateLimiter(limiter))
    return yield* Effect.forEach(names, (name) => http.get(`https://api.github.com/repos/${name}`), {
      concurrency: "unbounded"
    })
  })
// #endregion

// #region client
const Limited = Layer.unwrapEffect(Effect.map(RateLimiter.make(policy), (rateLimiter) =>
  Yamcs.layerPassword({
    baseUrl: "https://yamcs.example",
    credential: { username: "operator", password: Redacted.make("canary-password-yamcs") },
    rateLimiter
  })))
// #endregion

// #region shared
const credential = { username: "canary-username-qualys", password: Redacted.make("canary-password-qualys") }

const both = Effect.gen(function*() {
  const rateLimiter = yield* RateLimiter.make(QualysQuota.policy.pipe(RateLimitPolicy.maxWait("1 minute")))
  const api = yield* Qualys.make({ credential: { _tag: "Basic", ...credential }, rateLimiter })
  const gateway = yield* Qualys.make({ credential: { _tag: "Jwt", ...credential }, rateLimiter })
  return { api, gateway, rateLimiter }
})
// #endregion

// #region see
const waits = (limiter: RateLimiter.RateLimiter) =>
  limiter.events.pipe(
    Stream.filter((event) => event._tag === "WaitingUntil"),
    Stream.runForEach((event) => tell(RateLimitEvent.format(event)))
  )

const tell = (text: string) => Effect.annotateCurrentSpan("quota", text) // your dashboard

const report = (limiter: RateLimiter.RateLimiter) =>
  Effect.map(
    limiter.snapshot,
    (snapshot) => snapshot.map(({ blockedFor, key, quotas, waiting }) => ({ key, quotas, waiting, blockedFor }))
  )
// #endregion

// #region fail
const scans = (api: AuthenticatedHttpClient.Service) =>
  api.get("/api/2.0/fo/scan/?action=list").pipe(
    Effect.map(({ status }) => `answered ${status}`),
    Effect.catchTag("RateLimited", ({ retryAfter }) => Effect.succeed(`again in ${Duration.format(retryAfter)}`))
  )
// #endregion

export const test = Effect.gen(function*() {
  const github = ScriptedHttpClient.make([
    { status: 429, headers: { "retry-after": "60" } },
    { status: 200 },
    { status: 200 }
  ])
  yield* Effect.provideService(repositories(["a/b", "c/d"]), HttpClient.HttpClient, github)
  const { api, rateLimiter } = yield* both
  deepStrictEqual(yield* scans(api), "answered 200")
  yield* Effect.forkScoped(waits(rateLimiter))
  deepStrictEqual((yield* report(rateLimiter)).length, 1)
  const user = yield* Effect.provide(Yamcs.user, Layer.provide(Limited, FakeYamcs.layer()))
  deepStrictEqual(user.name, "operator")
  const server = yield* FakeQualys.FakeQualys
  yield* server.spend("/api/2.0/fo/scan/", 300)
  deepStrictEqual(yield* scans(api), "again in 1h")
}).pipe(Effect.scoped, Effect.provide(FakeQualys.layer()), VirtualClock.run)
