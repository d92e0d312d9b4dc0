import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Qualys from "../src/Qualys.ts"
import * as QualysQuota from "../src/QualysQuota.ts"
import * as QualysRateLimit from "../src/QualysRateLimit.ts"

const options = {
  platform: "qg2",
  credential: {
    username: FakeQualys.canaries.username,
    password: Redacted.make(FakeQualys.canaries.password)
  }
} as const

const tagged = { ...options, credential: { _tag: "Basic", ...options.credential } } as const

const on = (options?: FakeQualys.Options) => <A, E, R>(mode: Layer.Layer<A, E, R>) =>
  mode.pipe(Layer.provideMerge(FakeQualys.layer(options)), Layer.provideMerge(AuthEvent.layer))

const get = (url: string) => Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get(url))

const launch = Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) =>
  http.execute(
    HttpClientRequest.post("/api/2.0/fo/scan/").pipe(HttpClientRequest.bodyUrlParams({ action: "launch" }))
  ))

/** A test under a clock that runs ahead to the next thing that happens. */
const itVirtually = <A, E>(name: string, test: () => Effect.Effect<A, E, Scope.Scope>) =>
  it.scopedLive(name, () => Logger.withMinimumLogLevel(VirtualClock.run(test()), LogLevel.None), 60_000)

/** What was said of quotas since the last time. */
const heard = Effect.gen(function*() {
  const events = yield* AuthEvent.subscribe
  return Effect.map(
    Queue.takeAll(events),
    (events) =>
      Chunk.toReadonlyArray(events).flatMap((event) =>
        event._tag === "ApproachingLimit"
          ? [`${event.remaining} left`]
          : event._tag === "WaitingUntil"
          ? [`waiting until ${DateTime.toEpochMillis(event.until) / 1000}`]
          : []
      )
  )
})

describe("Qualys, quotas", () => {
  const assets = "/rest/2.0/count/am/asset"

  itVirtually(
    "warns of the last calls, sleeps, renews the JWT that has expired meanwhile, and sends each call once",
    () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        const said = yield* heard
        yield* fake.spend(assets, 1)
        const almost = 5 * 3600 - 51
        yield* Effect.sleep(`${almost} seconds`)

        const statuses = yield* Effect.replicateEffect(Effect.map(get(assets), ({ status }) => status), 4)
        assert.deepStrictEqual(statuses, [200, 200, 200, 200])
        assert.deepStrictEqual(yield* said, ["3 left", "2 left", "1 left"])

        const fifth = yield* Effect.fork(get(assets))
        yield* Effect.sleep("50999 millis")
        assert.strictEqual((yield* Fiber.poll(fifth))._tag, "None")
        assert.strictEqual((yield* Fiber.join(fifth)).status, 200)
        assert.strictEqual(yield* Clock.currentTimeMillis, 5 * 3_600_000)
        assert.deepStrictEqual(yield* said, [`waiting until ${5 * 3600}`])
        assert.deepInclude(yield* fake.stats, { logins: 1 })

        assert.strictEqual((yield* get(assets)).status, 200)
        assert.strictEqual(yield* Clock.currentTimeMillis, (almost + 5 * 3600) * 1000)
        assert.deepInclude(yield* said, `waiting until ${almost + 5 * 3600}`)
        assert.deepInclude(yield* fake.stats, { requests: 6, logins: 2, refused: 0, blocked: 0 })
        assert.deepStrictEqual((yield* fake.stats).executed, { [`GET ${assets}`]: 6 })
      }).pipe(Effect.provide(on({ limit: 5, window: "5 hours" })(Qualys.layerJwt(options))))
  )

  itVirtually(
    "waits for the window when the gateway does not say how long, and no longer than it",
    () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        const statuses = yield* Effect.replicateEffect(Effect.map(get(assets), ({ status }) => status), 6)
        assert.deepStrictEqual(statuses, [200, 200, 200, 200, 200, 200])
        assert.strictEqual(yield* Clock.currentTimeMillis, 100_000)
        assert.deepInclude(yield* fake.stats, { requests: 6, blocked: 0, refused: 0 })
      }).pipe(Effect.provide(on({ limit: 5, window: "100 seconds", gatewayToWait: false })(Qualys.layerJwt(options))))
  )

  itVirtually(
    "sends logins and sessions at once, however spent the quota of calls, and with no probe",
    () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        const limiter = yield* RateLimiter.make(QualysQuota.policy)
        const paths = ["/auth", "/auth/oidc", "/auth/oauth", "/api/2.0/fo/session/"]
        yield* Effect.forEach(paths, (path) => fake.spend(path, 1000))
        const said = yield* heard
        yield* Effect.forEach(paths, (path) =>
          Effect.replicateEffect(
            limiter.run(
              HttpClientRequest.post(`https://host.example${path}`),
              (_) =>
                Effect.delay(fake.httpClient.execute(HttpClientRequest.post(`https://host.example${path}`)), "1 second")
            ),
            10,
            { concurrency: "unbounded" }
          ))
        // ten at once for each path, so no one waited for another's answer
        assert.strictEqual(yield* Clock.currentTimeMillis, 4000)
        assert.deepStrictEqual(yield* said, [])
        assert.deepStrictEqual(yield* limiter.snapshot, [])
      }).pipe(Effect.provide(on()(Layer.empty)))
  )

  itVirtually("hands on a launch that used up the quota, and does not send it again", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      const response = yield* launch
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers["x-ratelimit-remaining"], "0")
      assert.include(yield* response.text, "launched")
      yield* Effect.sleep("2 hours")
      assert.deepStrictEqual((yield* fake.stats).executed, { "POST /api/2.0/fo/scan/": 1 })
    }).pipe(Effect.provide(on({ limit: 1 })(Qualys.layerBasic(options)))))

  itVirtually("waits out a block that it could not foresee, and launches once", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      yield* fake.spend("/api/2.0/fo/scan/", 300)
      assert.strictEqual((yield* launch).status, 200)
      assert.strictEqual(yield* Clock.currentTimeMillis, 3_600_000)
      const stats = yield* fake.stats
      assert.strictEqual(stats.blocked, 1)
      assert.deepStrictEqual(stats.executed, { "POST /api/2.0/fo/scan/": 1 })
    }).pipe(Effect.provide(on()(Qualys.layerBasic(options)))))

  itVirtually("waits until a call of somebody else has finished", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      const other = yield* Qualys.make(tagged)
      const theirs = yield* Effect.fork(other.get("/api/2.0/fo/asset/host/"))
      yield* Effect.sleep("1 second")
      assert.strictEqual((yield* get("/api/2.0/fo/asset/host/")).status, 200)
      assert.strictEqual((yield* Fiber.join(theirs)).status, 200)
      const stats = yield* fake.stats
      assert.deepStrictEqual(stats.executed, { "GET /api/2.0/fo/asset/host/": 2 })
      assert.isAtLeast(stats.blocked, 1)
    }).pipe(
      Effect.provide(
        on({ concurrency: 1, callLatency: "20 seconds", bareConcurrencyBlocks: true })(Qualys.layerBasic(options))
      )
    ))

  for (
    const [what, answer] of [
      ["an incomplete registration", FakeQualys.registrationIncomplete],
      ["a required SecureID", FakeQualys.secureIdRequired]
    ] as const
  ) {
    itVirtually(`hands on a 409 for ${what}, with its body still to be read`, () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        yield* fake.answerNext(answer)
        const response = yield* launch
        assert.strictEqual(response.status, 409)
        assert.include(yield* response.text, "<SIMPLE_RETURN>")
        assert.deepInclude(yield* fake.stats, { requests: 1, executed: {} })
      }).pipe(Effect.provide(on()(Qualys.layerBasic(options)))))
  }

  itVirtually("counts each endpoint by itself", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      yield* get("/api/2.0/fo/scan/?action=list")
      yield* get("/api/2.0/fo/report/?action=list")
      assert.deepInclude(yield* fake.stats, { requests: 2, blocked: 0 })
    }).pipe(Effect.provide(on({ limit: 1 })(Qualys.layerBasic(options)))))

  itVirtually(
    "logs in when the quota of calls is spent, and sleeps as short as it is told",
    () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        yield* get(assets)
        yield* fake.revokeAll
        const error = yield* Effect.flip(get(assets))
        assert.strictEqual(error._tag, "RateLimited")
        assert.include(error.message, "try again in 1h")
        assert.deepInclude(yield* fake.stats, { requests: 1, logins: 1 })
      }).pipe(
        Effect.provide(
          on({ limit: 1 })(
            Qualys.layerJwt({ ...options, rateLimiter: QualysQuota.policy.pipe(RateLimitPolicy.maxWait("1 minute")) })
          )
        )
      )
  )

  itVirtually("tells what it has learned without a call", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      const limiter = yield* RateLimiter.make(QualysQuota.policy)
      const http = yield* Qualys.make({ ...tagged, rateLimiter: limiter })
      yield* http.get("/api/2.0/fo/scan/?action=list")
      const [snapshot, ...others] = yield* limiter.snapshot
      assert.deepStrictEqual(others, [])
      assert.deepInclude(snapshot, {
        key: "https://qualysapi.qg2.apps.qualys.com/api/2.0/fo/scan/",
        concurrency: 2,
        inFlight: 0,
        blockedFor: Duration.zero
      })
      assert.deepInclude(snapshot?.quotas[0], { limit: 300, remaining: 299 })
      assert.deepInclude(yield* fake.stats, { requests: 1 })
    }).pipe(Effect.provide(FakeQualys.layer())))
})

describe("QualysRateLimit.get", () => {
  for (const concurrencyHeaders of ["dashed", "joined"] as const) {
    it.effect(`asks with one call, and reads the ${concurrencyHeaders} spelling`, () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* QualysRateLimit.get, {
          "X-RateLimit-Limit": 300,
          "X-Concurrency-Limit-Limit": 2,
          "X-RateLimit-Window-Sec": 3600,
          "X-RateLimit-Remaining": 299,
          "X-RateLimit-ToWait-Sec": 0
        })
        const stats = yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.stats)
        assert.deepStrictEqual(stats.executed, { "GET /msp/about.php": 1 })
      }).pipe(Effect.provide(on({ concurrencyHeaders })(Qualys.layerJwt(options)))))
  }

  for (
    const [name, layer] of [
      ["Basic", Qualys.layerBasic(options)],
      ["Session", Qualys.layerSession(options)],
      ["Jwt", Qualys.layerJwt(options)]
    ] as const
  ) {
    it.effect(`getRateLimit has exactly the two keys of the Python client, in mode ${name}, by one call and no login`, () => {
      const mode: Layer.Layer<Qualys.Account, unknown, HttpClient.HttpClient> = layer
      return Effect.gen(function*() {
        const quota = yield* QualysRateLimit.getRateLimit
        assert.strictEqual(JSON.stringify(quota), "{\"X-RateLimit-Limit\":300,\"X-Concurrency-Limit-Limit\":2}")
        const stats = yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.stats)
        assert.deepInclude(stats, { requests: 1, logins: 0 })
      }).pipe(Effect.provide(on()(mode)))
    })
  }

  it.effect("fails when the answer states no quota", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.answerNext({ status: 200 }))
      const error = yield* Effect.flip(QualysRateLimit.get)
      assert.strictEqual(error._tag === "ResponseError" ? error.reason : error._tag, "Decode")
    }).pipe(Effect.provide(on()(Qualys.layerBasic(options)))))
})

describe("Qualys, many calls", () => {
  itVirtually(
    "64 fibers send 1,000 calls in no more than 1.05 of the time that the quota takes, and no block",
    () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        const responses = yield* Effect.replicateEffect(get("/api/2.0/fo/asset/host/?action=list"), 1000, {
          concurrency: 64
        })
        assert.isTrue(responses.every(({ status }) => status === 200))
        assert.deepInclude(yield* fake.stats, { requests: 1000, blocked: 0 })
        assert.deepStrictEqual((yield* fake.stats).maxInFlight, { "/api/2.0/fo/asset/host/": 2 })
        // three windows that are waited out, then 100 calls of 2 s, two at once
        const ideal = 3 * 3_600_000 + 100_000
        assert.isAtMost(yield* Clock.currentTimeMillis, 1.05 * ideal)
      }).pipe(Effect.provide(on({ callLatency: "2 seconds" })(Qualys.layerBasic(options))))
  )
})
