// Servers and clocks as they are: statements that are absurd, late or missing, ids in paths, keys without end.
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import { limited, limitedBy, origin, policy, scripted, timesOf } from "./limited.ts"

const blockedFor = (retryAfter: string): ScriptedHttpClient.Reply => ({
  status: 429,
  headers: { "retry-after": retryAfter }
})

const quiet = Logger.withMinimumLogLevel(LogLevel.None)

/** When one request was sent until it was served or failed, under a clock of its own. */
const sentAt = (policy: RateLimitPolicy.RateLimitPolicy, ...script: ReadonlyArray<ScriptedHttpClient.Reply>) =>
  Effect.gen(function*() {
    const server = scripted(...script)
    const http = yield* limited(server, policy)
    yield* VirtualClock.run(Effect.exit(http.get("/a")))
    return yield* timesOf(server)
  }).pipe(quiet)

describe("RateLimiter", () => {
  describe("when the wall clock is set back", () => {
    const steps = [["a minute", 1 / 60], ["an hour", 1], ["three days", 72]] as const

    it.effect.each(steps)(
      "by %s, sends a request that waits when its wait is over",
      ([, hours]) =>
        Effect.gen(function*() {
          const clock = VirtualClock.make("2026-01-01T00:00:00Z")
          const server = scripted(blockedFor("60"), {})
          const limiter = yield* RateLimiter.make(policy)
          yield* Effect.gen(function*() {
            const fiber = yield* Effect.fork(limitedBy(server, limiter).get("/a"))
            yield* clock.advance("10 seconds")
            yield* clock.jumpBack(Duration.hours(hours))
            assert.isAtMost(Duration.toSeconds((yield* limiter.snapshot)[0]?.blockedFor ?? 0), 60)
            yield* clock.advance("49 seconds")
            assert.strictEqual(yield* server.count, 1)
            yield* clock.advance("1 second")
            assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
          }).pipe(Effect.withClock(clock), quiet)
        })
    )

    it.effect.each(steps)(
      "by %s, sends a request that comes later when the wait that was known is over",
      ([, hours]) =>
        Effect.gen(function*() {
          const clock = VirtualClock.make("2026-01-01T00:00:00Z")
          const server = scripted(
            { headers: { "ratelimit-limit": "5", "ratelimit-remaining": "0", "ratelimit-reset": "60" } },
            {}
          )
          const http = yield* limited(server, policy)
          yield* Effect.gen(function*() {
            yield* http.get("/a")
            yield* clock.advance("10 seconds")
            yield* clock.jumpBack(Duration.hours(hours))
            const fiber = yield* Effect.fork(http.get("/a"))
            yield* clock.advance("50 seconds")
            assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
          }).pipe(Effect.withClock(clock), quiet)
        })
    )

    it.effect.each<[by: string, back: number, after: number, wait: number]>([
      ["less than has passed since the last look at it", 3, 4, 5],
      ["less than that, shortly after the answer", 1, 2, 5],
      ["some seconds", 8, 9, 15]
    ])(
      "by %s, prolongs neither what waits nor what comes later nor what is shown",
      ([, back, after, wait]) =>
        Effect.gen(function*() {
          const clock = VirtualClock.make("2026-01-01T00:00:00Z")
          const server = scripted(blockedFor(String(wait)), {})
          const limiter = yield* RateLimiter.make(policy)
          const http = limitedBy(server, limiter)
          yield* Effect.gen(function*() {
            const early = yield* Effect.fork(http.get("/a"))
            yield* clock.advance(Duration.seconds(after))
            yield* clock.jumpBack(Duration.seconds(back))
            assert.deepInclude((yield* limiter.snapshot)[0], { blockedFor: Duration.seconds(wait - after) })
            const late = yield* Effect.fork(http.get("/a"))
            yield* clock.advance(Duration.seconds(wait - after))
            yield* Fiber.join(Fiber.zip(early, late))
          }).pipe(Effect.withClock(clock), quiet)
          assert.strictEqual(yield* server.count, 3)
        })
    )

    it.effect("lets one request find out, if nothing tells how much time has passed", () =>
      Effect.gen(function*() {
        const running = VirtualClock.make("2026-01-01T00:00:00Z")
        const step = MutableRef.make(0)
        const millis = () => running.unsafeCurrentTimeMillis() + MutableRef.get(step)
        // the nanoseconds are set as well
        const clock: Clock.Clock = {
          ...running,
          unsafeCurrentTimeMillis: millis,
          unsafeCurrentTimeNanos: () => BigInt(millis()) * 1_000_000n,
          currentTimeMillis: Effect.sync(millis)
        }
        const server = scripted(blockedFor("3600"), { after: 100 })
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxWait("1 day")))
        const http = limitedBy(server, limiter)
        yield* Effect.gen(function*() {
          const first = yield* Effect.fork(http.get("/a"))
          yield* running.advance("1 minute")
          MutableRef.set(step, -3 * 86_400_000)
          const second = yield* Effect.fork(http.get("/a"))
          yield* running.advance("50 millis")
          assert.strictEqual(yield* server.count, 2)
          yield* running.advance("1 second")
          yield* Fiber.join(Fiber.zip(first, second))
        }).pipe(Effect.withClock(clock), quiet)
      }))
  })

  describe("when a server states an absurd wait", () => {
    const year = "31536000"

    it.effect("on a 503, asks it again after a day, with one request", () =>
      Effect.gen(function*() {
        const server = scripted({ status: 503, headers: { "retry-after": year } }, { after: 1000 })
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.maxWait("2 days")))
        yield* VirtualClock.run(Effect.gen(function*() {
          assert.strictEqual((yield* http.get("/a")).status, 503)
          yield* Effect.all([http.get("/a"), http.get("/a")], { concurrency: "unbounded" })
        }))
        assert.deepStrictEqual(yield* timesOf(server), [0, 86_400_000, 86_401_000])
      }).pipe(quiet))

    it.effect("on a 200, asks it again after as long as the policy believes it", () =>
      Effect.gen(function*() {
        const server = scripted({ headers: { ratelimit: `"a";r=0;t=${year}` } }, {})
        const http = yield* limited(server, policy.pipe(RateLimitPolicy.believe("1 minute")))
        yield* VirtualClock.run(Effect.repeatN(http.get("/a"), 1))
        assert.deepStrictEqual(yield* timesOf(server), [0, 60_000])
      }).pipe(quiet))

    it.effect("fails a request at once that may not wait for so long", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor(year))
        const error = yield* Effect.flip((yield* limited(server, policy)).get("/a"))
        assert.deepInclude(error, { _tag: "RateLimited", retryAfter: Duration.hours(24) })
      }).pipe(quiet))

    it.effect("of a millisecond again and again, waits for longer after each block", () =>
      Effect.gen(function*() {
        const at = yield* sentAt(policy, blockedFor("0.001"))
        const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0))
        assert.deepStrictEqual(gaps.slice(0, 5), [1, 1000, 2000, 4000, 8000])
        assert.isBelow(at.length, 15)
      }))

    it.effect("of a second again and again, waits for a second", () =>
      Effect.gen(function*() {
        const script = Array.from({ length: 10 }, () => blockedFor("1"))
        assert.strictEqual((yield* sentAt(policy, ...script, {})).at(-1), 10_000)
      }))
  })

  describe("when GitHub names a secondary limit in the body", () => {
    it.effect("waits for a minute, and for twice as long after each further block", () =>
      Effect.gen(function*() {
        const github = policy.pipe(
          RateLimitPolicy.headers(RateLimitHeaders.github),
          RateLimitPolicy.maxWait("1 hour")
        )
        const secondary: ScriptedHttpClient.Reply = {
          status: 403,
          headers: { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4000", "x-ratelimit-reset": "3600" },
          body: "{\"message\":\"You have exceeded a secondary rate limit.\"}"
        }
        assert.deepStrictEqual(yield* sentAt(github, secondary, secondary, secondary, {}), [
          0,
          60_000,
          180_000,
          420_000
        ])
      }))
  })

  describe("when GitHub refuses with a body without end", () => {
    it.effect("gives the refusal to its caller within the bounds of the policy, and the slot back", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(policy.pipe(
          RateLimitPolicy.headers(RateLimitHeaders.github),
          RateLimitPolicy.bodies({ reading: { size: 1000, time: Duration.seconds(2) } })
        ))
        const request = HttpClientRequest.get(`${origin}/a`)
        const bodies: ReadonlyArray<UnderlyingDefaultSource<Uint8Array>> = [
          { pull: () => new Promise(() => {}) },
          { pull: (controller) => controller.enqueue(new Uint8Array(100)) }
        ]
        for (const body of bodies) {
          const response = HttpClientResponse.fromWeb(request, new Response(new ReadableStream(body), { status: 403 }))
          const fiber = yield* Effect.fork(limiter.run(request, () => Effect.succeed(response)))
          yield* VirtualClock.settled
          yield* TestClock.adjust("2 seconds")
          assert.strictEqual((yield* Fiber.join(fiber)).status, 403)
          assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0, blockedFor: Duration.zero })
        }
      }))
  })

  describe("when a cache answers", () => {
    it.effect("does not wait for a quota that was true ten minutes ago", () =>
      Effect.gen(function*() {
        const stale = { "ratelimit-limit": "5", "ratelimit-remaining": "0", "ratelimit-reset": "60", age: "600" }
        const server = scripted({ headers: stale }, {})
        const http = yield* limited(server, policy)
        yield* Effect.repeatN(http.get("/a"), 2)
        assert.deepStrictEqual(yield* timesOf(server), [0, 0, 0])
      }))
  })

  describe("keys", () => {
    /** A server that counts all paths together: five calls in ten seconds. */
    const countingAll = Effect.gen(function*() {
      const accepted = yield* Ref.make<ReadonlyArray<number>>([])
      const blocked = yield* Ref.make(0)
      const client = HttpClient.make((request) =>
        Effect.gen(function*() {
          yield* Effect.sleep("50 millis")
          const now = yield* Clock.currentTimeMillis
          const recent = (yield* Ref.get(accepted)).filter((at) => at > now - 10_000)
          const toWait = recent.length < 5 ? 0 : Math.ceil(((recent[0] ?? 0) + 10_000 - now) / 1000)
          yield* toWait > 0 ? Ref.update(blocked, (n) => n + 1) : Ref.set(accepted, [...recent, now])
          const init = toWait > 0 ? { status: 429, headers: { "retry-after": String(toWait) } } : {}
          return HttpClientResponse.fromWeb(request, new Response("", init))
        })
      )
      return { client, blocked: Ref.get(blocked) }
    })

    const race = (paths: ReadonlyArray<string>, policy: RateLimitPolicy.RateLimitPolicy) =>
      Effect.gen(function*() {
        const { blocked, client } = yield* countingAll
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(client, limiter)
        const finished = yield* VirtualClock.run(
          Effect.zipRight(
            Effect.forEach(paths, (path) => http.get(path), { concurrency: "unbounded" }),
            Clock.currentTimeMillis
          )
        )
        return { blocked: yield* blocked, finished, keys: (yield* limiter.snapshot).length }
      }).pipe(quiet)

    const names = Array.from({ length: 20 }, (_, n) => `/hostasset/name${n}`)

    it.effect("of one origin that are blocked at the same time are one from then on", () =>
      Effect.gen(function*() {
        const { blocked, finished, keys } = yield* race(names, policy)
        // fifteen at first; as one they lose a few more to find out how many are admitted
        assert.isAtMost(blocked, 25)
        assert.isAtMost(finished, 45_000)
        assert.strictEqual(keys, 5 + 1)
      }))

    it.effect("are one for all ids of a path", () =>
      Effect.gen(function*() {
        const ids = Array.from({ length: 20 }, (_, n) => `/hostasset/${n}`)
        const folded = yield* race(ids, policy)
        const byRoute = yield* race(
          names,
          policy.pipe(RateLimitPolicy.key(RateLimitPolicy.byRoute(["/hostasset/{name}"])))
        )
        for (const { blocked, finished, keys } of [folded, byRoute]) {
          assert.isAtMost(blocked, 25)
          assert.isAtMost(finished, 45_000)
          assert.strictEqual(keys, 1)
        }
      }))

    it.effect("stay apart if what the server states tells their quotas apart", () =>
      Effect.gen(function*() {
        const blocked = (limit: number, reset: number): ScriptedHttpClient.Reply => ({
          status: 429,
          headers: { "ratelimit-limit": String(limit), "ratelimit-remaining": "0", "ratelimit-reset": String(reset) }
        })
        const cases = [
          [blocked(5, 60), blocked(6, 60)],
          [blocked(5, 60), blocked(5, 90)],
          [blockedFor("5"), blockedFor("3600")]
        ]
        for (const [a = {}, b = {}] of cases) {
          const server = ScriptedHttpClient.make(ScriptedHttpClient.routes({ "GET /a": a, "GET /b": b }))
          const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxReplays(0)))
          const http = limitedBy(server, limiter)
          yield* Effect.forEach(["/a", "/b"], (path) => Effect.flip(http.get(path)))
          assert.lengthOf(yield* limiter.snapshot, 2)
        }
      }).pipe(quiet))

    it.effect("of two groups of one origin become two, in whatever order they are blocked", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make(({ line }) =>
          Effect.succeed(blockedFor(/[135]$/.test(line) ? "60" : "900"))
        )
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxReplays(0)))
        const http = limitedBy(server, limiter)
        for (const names of [["/a1", "/a2", "/a3", "/a4", "/a5", "/a6"], ["/b6", "/b5", "/b4", "/b3", "/b2", "/b1"]]) {
          yield* Effect.forEach(names, (name) => Effect.flip(http.get(name)))
        }
        const blocks = (yield* limiter.snapshot).map(({ blockedFor }) => Duration.toSeconds(blockedFor))
        assert.deepStrictEqual(blocks, [60, 900])
      }).pipe(quiet))

    it.effect("that become one take their waiting requests and those in flight along", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make(({ line }) =>
          Effect.map(
            Clock.currentTimeMillis,
            (now): ScriptedHttpClient.Reply =>
              now < 5000 ? { ...blockedFor("5"), after: line.startsWith("GET /b") ? 200 : 100 } : { after: 100 }
          )
        )
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(server, limiter)
        const run = Effect.gen(function*() {
          const early = yield* Effect.forkAll(["/a", "/b", "/b", "/a"].map((path) => http.get(path)))
          yield* Effect.sleep("150 millis")
          const late = yield* Effect.forkAll(["/b", "/a"].map((path) => http.get(path)))
          yield* Effect.sleep("1 second")
          const [waiting] = yield* limiter.snapshot
          assert.deepInclude(waiting, { key: "https://api.example/a", inFlight: 0, waiting: 6 })
          yield* Fiber.join(Fiber.zip(early, late))
        })
        yield* VirtualClock.run(run)
        assert.deepInclude((yield* limiter.snapshot)[0], { inFlight: 0, waiting: 0 })
        assert.lengthOf(yield* limiter.snapshot, 1)
      }).pipe(quiet))

    it.effect("of one origin count their blocks together, so that the backoff grows", () =>
      Effect.gen(function*() {
        const server = scripted({ status: 429 })
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxReplays(0)))
        const http = limitedBy(server, limiter)
        const waits = yield* Effect.forEach(["/a", "/b", "/c"], (path) =>
          Effect.gen(function*() {
            const error = yield* Effect.flip(http.get(path))
            yield* TestClock.adjust("10 seconds")
            return error._tag === "RateLimited" ? Duration.toSeconds(error.retryAfter) : NaN
          }))
        assert.deepStrictEqual(waits, [1, 2, 4])
        const elsewhere = yield* Effect.flip(
          server.pipe(RateLimiter.withRateLimiter(limiter)).get("https://other.example/a")
        )
        assert.deepInclude(elsewhere, { retryAfter: Duration.seconds(1) })
      }).pipe(quiet))

    it.effect("of one origin begin the backoff anew when none was blocked for ten minutes", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(policy.pipe(
          RateLimitPolicy.headers(RateLimitHeaders.github),
          RateLimitPolicy.maxReplays(0)
        ))
        const http = limitedBy(scripted({ status: 429 }), limiter)
        const waits = yield* Effect.forEach(
          [["/a", 3], ["/b", 13], ["/c", 0]] as const,
          ([path, minutes]) =>
            Effect.gen(function*() {
              const error = yield* Effect.flip(http.get(path))
              yield* TestClock.adjust(Duration.minutes(minutes))
              return error._tag === "RateLimited" ? Duration.toMinutes(error.retryAfter) : NaN
            })
        )
        assert.deepStrictEqual(waits, [1, 2, 1])
      }).pipe(quiet))

    it.effect("that have none are neither counted nor held back", () =>
      Effect.gen(function*() {
        const server = scripted(blockedFor("60"), {})
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.key(() => undefined)))
        const http = limitedBy(server, limiter)
        assert.strictEqual((yield* http.get("/auth")).status, 429)
        assert.strictEqual((yield* http.get("/auth")).status, 200)
        assert.deepStrictEqual(yield* timesOf(server), [0, 0])
        assert.lengthOf(yield* limiter.snapshot, 0)
      }))

    it.effect("that are idle are forgotten after a while, however few they are", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(policy)
        const http = limitedBy(scripted({}), limiter)
        yield* Effect.forEach(["/a", "/b", "/c"], (path) => http.get(path))
        yield* TestClock.adjust("9 minutes")
        yield* http.get("/a")
        assert.lengthOf(yield* limiter.snapshot, 3)
        yield* TestClock.adjust("2 minutes")
        yield* http.get("/a")
        assert.deepStrictEqual((yield* limiter.snapshot).map(({ key }) => key), ["https://api.example/a"])
      }))

    it.effect("made up without end stay ten thousand, the latest and the blocked ones", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxReplays(0)))
        const run = (path: string, init: ResponseInit) => {
          const request = HttpClientRequest.get(origin + path)
          return Effect.exit(
            limiter.run(request, () => Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, init))))
          )
        }
        const clock = VirtualClock.make()
        yield* Effect.gen(function*() {
          yield* run("/blocked", { status: 429, headers: { "retry-after": "60" } })
          for (let n = 0; n < 12_000; n++) {
            yield* clock.jump("1 millis")
            yield* run(`/key${n}`, {})
          }
        }).pipe(Effect.withClock(clock))
        const keys = (yield* limiter.snapshot).map(({ key }) => key)
        assert.isAtMost(keys.length, 10_000)
        assert.include(keys, "https://api.example/blocked")
        assert.include(keys, "https://api.example/key11999")
        assert.notInclude(keys, "https://api.example/key0")
      }).pipe(quiet))
  })

  describe("a request that is run again", () => {
    it.effect("has waited since its making, if its caller keeps that", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make(policy.pipe(RateLimitPolicy.maxWait("1 minute")))
        const request = HttpClientRequest.get(`${origin}/a`)
        const server = scripted(blockedFor("50"), {}, blockedFor("50"), {}, blockedFor("50"), {})
        const making: RateLimiter.Making = MutableRef.make<number | undefined>(undefined)
        const run = (making?: RateLimiter.Making) =>
          limiter.run(request, () => server.execute(request), undefined, making)
        const fiber = yield* Effect.fork(
          Effect.all([run(making), Effect.either(run(making)), Effect.sleep("50 seconds"), run()])
        )
        yield* TestClock.adjust("5 minutes")
        const [, again] = yield* Fiber.join(fiber)
        assert.propertyVal(again, "_tag", "Left")
        assert.deepStrictEqual(yield* timesOf(server), [0, 50_000, 50_000, 100_000])
      }).pipe(quiet))
  })
})
