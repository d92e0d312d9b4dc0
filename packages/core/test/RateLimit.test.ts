import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/Credential"
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import * as RateLimitSignal from "@effect-auth/core/RateLimitSignal"
import * as ReplayPolicy from "@effect-auth/core/ReplayPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as SlidingWindow from "./slidingWindow.ts"
import * as VirtualTime from "./virtualTime.ts"

const credential = new Credential.Bearer({ token: Redacted.make("canary-token") })

const clientOf = (
  transport: HttpClient.HttpClient,
  limits: RateLimit.Limits | RateLimit.Governor,
  authenticator: Authenticator.Authenticator = Authenticator.bearer(credential)
) =>
  AuthenticatedHttpClient.make(authenticator, { baseUrl: "https://api.example", limits }).pipe(
    Effect.provideService(HttpClient.HttpClient, transport)
  )

interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string
  /** Milliseconds until the answer comes. */
  readonly after?: number
}

/** A transport that answers by the script, its last answer again and again, and remembers what was sent when. */
const scripted = (...script: ReadonlyArray<Answer>) =>
  Effect.gen(function*() {
    const sent = yield* Ref.make<ReadonlyArray<{ readonly at: number; readonly line: string; readonly proof: string }>>(
      []
    )
    const client = HttpClient.make((request, url) =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        const line = `${request.method} ${url.pathname}${url.search}`
        const proof = request.headers["authorization"] ?? ""
        const n = yield* Ref.modify(sent, (sent) => [sent.length, [...sent, { at, line, proof }]])
        const answer = script[Math.min(n, script.length - 1)] ?? {}
        if (answer.after !== undefined) yield* Effect.sleep(answer.after)
        return HttpClientResponse.fromWeb(
          request,
          new Response(answer.body ?? "", { status: answer.status ?? 200, headers: answer.headers ?? {} })
        )
      })
    )
    return { client, sent: Ref.get(sent), times: Effect.map(Ref.get(sent), (sent) => sent.map(({ at }) => at)) }
  })

const left = (remaining: number, reset = 60, limit = 20) => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(reset)
})

const blockedFor = (seconds: number): Answer => ({ status: 429, headers: { "retry-after": String(seconds) } })

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
        assert.lengthOf(Chunk.toReadonlyArray(stats.executed), requests)
        assert.strictEqual(new Set(stats.executed).size, requests)
        assert.isTrue(statuses.every(({ status }) => status === 200))
        assert.isAtMost(stats.mostRunning, options.concurrency ?? Infinity)
        assert.isAtMost(finished, 1.05 * ideal)
      }).pipe(Effect.provide(AuthEvent.layer)), 60_000)
  }
})

describe("RateLimit, a success", () => {
  it.effect("is returned when it used up the quota; the next call waits", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(0) }, { headers: left(19) })
      const http = yield* clientOf(server.client, RateLimit.default)
      assert.strictEqual((yield* http.get("/a")).status, 200)
      const second = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* server.times, [0])
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(second)).status, 200)
      assert.deepStrictEqual(yield* server.times, [0, 60_000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("of one endpoint is not held up by the quota of another", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(0) })
      const http = yield* clientOf(server.client, RateLimit.default)
      yield* http.get("/a?page=1")
      yield* http.get("/b")
      yield* http.post("/c")
      assert.deepStrictEqual(yield* server.times, [0, 0, 0])
    }).pipe(Effect.provide(AuthEvent.layer)))
})

describe("RateLimit, a block", () => {
  it.effect("is waited out, and the request sent again, a POST too", () =>
    Effect.gen(function*() {
      const server = yield* scripted(blockedFor(7), {})
      const http = yield* clientOf(server.client, RateLimit.default)
      const fiber = yield* Effect.fork(http.post("/a", { body: HttpBody.text("once") }))
      yield* TestClock.adjust("7 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      assert.deepStrictEqual(yield* server.times, [0, 7000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is an error when the body cannot be sent again, and nothing is sent", () =>
    Effect.gen(function*() {
      const server = yield* scripted(blockedFor(7), {})
      const http = yield* clientOf(server.client, RateLimit.default)
      const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
      const error = yield* Effect.flip(http.post("/a", { body }))
      assert.deepInclude(error, { _tag: "RateLimited", key: "https://api.example/a", retryAfter: Duration.seconds(7) })
      assert.deepStrictEqual(yield* server.times, [0])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is given up on when it comes again and again", () =>
    Effect.gen(function*() {
      const server = yield* scripted(blockedFor(1))
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.maxReplays(3)))
      const fiber = yield* Effect.fork(Effect.flip(http.get("/a")))
      yield* TestClock.adjust("1 minute")
      assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
      assert.lengthOf(yield* server.times, 1 + 3)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("does not use up the replays of refusals", () =>
    Effect.gen(function*() {
      const server = yield* scripted(...Array.from({ length: 10 }, () => blockedFor(1)), {})
      const http = yield* clientOf(server.client, RateLimit.default)
      const fiber = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      assert.isAbove((yield* server.times).length, 1 + ReplayPolicy.default.maxReplays)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is followed by one call, and by two for each that is served; one burst is one block", () =>
    Effect.gen(function*() {
      const burst = Array.from({ length: 7 }, () => ({ status: 429, after: 10 }))
      const server = yield* scripted(...burst, { after: 10 })
      const http = yield* clientOf(server.client, RateLimit.default)
      const fibers = yield* Effect.forkAll(burst.map(() => http.get("/a")))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fibers)
      assert.deepStrictEqual((yield* server.times).slice(burst.length), [1010, 1020, 1020, 1030, 1030, 1030, 1030])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("without a word on how long doubles the pause", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ status: 429 }, { status: 429 }, { status: 429 }, {})
      const http = yield* clientOf(server.client, RateLimit.default)
      const fiber = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* server.times, [0, 1000, 3000, 7000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("takes the proof afresh after the wait", () =>
    Effect.gen(function*() {
      const logins = yield* Ref.make(0)
      const login = Effect.flatMap(
        Ref.updateAndGet(logins, (n) => n + 1),
        (n) => Token.make({ value: `canary-${n}`, lifetime: "1 minute" })
      )
      const server = yield* scripted(blockedFor(90), {})
      const tokens = yield* TokenSource.make({ login })
      const http = yield* clientOf(server.client, RateLimit.default, Authenticator.bearer(tokens))
      const fiber = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("90 seconds")
      yield* Fiber.join(fiber)
      const sent = yield* server.sent
      assert.deepStrictEqual(sent.map(({ proof }) => proof), ["Bearer canary-1", "Bearer canary-2"])
    }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

  const said = "<CODE>1965</CODE><WAIT>3</WAIT>"
  const dialect = RateLimitDialect.standard.pipe(RateLimitDialect.withBody({
    wanted: ({ status }) => status === 409,
    read: (text) => ({
      malformed: [],
      signal: text.includes("<CODE>1965</CODE>")
        ? Option.some(RateLimitSignal.make({ blocked: "rate", retryAfter: 3000 }))
        : Option.none()
    })
  }))

  it.effect("may be told in the body only", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ status: 409, body: said }, {})
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.withDialect(dialect)))
      const fiber = yield* Effect.fork(http.post("/a"))
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      assert.deepStrictEqual(yield* server.times, [0, 3000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is not what every 409 is: that is returned, its body readable in any form and again", () =>
    Effect.gen(function*() {
      const body = "{\"code\":2003}"
      const server = yield* scripted({ status: 409, body, headers: { "content-type": "application/json" } })
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.withDialect(dialect)))
      const response = yield* http.post("/a")
      assert.strictEqual(response.status, 409)
      assert.strictEqual(yield* response.text, body)
      assert.deepStrictEqual(yield* response.json, { code: 2003 })
      const streamed = yield* Stream.runCollect(Stream.decodeText(response.stream))
      assert.strictEqual(Chunk.join(streamed, ""), body)
      assert.lengthOf(yield* server.times, 1)
    }).pipe(Effect.provide(AuthEvent.layer)))
})

describe("RateLimit, how long to wait", () => {
  const waitingFor = (seconds: number, limits: RateLimit.Limits) =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(0, seconds) }, { headers: left(19) })
      const http = yield* clientOf(server.client, limits)
      yield* http.get("/a")
      return { server, second: yield* Effect.fork(Effect.either(http.get("/a"))) }
    })

  it.effect("more than five minutes fails at once, with what the server said", () =>
    Effect.gen(function*() {
      const { second, server } = yield* waitingFor(301, RateLimit.default)
      const result = yield* Fiber.join(second)
      assert.deepInclude(result, { _tag: "Left" })
      assert.deepInclude(result._tag === "Left" ? result.left : {}, {
        _tag: "RateLimited",
        key: "https://api.example/a",
        retryAfter: Duration.seconds(301),
        limit: 20,
        remaining: 0
      })
      assert.lengthOf(yield* server.times, 1)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is bounded for those at the end of the queue too", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(0, 120) })
      const http = yield* clientOf(server.client, RateLimit.default)
      const fibers = yield* Effect.forkAll(Array.from({ length: 10 }, () => Effect.either(http.get("/a"))))
      yield* TestClock.adjust("5 minutes")
      const results = yield* Fiber.join(fibers)
      assert.isAtLeast(results.filter(({ _tag }) => _tag === "Left").length, 1)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is what the schedule says: up to an hour waits an hour", () =>
    Effect.gen(function*() {
      const upToAnHour = RateLimit.default.pipe(RateLimit.sleeping(RateLimit.sleep.pipe(Schedule.upTo("1 hour"))))
      const { second, server } = yield* waitingFor(3500, upToAnHour)
      yield* TestClock.adjust("3500 seconds")
      assert.propertyVal(yield* Fiber.join(second), "_tag", "Right")
      assert.deepStrictEqual(yield* server.times, [0, 3_500_000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is what the schedule says: beyond its bound it does not begin", () =>
    Effect.gen(function*() {
      const upToAnHour = RateLimit.default.pipe(RateLimit.sleeping(RateLimit.sleep.pipe(Schedule.upTo("1 hour"))))
      const { second } = yield* waitingFor(3601, upToAnHour)
      assert.propertyVal(yield* Fiber.join(second), "_tag", "Left")
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("a schedule that is done ends the waiting", () =>
    Effect.gen(function*() {
      const once = RateLimit.sleep.pipe(Schedule.intersect(Schedule.recurs(1)))
      const server = yield* scripted(blockedFor(1))
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.sleeping(once)))
      const fiber = yield* Effect.fork(Effect.flip(http.get("/a")))
      yield* TestClock.adjust("10 seconds")
      assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
      assert.deepStrictEqual(yield* server.times, [0, 1000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("is counted in all, however often the request is blocked", () =>
    Effect.gen(function*() {
      const server = yield* scripted(blockedFor(20))
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.maxWait("1 minute")))
      const fiber = yield* Effect.fork(Effect.flip(http.get("/a")))
      yield* TestClock.adjust("2 minutes")
      assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
      assert.deepStrictEqual(yield* server.times, [0, 20_000, 40_000, 60_000])
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("jitter lengthens a sleep and never shortens it", () =>
    Effect.gen(function*() {
      const { second, server } = yield* waitingFor(
        100,
        RateLimit.default.pipe(RateLimit.sleeping(Schedule.jitteredWith(RateLimit.sleep, { min: 0.5, max: 1.5 })))
      )
      yield* TestClock.adjust("151 seconds")
      assert.propertyVal(yield* Fiber.join(second), "_tag", "Right")
      const [, at = 0] = yield* server.times
      assert.isAtLeast(at, 100_000)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("an answer that arrives meanwhile changes it", () =>
    Effect.gen(function*() {
      // the slow first call says that there is more already, while the third waits for the word of the second
      const server = yield* scripted(
        { headers: left(5), after: 10_000 },
        { headers: left(0, 100) },
        { headers: left(4) }
      )
      const http = yield* clientOf(server.client, RateLimit.default)
      const first = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("1 second")
      yield* http.get("/a")
      const third = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(first)
      const at = yield* server.times
      assert.strictEqual(at[2], 10_000)
      yield* TestClock.adjust("100 seconds")
      yield* Fiber.join(third)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("a server that is unavailable for a while is left alone, its answer returned", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ status: 503, headers: { "retry-after": "20" } }, {})
      const http = yield* clientOf(server.client, RateLimit.default)
      assert.strictEqual((yield* http.post("/a")).status, 503)
      const second = yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(second)
      assert.deepStrictEqual(yield* server.times, [0, 20_000])
    }).pipe(Effect.provide(AuthEvent.layer)))
})

describe("RateLimit, many at once", () => {
  it.effect("go in the order in which they came, no more than are left", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(3, 10, 5) }, { headers: left(2, 10, 5), after: 1000 })
      const http = yield* clientOf(server.client, RateLimit.default)
      yield* http.get("/a?n=0")
      yield* Effect.forEach([1, 2, 3, 4, 5], (n) => Effect.fork(http.get(`/a?n=${n}`)))
      yield* TestClock.adjust("500 millis")
      const sent = yield* server.sent
      assert.deepStrictEqual(sent.map(({ line }) => line), [0, 1, 2, 3].map((n) => `GET /a?n=${n}`))
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("know the quota before the first answer when they were told", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ after: 1000 })
      const limits = RateLimit.default.pipe(RateLimit.initially(
        RateLimitSignal.make({ quotas: [{ limit: 10, window: 60_000 }], concurrency: { limit: 2 } })
      ))
      const http = yield* clientOf(server.client, limits)
      const fibers = yield* Effect.forkAll(Array.from({ length: 15 }, () => http.get("/a")))
      yield* TestClock.adjust("30 seconds")
      const early = yield* server.times
      assert.deepStrictEqual(early, [0, 1, 2, 3, 4].flatMap((second) => [second * 1000, second * 1000]))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fibers)
      assert.lengthOf(yield* server.times, 15)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("leave the reserve to others", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(5) })
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.reserve(4)))
      yield* Effect.forEach([1, 2, 3], () => Effect.fork(http.get("/a")))
      yield* TestClock.adjust("1 second")
      const before = (yield* server.times).length
      yield* Effect.fork(http.get("/a"))
      yield* TestClock.adjust("1 second")
      assert.isAtMost((yield* server.times).length, before + 1)
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("of several clients are counted together by one governor, which tells what it knows", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(1, 60, 2) })
      const governor = yield* RateLimit.make(RateLimit.default)
      const one = yield* clientOf(server.client, governor)
      const other = yield* clientOf(server.client, governor)
      yield* one.get("/a")
      yield* other.get("/a")
      yield* Effect.fork(one.get("/a"))
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* server.times, 2)
      const [snapshot] = yield* governor.snapshot
      assert.deepInclude(snapshot, { key: "https://api.example/a", inFlight: 0, waiting: 1 })
      assert.deepInclude(snapshot?.quotas[0], { limit: 2, remaining: 0, reset: 59_000 })
    }).pipe(Effect.provide(AuthEvent.layer)))

  it.effect("a signature that throws gives its slot back", () =>
    Effect.gen(function*() {
      const server = yield* scripted({})
      const governor = yield* RateLimit.make(RateLimit.default.pipe(RateLimit.probe(true)))
      const working = Authenticator.bearer(credential)
      const broken: Authenticator.Authenticator = {
        mode: "Broken",
        places: working.places,
        prove: () => Effect.dieMessage("is not asked"),
        ready: (now) => {
          const proof = working.ready?.(now) ?? assert.fail("a bearer is ready")
          return {
            ...proof,
            sign: () => {
              throw new Error("a bug")
            }
          }
        }
      }
      const exit = yield* Effect.exit(
        Effect.flatMap(clientOf(server.client, governor, broken), (http) => http.get("/a"))
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.deepInclude((yield* governor.snapshot)[0], { inFlight: 0, waiting: 0 })
      assert.strictEqual((yield* (yield* clientOf(server.client, governor)).get("/a")).status, 200)
    }))

  it.effect(
    "may be interrupted at any time: no slot is lost and nobody starves",
    () =>
      Effect.promise(() =>
        FastCheck.assert(
          FastCheck.asyncProperty(
            FastCheck.array(
              FastCheck.record({
                begins: FastCheck.integer({ min: 0, max: 3000 }),
                lives: FastCheck.option(FastCheck.integer({ min: 0, max: 3000 }))
              }),
              { minLength: 1, maxLength: 24 }
            ),
            (requests) =>
              Effect.runPromise(
                Effect.gen(function*() {
                  const server = yield* SlidingWindow.make({
                    windows: [{ limit: 3, window: 1000 }],
                    concurrency: 2,
                    latency: (n) => 50 + (n * 37) % 200,
                    headers: SlidingWindow.numberHeaders
                  })
                  const governor = yield* RateLimit.make(
                    RateLimit.default.pipe(RateLimit.withDialect(qualysLike), RateLimit.probe(true))
                  )
                  const http = yield* clientOf(server.client, governor)
                  const exits = yield* VirtualTime.run(Effect.forEach(
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
                  const [snapshot] = yield* governor.snapshot
                  assert.deepInclude(snapshot, { inFlight: 0, waiting: 0 })
                  const { answered, blocked, mostRunning } = yield* server.stats
                  assert.isAtMost(mostRunning, 2)
                  // calls that were given up before any answer came may have used the quota up
                  const stated = Math.min(...answered, ...blocked)
                  assert.lengthOf(blocked.filter((at) => at > stated), 0)
                  // what an interruption may cost is the window of a call that was on its way, and no more
                  const last = Math.max(0, ...answered)
                  assert.isAtMost(last, 3000 + 1500 * Math.ceil(requests.length / 3))
                }).pipe(Effect.provide(AuthEvent.layer), Logger.withMinimumLogLevel(LogLevel.None))
              )
          ),
          {
            numRuns: 200,
            // three are given up before the first answer, so that nobody knows that the quota is used up
            examples: [[[
              { begins: 0, lives: 0 },
              { begins: 0, lives: 1 },
              { begins: 1, lives: null },
              { begins: 0, lives: 2 }
            ]]]
          }
        )
      ),
    60_000
  )
})

describe("RateLimit, what it tells", () => {
  it.scoped("whose bug it was: a login's keeps its words, a transport's may quote the request", () =>
    Effect.gen(function*() {
      const server = yield* scripted({})
      const tokens = yield* TokenSource.make({ login: Effect.dieMessage("the login has a bug") })
      const buggy = yield* clientOf(server.client, RateLimit.default, Authenticator.bearer(tokens))
      const broken = yield* clientOf(HttpClient.make(() => Effect.dieMessage("canary-token")), RateLimit.default)
      assert.include(Cause.pretty(yield* Effect.flip(Effect.sandbox(buggy.get("/a")))), "the login has a bug")
      const died = Cause.pretty(yield* Effect.flip(Effect.sandbox(broken.get("/a"))))
      assert.include(died, "the transport died")
      assert.notInclude(died, "canary")
    }))

  it.effect("warns once for each threshold and window", () =>
    Effect.gen(function*() {
      const server = yield* scripted(...[11, 9, 8, 4, 3].map((remaining) => ({ headers: left(remaining) })))
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.warnBelow([10, 5])))
      const events = yield* Effect.flatMap(AuthEvent.AuthEvents, PubSub.subscribe)
      yield* Effect.repeatN(http.get("/a"), 4)
      const told = Chunk.toReadonlyArray(yield* Queue.takeAll(events))
      assert.deepStrictEqual(
        told.map(AuthEvent.format),
        [9, 4].map((n) =>
          `https://api.example/a: ${n} of 20 calls left; once they are used, requests sleep until 1970-01-01T00:01:00.000Z`
        )
      )
    }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

  it.effect("says who sleeps until when", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: left(0) }, { headers: left(19) })
      const http = yield* clientOf(server.client, RateLimit.default.pipe(RateLimit.warnBelow([])))
      const events = yield* Effect.flatMap(AuthEvent.AuthEvents, PubSub.subscribe)
      yield* http.get("/a")
      yield* Effect.forEach([1, 2, 3], () => Effect.fork(http.get("/a")))
      yield* TestClock.adjust("1 second")
      const told = Chunk.toReadonlyArray(yield* Queue.takeAll(events))
      assert.deepStrictEqual(told.map(AuthEvent.format), [
        "https://api.example/a: 1 request sleeps until 1970-01-01T00:01:00.000Z, because the quota is spent"
      ])
    }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

  it.effect("counts malformed fields and goes on", () =>
    Effect.gen(function*() {
      const server = yield* scripted({ headers: { "ratelimit-limit": "many" } })
      const http = yield* clientOf(server.client, RateLimit.default)
      const events = yield* Effect.flatMap(AuthEvent.AuthEvents, PubSub.subscribe)
      assert.strictEqual((yield* http.get("/a")).status, 200)
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Queue.takeAll(events)), [
        AuthEvent.AuthEvent.MalformedQuota({ key: "https://api.example/a", fields: ["ratelimit-limit"] })
      ])
    }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))
})
