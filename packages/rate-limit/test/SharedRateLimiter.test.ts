import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as SharedRateLimiter from "../src/SharedRateLimiter.ts"
import { limitedBy, policy, scripted } from "./limited.ts"
import * as Simulated from "./sharedQuota.ts"

interface World {
  readonly server: Simulated.Server
  readonly reach: Simulated.Reach
  readonly processes: ReadonlyArray<Simulated.Process>
}

interface Scenario {
  readonly server: Simulated.ServerOptions
  /** Of each of the four. */
  readonly calls: number
  readonly whenAway?: SharedRateLimiter.WhenAway | undefined
  readonly meanwhile?: (world: World) => Effect.Effect<void>
}

const nothing = () => Effect.void

/** Four processes of 16 fibers each, that call as soon as they may. */
const together = ({ calls, meanwhile = nothing, server: options, whenAway }: Scenario) =>
  Effect.gen(function*() {
    const server = Simulated.server(options)
    const reach = Simulated.reach(yield* SharedRateLimiter.memory)
    const begin = yield* Clock.currentTimeMillis
    const processes = yield* Effect.forEach(["a", "b", "c", "d"], (name) =>
      Simulated.start(server, reach.exchange, { name, calls, whenAway }))
    yield* Effect.fork(meanwhile({ server, reach, processes }))
    yield* Effect.forEach(processes, ({ done }) =>
      Effect.exit(done), { concurrency: "unbounded" })
    const time = Math.max(...server.served.map(({ at }) => at)) - begin
    return {
      time,
      served: server.served.length,
      /** When, of calls that could have known better. */
      blocked: server.blocked.filter((at) => at > server.statedAt).map((at) => at - begin),
      failures: processes.reduce((sum, { failures }) => sum + failures, 0),
      trips: reach.reports() / server.served.length,
      /** The least that a process was served over the most. */
      fairness: (until: number) => {
        const served = Object.values(Simulated.servedBy(server, begin, begin + until))
        return Math.min(...served) / Math.max(...served)
      },
      rate: (from: number, to: number) =>
        server.served.filter(({ at }) => at >= begin + from && at < begin + to).length / (to - from) * 1000
    }
  }).pipe(Simulated.run)

const sliding: Simulated.ServerOptions = { kind: "sliding", limit: 24, window: 1000 }

const after = (millis: number, self: Effect.Effect<unknown>) => Effect.asVoid(Effect.delay(self, millis))

describe("SharedRateLimiter", () => {
  it.live("keeps four processes together within a sliding window", () =>
    Effect.gen(function*() {
      const { blocked, failures, fairness, served, time } = yield* together({ server: sliding, calls: 40 })
      assert.deepStrictEqual({ blocked, failures, served }, { blocked: [], failures: 0, served: 160 })
      assert.isAtLeast(fairness(3_700), 0.8)
      // the last of seven windows begins after six seconds; an answer is on its way for up to 25 milliseconds
      assert.isAtMost(time, 6_600)
    }))

  it.live("uses each fixed window to the full", () =>
    Effect.gen(function*() {
      const { blocked, failures, time, trips } = yield* together({
        server: { kind: "fixed", limit: 200, window: 1000 },
        calls: 150
      })
      assert.deepStrictEqual({ blocked, failures }, { blocked: [], failures: 0 })
      assert.isAtMost(time, 3_200)
      assert.isAtMost(trips, 0.2)
    }))

  it.live("keeps them together within the number of calls that run at once", () =>
    Effect.gen(function*() {
      const { blocked, failures, trips } = yield* together({
        server: { kind: "sliding", limit: 10_000, window: 1000, concurrency: 5, latency: (n) => 20 + (n * 7) % 21 },
        calls: 60
      })
      assert.deepStrictEqual({ blocked, failures }, { blocked: [], failures: 0 })
      assert.isAtMost(trips, 0.2)
    }))

  it.live("tells all of them at once that the limit has been halved", () =>
    Effect.gen(function*() {
      const { blocked, failures, rate } = yield* together({
        server: sliding,
        calls: 30,
        meanwhile: ({ server }) => after(2_500, Effect.sync(() => server.setLimit(12)))
      })
      assert.isAtMost(blocked.length, 16)
      assert.strictEqual(failures, 0)
      assert.isAtLeast(rate(4_000, 6_000), 11)
    }))

  it.live("leaves to another consumer what it takes", () =>
    Effect.gen(function*() {
      const { blocked, failures } = yield* together({
        server: sliding,
        calls: 65,
        meanwhile: ({ server }) => Effect.forever(after(100, server.spend))
      })
      assert.strictEqual(failures, 0)
      assert.isAtMost(blocked.length, 20)
      // calls that are sent together are blocked together
      assert.isAtMost(blocked.filter((at) => at > 5_000).length, 4)
    }))

  it.live("leaves to another consumer in each fixed window about what it has used in the one before", () =>
    Effect.gen(function*() {
      const server = Simulated.server({ kind: "fixed", limit: 200, window: 10_000 })
      const exchange = yield* SharedRateLimiter.memory
      const begin = yield* Clock.currentTimeMillis
      // 20 calls a second, and 10 of the other
      yield* Effect.forEach(
        ["a", "b", "c", "d"],
        (name) => Simulated.start(server, exchange, { name, calls: 1000, fibers: 5, pause: 900 })
      )
      yield* Effect.fork(Effect.forever(after(100, server.spend)))
      yield* Effect.sleep("60 seconds")
      const windowOf = (at: number) => Math.floor(at / 10_000) - Math.floor(begin / 10_000)
      const served = [2, 3, 4, 5].map((n) => server.served.filter(({ at }) => windowOf(at) === n).length)
      assert.isAtLeast(Math.min(...served), 100)
      // 140 by who takes the others for using nothing as soon as a window has begun
      assert.isAtMost(served.reduce((sum, n) => sum + n, 0) / served.length, 135)
    }).pipe(Simulated.run))

  it.live("uses the whole quota again within a lease and a window after a process was killed", () =>
    Effect.gen(function*() {
      const { blocked, failures, rate } = yield* together({
        server: sliding,
        calls: 80,
        meanwhile: ({ processes }) => after(1_100, processes[1]?.kill ?? Effect.void)
      })
      assert.deepStrictEqual({ blocked, failures }, { blocked: [], failures: 0 })
      assert.isAtMost(rate(2_200, 4_200), 18)
      // the calls of a window are made at once
      const windows = [0, 100, 200, 300, 400, 500].map((later) => rate(6_100 + later, 7_100 + later))
      assert.isAtLeast(Math.max(...windows), 0.95 * 24)
    }))

  for (const [whenAway, least, most] of [["share", 20, 24], ["block", 0, 1]] as const) {
    it.live(`that cannot reach the others for longer than a lease sends ${least} to ${most} calls a second, if it is to ${whenAway}`, () =>
      Effect.gen(function*() {
        const { blocked, failures, rate } = yield* together({
          server: sliding,
          calls: 48,
          whenAway,
          meanwhile: ({ reach }) =>
            after(1_100, Effect.sync(() => reach.setAway(true))).pipe(
              Effect.zipRight(after(6_000, Effect.sync(() => reach.setAway(false))))
            )
        })
        assert.deepStrictEqual({ blocked, failures }, { blocked: [], failures: 0 })
        assert.isAtLeast(rate(2_000, 4_000), 22)
        const away = rate(5_000, 7_000)
        assert.isAtLeast(away, least)
        assert.isAtMost(away, most)
      }))
  }

  it.live("that cannot reach the others goes on as if it were alone, if it is to", () =>
    Effect.gen(function*() {
      const { failures, served } = yield* together({
        server: sliding,
        calls: 20,
        whenAway: "local",
        meanwhile: ({ reach }) => Effect.sync(() => reach.setAway(true))
      })
      assert.deepStrictEqual({ failures, served }, { failures: 0, served: 80 })
    }))

  it.live("starts with what the policy says of the quota, without finding it out", () =>
    Effect.gen(function*() {
      const server = Simulated.server(sliding)
      const exchange = yield* SharedRateLimiter.memory
      const process = yield* Simulated.start(server, exchange, {
        name: "a",
        calls: 50,
        policy: Simulated.knowing(sliding)
      })
      yield* process.done
      assert.strictEqual(server.blocked.length, 0)
      assert.isAbove(server.served.filter(({ at }) => at < server.statedAt).length, 1)
    }).pipe(Simulated.run))

  it.live.each<[string, Duration.Duration, number]>([
    ["Infinity", Duration.infinity, 3_600_000],
    ["0", Duration.zero, 500],
    ["a second", Duration.seconds(1), 1_000]
  ])(
    "has a lease of half a second to an hour, if it is to have one of %s",
    ([, lease, reported]) =>
      Effect.gen(function*() {
        const leases = new Set<number>()
        const memory = yield* SharedRateLimiter.memory
        const exchange: SharedRateLimiter.Exchange = {
          ...memory,
          report: (key, report) => Effect.suspend(() => (leases.add(report.lease), memory.report(key, report)))
        }
        const server = Simulated.server(sliding)
        yield* Effect.flatMap(Simulated.start(server, exchange, { name: "a", calls: 4, lease }), ({ done }) => done)
        assert.deepStrictEqual([...leases], [reported])
        assert.strictEqual(server.served.length, 4)
      }).pipe(Simulated.run)
  )

  it.live("says that it goes, so that the others need not wait for its lease", () =>
    Effect.gen(function*() {
      const server = Simulated.server({ kind: "sliding", limit: 4, window: 1000, latency: () => 2 })
      const exchange = yield* SharedRateLimiter.memory
      yield* Effect.flatMap(Simulated.start(server, exchange, { name: "a", calls: 4 }), ({ done }) => done)
      const begin = yield* Clock.currentTimeMillis
      yield* Effect.flatMap(Simulated.start(server, exchange, { name: "b", calls: 4 }), ({ done }) => done)
      assert.isAtMost((yield* Clock.currentTimeMillis) - begin, 2_500)
      assert.strictEqual(server.blocked.length, 0)
    }).pipe(Simulated.run))

  it.live("says once that there is no answer, and why, for as long as there is none", () =>
    Effect.gen(function*() {
      const said: Array<string> = []
      const isAway = yield* Ref.make(false)
      const memory = yield* SharedRateLimiter.memory
      const exchange: SharedRateLimiter.Exchange = {
        ...memory,
        report: (key, report) =>
          Effect.flatMap(Ref.get(isAway), (isAway) =>
            isAway ? Effect.fail(new Error("the answer is NOAUTH")) : memory.report(key, report))
      }
      const server = Simulated.server(sliding)
      yield* Effect.gen(function*() {
        yield* Effect.fork(
          Effect.flatMap(Simulated.start(server, exchange, { name: "a", calls: 400 }), ({ done }) =>
            done)
        )
        for (const [away, seconds] of [[false, 2], [true, 4], [false, 2], [true, 4]] as const) {
          yield* Ref.set(isAway, away)
          yield* Effect.sleep(seconds * 1000)
        }
      }).pipe(
        Logger.withMinimumLogLevel(LogLevel.Warning),
        Effect.provide(
          Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void said.push(String(message))))
        )
      )
      assert.lengthOf(said.filter((line) => line.includes("what others use of the quota is not known")), 2)
      assert.include(said.join(), "the answer is NOAUTH")
    }).pipe(Simulated.run))

  for (const [how, bug] of Object.entries(bugs)) {
    it.scoped(`goes on alone, and shows no word of it, if the exchange ${how}`, () =>
      Effect.gen(function*() {
        const detector = yield* LeakDetector.make({ words: "canary-words-of-an-exchange" })
        const { exit, leaks } = yield* detector.watch(Effect.scoped(Effect.gen(function*() {
          const limiter = yield* SharedRateLimiter.make(policy, {
            exchange: { report: bug, news: () => Stream.fromEffect(Effect.suspend(bug)) },
            whenAway: "local"
          })
          const answer = yield* Effect.fork(limitedBy(scripted({}), limiter).get("/a"))
          yield* TestClock.adjust("1 second")
          return (yield* Fiber.join(answer)).status
        })))
        assert.deepStrictEqual(exit, Exit.succeed(200))
        assert.deepStrictEqual(leaks, [])
      }))
  }
})

const bugs: Record<string, () => Effect.Effect<never>> = {
  throws: () => {
    throw new TypeError("canary-words-of-an-exchange")
  },
  dies: () => Effect.dieMessage("canary-words-of-an-exchange")
}
