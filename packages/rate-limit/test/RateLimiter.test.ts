import type * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../src/RateLimiter.ts"
import { isRateLimited } from "../src/RateLimitError.ts"
import * as RateLimitEvent from "../src/RateLimitEvent.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"
import * as ReplayPolicy from "../src/ReplayPolicy.ts"
import { limited, limitedBy, origin, policy, scripted, timesOf } from "./limited.ts"
import * as Load from "./load.ts"

const left = (remaining: number, reset = 60, limit = 20) => ({
  "ratelimit-limit": String(limit),
  "ratelimit-remaining": String(remaining),
  "ratelimit-reset": String(reset)
})

const blockedFor = (seconds: number): ScriptedHttpClient.Reply => ({
  status: 429,
  headers: { "retry-after": String(seconds) }
})

/** A block that states no wait. */
const blocked: ScriptedHttpClient.Reply = { status: 429 }

/** The events of a limiter from now on. */
const eventsOf = (limiter: RateLimiter.RateLimiter) =>
  Effect.gen(function*() {
    const events = yield* Ref.make<ReadonlyArray<RateLimitEvent.RateLimitEvent>>([])
    yield* Effect.forkScoped(
      Stream.runForEach(limiter.events, (event) => Ref.update(events, (events) => [...events, event]))
    )
    yield* VirtualClock.settled
    return Effect.zipRight(VirtualClock.settled, Ref.get(events))
  })

describe("RateLimiter", () => {
  describe("against sliding windows", () => {
    for (const scenario of Load.slidingWindows(1)) {
      it.effect(`keeps 64 fibers just below ${scenario.name}`, () => Load.keepsJustBelow(scenario))
    }
  })

  describe("admitted", () => {
    it.effect("returns the response that used up the quota; the next request waits", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0) }, { headers: left(19) })
        const http = yield* limited(server, policy)
        assert.strictEqual((yield* http.get("/a")).status, 200)
        const second = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(yield* timesOf(server), [0])
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(second)).status, 200)
        assert.deepStrictEqual(yield* timesOf(server), [0, 60_000])
      }))

    it.effect("does not wait for the quota of another endpoint", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0) })
        const http = yield* limited(server, policy)
        yield* http.get("/a?page=1")
        yield* http.get("/b")
        yield* http.post("/c")
        assert.deepStrictEqual(yield* timesOf(server), [0, 0, 0])
      }))

    it.effect("counts several clients together", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(1, 60, 2) })
        const limiter = yield* RateLimiter.make(policy)
        const one = limitedBy(server, limiter)
        const other = limitedBy(server, limiter)
        yield* one.get("/a")
        yield* other.get("/a")
        yield* Effect.fork(one.get("/a"))
        yield* TestClock.adjust("1 second")
        assert.lengthOf(yield* timesOf(server), 2)
      }))

    it.effect("returns the response of a server that is unavailable for a while, and leaves the server alone", () =>
      Effect.gen(function*() {
        const server = scripted({ status: 503, headers: { "retry-after": "20" } }, {})
        const http = yield* limited(server, policy)
        assert.strictEqual((yield* http.post("/a")).status, 503)
        const second = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(second)
        assert.deepStrictEqual(yield* timesOf(server), [0, 20_000])
      }))

    it.effect("gives its slot back when the attempt fails", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.probe(true)))
        const request = HttpClientRequest.get(`${origin}/a`)
        assert.strictEqual(yield* Effect.flip(limiter.run(request, () => Effect.fail("canary"))), "canary")
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0, waiting: 0 })
      }))

    it.effect("gives its slot back when the attempt throws", () =>
      Effect.gen(function*() {
        const server = scripted({})
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.probe(true)))
        const attempt: RateLimiter.Attempt = () => {
          throw new Error("a bug")
        }
        const exit = yield* Effect.exit(limiter.run(HttpClientRequest.get(`${origin}/a`), attempt))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0, waiting: 0 })
        assert.strictEqual((yield* limitedBy(server, limiter).get("/a")).status, 200)
      }))
  })

  describe("with a policy that throws", () => {
    const thrown = (): never => {
      throw new TypeError("cannot read canary-cookie")
    }
    const silent = () => ({ status: Option.none(), malformed: [] })
    const reading = (headers: RateLimitHeaders.RateLimitHeaders) => RateLimitPolicy.headers(policy, headers)
    const throwing: Record<string, RateLimitPolicy.RateLimitPolicy> = {
      "of a key": RateLimitPolicy.key(policy, thrown),
      "of a head": reading(RateLimitHeaders.make(thrown)),
      "of whether a body is wanted": reading(RateLimitHeaders.make(silent, { wanted: thrown, read: silent })),
      "of a body": reading(RateLimitHeaders.make(silent, { wanted: () => true, read: thrown })),
      "of a backoff": RateLimitPolicy.backoff(policy, Schedule.tapInput(Schedule.forever, (_input) => thrown()))
    }
    for (const [what, buggy] of Object.entries(throwing)) {
      it.effect(`${what}, lets the next request go and shows no word of it`, () =>
        Effect.gen(function*() {
          const limiter = yield* RateLimiter.make(RateLimitPolicy.probe(buggy, true))
          const http = limitedBy(scripted(blocked), limiter)
          const exits = yield* Effect.all([Effect.exit(http.get("/a")), Effect.exit(http.get("/a"))], {
            concurrency: "unbounded"
          })
          for (const exit of exits) {
            assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
            assert.notInclude(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "canary")
          }
          for (const lane of yield* limiter.snapshot) assert.deepInclude(lane, { inFlight: 0, waiting: 0 })
        }))
    }
  })

  describe("waiting", () => {
    const waitingFor = (seconds: number, policy: RateLimitPolicy.RateLimitPolicy) =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0, seconds) }, { headers: left(19) })
        const http = yield* limited(server, policy)
        yield* http.get("/a")
        return { server, second: yield* Effect.fork(Effect.either(http.get("/a"))) }
      })

    it.effect("sends requests in the order in which they came, no more than are left", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(3, 10, 5) }, { headers: left(2, 10, 5), after: 1000 })
        const http = yield* limited(server, policy)
        yield* http.get("/a?n=0")
        yield* Effect.forEach([1, 2, 3, 4, 5], (n) => Effect.fork(http.get(`/a?n=${n}`)))
        yield* TestClock.adjust("500 millis")
        const sent = yield* server.requests
        assert.deepStrictEqual(sent.map(({ line }) => line), [0, 1, 2, 3].map((n) => `GET /a?n=${n}`))
      }))

    it.effect("respects a quota before the first response, if the policy states it", () =>
      Effect.gen(function*() {
        const server = scripted({ after: 1000 })
        const http = yield* limited(
          server,
          policy.pipe(RateLimitPolicy.initial(
            RateLimitStatus.make({ quotas: [{ limit: 10, window: Duration.minutes(1) }], concurrency: { limit: 2 } })
          ))
        )
        const fibers = yield* Effect.forkAll(Array.from({ length: 15 }, () => http.get("/a")))
        yield* TestClock.adjust("30 seconds")
        const early = yield* timesOf(server)
        assert.deepStrictEqual(early, [0, 1, 2, 3, 4].flatMap((second) => [second * 1000, second * 1000]))
        yield* TestClock.adjust("1 hour")
        yield* Fiber.join(fibers)
        assert.lengthOf(yield* timesOf(server), 15)
      }))

    it.effect("leaves the reserve to others", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(5) })
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.reserve(4)))
        yield* Effect.forEach([1, 2, 3], () => Effect.fork(http.get("/a")))
        yield* TestClock.adjust("1 second")
        const before = (yield* timesOf(server)).length
        yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 second")
        assert.isAtMost((yield* timesOf(server)).length, before + 1)
      }))

    it.effect("fails at once when it would take more than five minutes, with what the server stated", () =>
      Effect.gen(function*() {
        const { second, server } = yield* waitingFor(301, policy)
        const result = yield* Fiber.join(second)
        assert.deepInclude(result, { _tag: "Left" })
        assert.deepInclude(result._tag === "Left" ? result.left : {}, {
          _tag: "RateLimited",
          key: "https://api.example/a",
          url: "https://api.example/a",
          retryAfter: Duration.seconds(301),
          limit: 20,
          remaining: 0
        })
        assert.lengthOf(yield* timesOf(server), 1)
      }))

    it.effect("is bounded at the end of the queue too", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0, 120) })
        const http = yield* limited(server, policy)
        const fibers = yield* Effect.forkAll(Array.from({ length: 10 }, () => Effect.either(http.get("/a"))))
        yield* TestClock.adjust("5 minutes")
        const results = yield* Fiber.join(fibers)
        assert.isAtLeast(results.filter(({ _tag }) => _tag === "Left").length, 1)
      }))

    it.effect("takes as long as maxWait admits, whatever the schedule", () =>
      Effect.gen(function*() {
        const long = policy.pipe(
          RateLimitPolicy.maxWait("10 minutes"),
          RateLimitPolicy.waiting(Schedule.jitteredWith(RateLimitPolicy.asStated, { min: 1, max: 1 }))
        )
        const { second, server } = yield* waitingFor(600, long)
        yield* TestClock.adjust("600 seconds")
        assert.propertyVal(yield* Fiber.join(second), "_tag", "Right")
        assert.deepStrictEqual(yield* timesOf(server), [0, 600_000])
        assert.propertyVal(yield* Fiber.join((yield* waitingFor(601, long)).second), "_tag", "Left")
      }))

    it.effect("fails at once when the schedule makes it too long", () =>
      Effect.gen(function*() {
        const slow = policy.pipe(RateLimitPolicy.waiting(Schedule.spaced("6 minutes")))
        assert.propertyVal(yield* Fiber.join((yield* waitingFor(10, slow)).second), "_tag", "Left")
      }))

    it.effect("steps the schedule once for each wait, never to look ahead", () =>
      Effect.gen(function*() {
        const steps = yield* Ref.make(0)
        const counted = Schedule.tapInput(
          RateLimitPolicy.asStated,
          (_: RateLimitStatus.RateLimitStatus) => Ref.update(steps, (n) => n + 1)
        )
        const server = scripted(blockedFor(60), {})
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.probe(true), RateLimitPolicy.waiting(counted)))
        const fibers = yield* Effect.forkAll(Array.from({ length: 10 }, () => http.get("/a")))
        yield* TestClock.adjust("2 minutes")
        yield* Fiber.join(fibers)
        // of the first, and of the second, which was the head until the first had returned; the others wait for those
        assert.strictEqual(yield* Ref.get(steps), 2)
      }))

    it.effect("steps the schedule at most once for each of ten requests that one burst of blocks sends to wait", () =>
      Effect.gen(function*() {
        const steps = yield* Ref.make(0)
        const counted = Schedule.tapInput(
          RateLimitPolicy.asStated,
          (_: RateLimitStatus.RateLimitStatus) => Ref.update(steps, (n) => n + 1)
        )
        const burst = Array.from({ length: 10 }, () => ({ ...blockedFor(60), after: 10 }))
        const http = yield* limited(scripted(...burst, {}), policy.pipe(RateLimitPolicy.waiting(counted)))
        yield* VirtualClock.run(Effect.all(burst.map(() => http.get("/a")), { concurrency: "unbounded" }))
        assert.isAtLeast(yield* Ref.get(steps), 1)
        assert.isAtMost(yield* Ref.get(steps), 10)
      }))

    it.effect("steps the schedule once for a wait in which another request is blocked", () =>
      Effect.gen(function*() {
        const steps = yield* Ref.make(0)
        const counted = Schedule.tapInput(
          RateLimitPolicy.asStated,
          (_: RateLimitStatus.RateLimitStatus) => Ref.update(steps, (n) => n + 1)
        )
        const server = scripted({ ...blockedFor(10), after: 5000 }, { status: 503, headers: { "retry-after": "10" } }, {
          headers: left(0, 30),
          after: 1000
        }, {})
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.waiting(counted)))
        const slow = yield* Effect.fork(Effect.all([http.get("/a"), http.get("/a")], { concurrency: "unbounded" }))
        yield* TestClock.adjust("1 second")
        const waiting = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(Fiber.zip(slow, waiting))
        assert.deepStrictEqual(yield* timesOf(server), [0, 0, 15_000, 46_000])
        // of the request that waits from the first second to the last, and of the one that is blocked meanwhile
        assert.strictEqual(yield* Ref.get(steps), 2)
      }))

    it.effect("ends with the reset that passed while the answer was on its way", () =>
      Effect.gen(function*() {
        const inEpoch = policy.pipe(RateLimitPolicy.headers(RateLimitHeaders.xRateLimit({ resetUnit: "epochSeconds" })))
        const spent = { "x-ratelimit-limit": "5", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" }
        const server = scripted({ headers: spent, after: 1500 }, {})
        const http = yield* limited(server, inEpoch)
        yield* VirtualClock.run(Effect.repeatN(http.get("/a"), 1))
        assert.deepStrictEqual(yield* timesOf(server), [0, 1500])
      }))

    it.effect("does not begin when the schedule is done from the start", () =>
      Effect.gen(function*() {
        const { second } = yield* waitingFor(10, policy.pipe(RateLimitPolicy.waiting(Schedule.stop)))
        assert.propertyVal(yield* Fiber.join(second), "_tag", "Left")
      }))

    it.effect("ends when the schedule is done", () =>
      Effect.gen(function*() {
        const once = RateLimitPolicy.asStated.pipe(Schedule.intersect(Schedule.recurs(1)))
        const server = scripted(blockedFor(1))
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.waiting(once)))
        const fiber = yield* Effect.fork(Effect.flip(http.get("/a")))
        yield* TestClock.adjust("10 seconds")
        assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
        assert.deepStrictEqual(yield* timesOf(server), [0, 1000])
      }))

    it.effect("is counted through all attempts, however often the request is blocked", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(20))
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.maxWait("1 minute")))
        const fiber = yield* Effect.fork(Effect.flip(http.get("/a")))
        yield* TestClock.adjust("2 minutes")
        assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
        assert.deepStrictEqual(yield* timesOf(server), [0, 20_000, 40_000, 60_000])
      }))

    it.effect("is lengthened by jitter and never shortened", () =>
      Effect.gen(function*() {
        const { second, server } = yield* waitingFor(
          100,
          policy.pipe(
            RateLimitPolicy.waiting(Schedule.jitteredWith(RateLimitPolicy.asStated, { min: 0.5, max: 1.5 }))
          )
        )
        yield* TestClock.adjust("151 seconds")
        assert.propertyVal(yield* Fiber.join(second), "_tag", "Right")
        const [, at = 0] = yield* timesOf(server)
        assert.isAtLeast(at, 100_000)
      }))

    it.effect("ends early when a response states that there is more", () =>
      Effect.gen(function*() {
        // the slow first response states it, while the third request waits as the second response asks
        const server = scripted(
          { headers: left(5), after: 10_000 },
          { headers: left(0, 100) },
          { headers: left(4) }
        )
        const http = yield* limited(server, policy)
        const first = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 second")
        yield* http.get("/a")
        const third = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(first)
        const at = yield* timesOf(server)
        assert.strictEqual(at[2], 10_000)
        yield* TestClock.adjust("100 seconds")
        yield* Fiber.join(third)
      }))
  })

  describe("blocked", () => {
    it.effect("sends a POST again once Retry-After has passed", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(7), {})
        const http = yield* limited(server, policy)
        const fiber = yield* Effect.fork(http.post("/a", { body: HttpBody.text("once") }))
        yield* TestClock.adjust("7 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
        assert.deepStrictEqual(yield* timesOf(server), [0, 7000])
      }))

    it.effect("fails when the body cannot be sent again, and sends nothing", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(7), {})
        const http = yield* limited(server, policy)
        const body = HttpBody.stream(Stream.make(new Uint8Array([1])))
        const error = yield* Effect.flip(http.post("/a?canary=1", { body }))
        assert.deepInclude(error, {
          _tag: "RateLimited",
          key: "https://api.example/a",
          url: "https://api.example/a",
          retryAfter: Duration.seconds(7)
        })
        assert.deepStrictEqual(yield* timesOf(server), [0])
      }))

    it.effect("gives up after maxReplays", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(1))
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.maxReplays(3)))
        const fiber = yield* Effect.fork(Effect.flip(http.get("/a")))
        yield* TestClock.adjust("1 minute")
        assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
        assert.lengthOf(yield* timesOf(server), 1 + 3)
      }))

    it.effect("fails at the first block, if there are no replays", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(1))
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.maxReplays(0)))
        const error = yield* Effect.flip(http.get("/a?canary=1"))
        assert.isTrue(isRateLimited(error))
        assert.propertyVal(error, "url", "https://api.example/a")
        assert.lengthOf(yield* timesOf(server), 1)
      }))

    it.effect("waits out more blocks than a request may be replayed after refusals", () =>
      Effect.gen(function*() {
        const server = scripted(...Array.from({ length: 10 }, () => blockedFor(1)), {})
        const http = yield* limited(server, policy)
        const fiber = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
        assert.isAbove((yield* timesOf(server)).length, 1 + ReplayPolicy.default.maxReplays)
      }))

    it.effect("sends one request after a burst that was one block, and two for each that is served", () =>
      Effect.gen(function*() {
        const burst = Array.from({ length: 7 }, () => ({ status: 429, after: 10 }))
        const server = scripted(...burst, { after: 10 })
        const http = yield* limited(server, policy)
        const fibers = yield* Effect.forkAll(burst.map(() => http.get("/a")))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fibers)
        assert.deepStrictEqual((yield* timesOf(server)).slice(burst.length), [1010, 1020, 1020, 1030, 1030, 1030, 1030])
      }))

    it.effect("runs the attempt anew after the wait, at that time", () =>
      Effect.gen(function*() {
        const times = yield* Ref.make<ReadonlyArray<number>>([])
        const server = scripted(blockedFor(90), {})
        const limiter = yield* RateLimiter.make(policy)
        const request = HttpClientRequest.get(`${origin}/a`)
        const fiber = yield* Effect.fork(limiter.run(request, (now) =>
          Effect.zipRight(Ref.update(times, (times) => [...times, now]), server.execute(request))))
        yield* TestClock.adjust("90 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* Ref.get(times), [0, 90_000])
      }))
  })

  describe("blocked without a stated wait", () => {
    /** When requests are sent that are made one after another, until the script ends. */
    const sentAt = (
      policy: RateLimitPolicy.RateLimitPolicy,
      ...script: ReadonlyArray<ScriptedHttpClient.Reply>
    ) =>
      Effect.gen(function*() {
        const server = scripted(...script)
        const http = yield* limited(server, policy)
        const served = script.filter(({ status }) => status === undefined).length
        const fiber = yield* Effect.fork(Effect.repeatN(http.get("/a"), served - 1))
        yield* TestClock.adjust("5 minutes")
        yield* Fiber.join(fiber)
        return yield* timesOf(server)
      })

    it.effect("doubles the pause with each block", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* sentAt(policy, blocked, blocked, blocked, {}), [0, 1000, 3000, 7000])
      }))

    it.effect("begins the backoff anew after a served request", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          yield* sentAt(policy, blocked, blocked, {}, blocked, blocked, {}),
          [0, 1000, 3000, 3000, 4000, 6000]
        )
      }))

    it.effect("pauses as the backoff of the policy says", () =>
      Effect.gen(function*() {
        const linear = policy.pipe(RateLimitPolicy.backoff(Schedule.linear("10 seconds")))
        assert.deepStrictEqual(yield* sentAt(linear, blocked, blocked, blocked, {}), [0, 10_000, 30_000, 60_000])
      }))

    it.effect("does not step the backoff for a block that states a wait", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* sentAt(policy, blockedFor(5), blocked, blocked, {}), [0, 5000, 6000, 8000])
      }))

    it.effect("repeats the last pause of a backoff that is done", () =>
      Effect.gen(function*() {
        const once = policy.pipe(
          RateLimitPolicy.backoff(Schedule.intersect(Schedule.spaced("3 seconds"), Schedule.recurs(1)))
        )
        assert.deepStrictEqual(yield* sentAt(once, blocked, blocked, blocked, {}), [0, 3000, 6000, 9000])
      }))

    it.effect("pauses for a second if the backoff has no pause at all", () =>
      Effect.gen(function*() {
        const none = policy.pipe(RateLimitPolicy.backoff(Schedule.stop))
        assert.deepStrictEqual(yield* sentAt(none, blocked, blocked, {}), [0, 1000, 2000])
      }))

    it.effect("steps the backoff once for a burst, with the status of the first response", () =>
      Effect.gen(function*() {
        const inputs = yield* Ref.make<ReadonlyArray<RateLimitStatus.RateLimitStatus>>([])
        const observed = Schedule.spaced("1 second").pipe(
          Schedule.tapInput((status: RateLimitStatus.RateLimitStatus) =>
            Ref.update(inputs, (inputs) => [...inputs, status])
          )
        )
        const burst = Array.from({ length: 7 }, () => ({ status: 429, after: 10 }))
        const server = scripted(...burst, {})
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.backoff(observed)))
        const fibers = yield* Effect.forkAll(burst.map(() => http.get("/a")))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fibers)
        assert.deepStrictEqual((yield* Ref.get(inputs)).map(({ blocked }) => blocked), ["rate"])
      }))

    it.effect("gives its slot back when the backoff dies", () =>
      Effect.gen(function*() {
        const server = scripted(blocked)
        const buggy = Schedule.tapOutput(Schedule.spaced("1 second"), () => Effect.dieMessage("a bug"))
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.backoff(buggy)))
        const exit = yield* Effect.exit(limitedBy(server, limiter).get("/a"))
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0, waiting: 0 })
      }))
  })

  describe("blocked by a body", () => {
    const withBody = policy.pipe(RateLimitPolicy.headers(RateLimitHeaders.standard.pipe(RateLimitHeaders.withBody({
      wanted: ({ status }) => status === 409,
      read: (text) => ({
        malformed: [],
        status: text.includes("<CODE>1965</CODE>")
          ? Option.some(RateLimitStatus.make({ blocked: "rate", retryAfter: Duration.seconds(3) }))
          : Option.none()
      })
    }))))

    it.effect("waits as long as the body says", () =>
      Effect.gen(function*() {
        const server = scripted({ status: 409, body: "<CODE>1965</CODE><WAIT>3</WAIT>" }, {})
        const http = yield* limited(server, withBody)
        const fiber = yield* Effect.fork(http.post("/a"))
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
        assert.deepStrictEqual(yield* timesOf(server), [0, 3000])
      }))

    it.effect("returns a 409 that is no block, its body readable in any form and again", () =>
      Effect.gen(function*() {
        const body = "{\"code\":2003}"
        const server = scripted({ status: 409, body, headers: { "content-type": "application/json" } })
        const http = yield* limited(server, withBody)
        const response = yield* http.post("/a")
        assert.strictEqual(response.status, 409)
        assert.strictEqual(yield* response.text, body)
        assert.deepStrictEqual(yield* response.json, { code: 2003 })
        const streamed = yield* Stream.runCollect(Stream.decodeText(response.stream))
        assert.strictEqual(Chunk.join(streamed, ""), body)
        assert.lengthOf(yield* timesOf(server), 1)
      }))

    it.effect("returns a response whose body cannot be read", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(withBody)
        const request = HttpClientRequest.get(`${origin}/a`)
        const response = HttpClientResponse.fromWeb(request, new Response("read", { status: 409 }))
        yield* response.text
        const answered = yield* limiter.run(request, () => Effect.succeed(response))
        assert.strictEqual(answered.status, 409)
        assert.strictEqual((yield* Effect.flip(answered.text))._tag, "ResponseError")
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0 })
      }))

    it.effect("gives its slot back when it is interrupted while the body is read", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(withBody)
        const request = HttpClientRequest.get(`${origin}/a`)
        const endless = new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { status: 409 })
        const response = HttpClientResponse.fromWeb(request, endless)
        const fiber = yield* Effect.fork(limiter.run(request, () => Effect.succeed(response)))
        yield* VirtualClock.settled
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 1 })
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(fiber)))
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0 })
      }))
  })

  describe("interrupted", () => {
    it("at any time, loses no slot and starves no request", () => Load.survivesInterruptions({ numRuns: 15 }))
  })

  describe("events", () => {
    it.scoped("warn once for each threshold and window", () =>
      Effect.gen(function*() {
        const server = scripted(...[11, 9, 8, 4, 3].map((remaining) => ({ headers: left(remaining) })))
        const limiter = yield* RateLimiter.make(
          policy.pipe(RateLimitPolicy.warnBelow([10, 5]), RateLimitPolicy.warnEvery("0 seconds"))
        )
        const events = yield* eventsOf(limiter)
        yield* Effect.repeatN(limitedBy(server, limiter).get("/a"), 4)
        assert.deepStrictEqual(
          (yield* events).map(RateLimitEvent.format),
          [9, 4].map((n) =>
            `https://api.example/a: ${n} of 20 calls left; once they are used, requests wait until 1970-01-01T00:01:00.000Z`
          )
        )
      }))

    it.scoped("say which requests wait until when", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0) }, { headers: left(19) })
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.warnBelow([])))
        const http = limitedBy(server, limiter)
        const events = yield* eventsOf(limiter)
        yield* http.get("/a")
        yield* Effect.forEach([1, 2, 3], () => Effect.fork(http.get("/a")))
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual((yield* events).map(RateLimitEvent.format), [
          "https://api.example/a: 1 request waits until 1970-01-01T00:01:00.000Z, because the quota is used up"
        ])
      }))

    it.scoped("say once of each opening that requests wait, whoever of 50 is first in the queue", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0, 120) }, { headers: left(19) })
        const limiter = yield* RateLimiter.make(policy.pipe(
          RateLimitPolicy.warnBelow([]),
          RateLimitPolicy.waiting(RateLimitPolicy.asStated.pipe(Schedule.jittered))
        ))
        const http = limitedBy(server, limiter)
        const events = yield* eventsOf(limiter)
        yield* http.get("/a")
        const fibers = yield* Effect.forEach(Array.from({ length: 50 }), () => Effect.fork(http.get("/a")))
        // the wait is renewed in pieces of 30 seconds
        yield* TestClock.adjust("100 seconds")
        yield* Effect.forEach(
          fibers.slice(0, 25),
          (fiber) => Effect.zipRight(Fiber.interrupt(fiber), VirtualClock.settled)
        )
        assert.deepStrictEqual((yield* events).map(({ _tag }) => _tag), ["WaitingUntil"])
        yield* TestClock.adjust("1 minute")
        yield* Effect.forEach(fibers.slice(25, 30), Fiber.join)
      }))

    it.scoped("say that an opening was put off, if by more than a second", () =>
      Effect.gen(function*() {
        const withWindow = (remaining: number) => ({ ...left(remaining), "ratelimit-policy": "20;w=60" })
        const server = scripted(
          { headers: withWindow(2) },
          { headers: withWindow(1), after: "500 millis" },
          // goes to its caller, and not back to the head of the queue, where it would ask anew
          { status: 503, headers: { "retry-after": "120" }, after: "20 seconds" },
          { headers: left(19) }
        )
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.warnBelow([])))
        const http = limitedBy(server, limiter)
        const events = yield* eventsOf(limiter)
        yield* http.get("/a")
        yield* Effect.forEach([1, 2, 3], () => Effect.fork(http.get("/a")))
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(
          (yield* events).flatMap((event) => event._tag === "WaitingUntil" ? [Duration.format(event.wait)] : []),
          ["1m", "2m"]
        )
      }))

    it.scoped("name malformed headers, and the request is served", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: { "ratelimit-limit": "many" } })
        const limiter = yield* RateLimiter.make(policy)
        const events = yield* eventsOf(limiter)
        assert.strictEqual((yield* limitedBy(server, limiter).get("/a")).status, 200)
        assert.deepStrictEqual(yield* events, [
          RateLimitEvent.RateLimitEvent.MalformedHeaders({ key: "https://api.example/a", fields: ["ratelimit-limit"] })
        ])
      }))

    it.scoped("are told to the observer of their request, and to every subscriber of the stream", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: { "ratelimit-limit": "many" } })
        const limiter = yield* RateLimiter.make(policy)
        const [first, second] = yield* Effect.all([eventsOf(limiter), eventsOf(limiter)])
        const told = yield* Ref.make<ReadonlyArray<string>>([])
        const run = (path: string, observed: boolean) => {
          const request = HttpClientRequest.get(`${origin}${path}`)
          const onEvent = (event: RateLimitEvent.RateLimitEvent) => Ref.update(told, (keys) => [...keys, event.key])
          return limiter.run(request, () => server.execute(request), ...(observed ? [onEvent] : []))
        }
        yield* run("/a", true)
        yield* run("/b", false)
        assert.deepStrictEqual(yield* Ref.get(told), ["https://api.example/a"])
        const keys = ["https://api.example/a", "https://api.example/b"]
        assert.deepStrictEqual((yield* first).map(({ key }) => key), keys)
        assert.deepStrictEqual((yield* second).map(({ key }) => key), keys)
      }))

    it.scoped("do not reach the subscribers of another limiter", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: { "ratelimit-limit": "many" } })
        const other = yield* RateLimiter.make(policy)
        const events = yield* eventsOf(other)
        yield* Effect.flatMap(limited(server, policy), (http) => http.get("/a"))
        assert.deepStrictEqual(yield* events, [])
      }))

    it.effect("are logged", () =>
      Effect.gen(function*() {
        const lines = yield* Ref.make<ReadonlyArray<string>>([])
        const logger = Logger.make(({ message }) =>
          Effect.runSync(Ref.update(lines, (lines) => [...lines, String(message)]))
        )
        const server = scripted({ headers: left(1) })
        yield* Effect.flatMap(limited(server, policy), (http) => http.get("/a")).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        assert.lengthOf(yield* Ref.get(lines), 1)
      }))
  })

  describe("state", () => {
    it.effect("is a snapshot of what is known of each key", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(1, 60, 2) })
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(server, limiter)
        yield* Effect.repeatN(http.get("/a"), 1)
        yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 second")
        const [snapshot] = yield* limiter.snapshot
        assert.deepInclude(snapshot, {
          key: "https://api.example/a",
          inFlight: 0,
          waiting: 1,
          concurrency: undefined,
          blockedFor: Duration.zero
        })
        assert.deepInclude(snapshot?.quotas[0], { limit: 2, remaining: 0, reset: Duration.seconds(59) })
        assert.deepStrictEqual(yield* limiter.state.get, yield* limiter.snapshot)
      }))

    it.effect("says how long nothing will be sent", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(7))
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxReplays(0)))
        yield* Effect.flip(limitedBy(server, limiter).get("/a"))
        yield* TestClock.adjust("2 seconds")
        assert.deepInclude((yield* limiter.snapshot)[0], { blockedFor: Duration.seconds(5) })
      }))

    it.scoped("can be followed while requests are sent, held back and answered", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: left(0), after: 1000 }, { headers: left(19) })
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(server, limiter)
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        yield* Effect.forkScoped(Stream.runForEach(limiter.state.changes, (snapshots) =>
          Ref.update(seen, (seen) => [
            ...seen,
            snapshots.map(({ inFlight, waiting }) => `${inFlight} in flight, ${waiting} waiting`).join()
          ])))
        yield* VirtualClock.settled
        assert.deepStrictEqual(yield* Ref.get(seen), [""])
        yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 second")
        yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("59 seconds")
        assert.deepStrictEqual(yield* Ref.get(seen), [
          "",
          "1 in flight, 0 waiting",
          "0 in flight, 0 waiting",
          "0 in flight, 1 waiting"
        ])
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Ref.get(seen)).at(-1), "0 in flight, 0 waiting")
      }))

    it.effect("forgets the keys that have not been used for long", () =>
      Effect.gen(function*() {
        const server = scripted({})
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(server, limiter)
        yield* Effect.forEach(Array.from({ length: 64 }, (_, n) => n), (n) => http.get(`/old/key${n}`))
        assert.lengthOf(yield* limiter.snapshot, 64)
        yield* TestClock.adjust("11 minutes")
        yield* http.get("/new")
        assert.deepStrictEqual((yield* limiter.snapshot).map(({ key }) => key), ["https://api.example/new"])
      }))
  })

  describe("withRateLimiter", () => {
    it.effect("limits a plain HttpClient, data-first and data-last", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(7))
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxReplays(0)))
        const first = RateLimiter.withRateLimiter(server, limiter)
        const last = server.pipe(RateLimiter.withRateLimiter(limiter))
        assert.isTrue(isRateLimited(yield* Effect.flip(first.get(`${origin}/a`))))
        assert.isTrue(isRateLimited(yield* Effect.flip(last.get(`${origin}/b`))))
      }))

    it.effect("counts each attempt of a client that retries outside", () =>
      Effect.gen(function*() {
        const server = scripted({ status: 500, headers: left(1, 60, 2) })
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(server, limiter).pipe(
          HttpClient.filterStatusOk,
          HttpClient.retry({ times: 2 })
        )
        yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 second")
        assert.lengthOf(yield* timesOf(server), 2)
        yield* TestClock.adjust("1 minute")
        assert.lengthOf(yield* timesOf(server), 3)
      }))
  })

  describe("layer", () => {
    it.effect("provides one limiter", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.CurrentRateLimiter
        assert.isTrue(RateLimiter.isRateLimiter(limiter))
        assert.strictEqual(yield* RateLimiter.CurrentRateLimiter, limiter)
      }).pipe(Effect.provide(RateLimiter.layer(policy))))
  })

  describe("isRateLimiter", () => {
    it.effect("tells a limiter from a policy", () =>
      Effect.gen(function*() {
        assert.isTrue(RateLimiter.isRateLimiter(yield* RateLimiter.make(policy)))
        assert.isFalse(RateLimiter.isRateLimiter(policy))
      }))
  })
})
