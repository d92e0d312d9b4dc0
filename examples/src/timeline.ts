/**
 * The picture of the README: a quarter of an hour of two programs, in virtual time. One reads from Yamcs with tokens for
 * five minutes, which the server once revokes; the other starts scans at Qualys, twelve in five minutes at most.
 *
 *     tsx examples/src/timeline.ts > timeline.svg
 */
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as AuthTimeline from "@effect-auth/testing/AuthTimeline"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import { runMain } from "./runMain.ts"

const secret = (value: string) => Redacted.make(value)

const telemetry = Effect.gen(function*() {
  const server = yield* FakeYamcs.make({ tokenLifetime: "5 minutes" })
  const layer = Yamcs.layerPassword({
    baseUrl: "https://yamcs.example",
    credential: { username: FakeYamcs.canaries.username, password: secret(FakeYamcs.canaries.password) }
  })
  yield* Effect.gen(function*() {
    const http = yield* Yamcs.Client
    const read = Effect.zipRight(http.get("/api/user"), Effect.sleep("20 seconds"))
    yield* Effect.repeatN(read, 22)
    yield* server.revokeAll
    yield* Effect.repeatN(read, 22)
  }).pipe(Effect.provide(layer), Effect.provideService(HttpClient.HttpClient, server.httpClient))
})

const scans = Effect.gen(function*() {
  const server = yield* FakeQualys.make({ limit: 12, window: "5 minutes" })
  const layer = Qualys.layerBasic({
    platform: "qg1",
    credential: {
      username: FakeQualys.canaries.username,
      password: secret(FakeQualys.canaries.password)
    },
    rateLimiter: QualysQuota.policy.pipe(
      RateLimitPolicy.warnBelow([0.75, 0.5, 0.25, 1]),
      RateLimitPolicy.warnEvery("0 seconds")
    )
  })
  yield* Effect.gen(function*() {
    const http = yield* Qualys.Client
    const start = http.get("/api/2.0/fo/scan/?action=list")
    yield* Effect.repeatN(Effect.zipRight(start, Effect.sleep("12 seconds")), 39)
  }).pipe(Effect.provide(layer), Effect.provideService(HttpClient.HttpClient, server.httpClient))
})

const picture = Effect.gen(function*() {
  const timeline = yield* AuthTimeline.AuthTimeline
  yield* Effect.all([telemetry, scans], { concurrency: "unbounded" })
  return AuthTimeline.svg(yield* timeline.events, { title: "Tokens of one API, the quota of another" })
}).pipe(
  Effect.provide(Layer.provideMerge(AuthTimeline.layer, AuthEvent.layer)),
  VirtualClock.run,
  // backoffs and early renewals vary: here they do so in the same way each time
  Effect.withRandom(Random.make("timeline"))
)

runMain(Effect.flatMap(picture, (svg) => Console.log(svg.trimEnd())).pipe(Logger.withMinimumLogLevel(LogLevel.None)))
