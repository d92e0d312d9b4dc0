import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Quotas from "../integration/fixtures/quotas.ts"

const calls = Number(process.env["CALLS"] ?? 2000)

const sliding = { kind: "sliding", limit: 50, window: 1000 } as const

/** Others take so many calls a second, evenly, until the processes are done. */
const others = (perSecond: number): Quotas.Fault => ({
  after: 1,
  happens: ({ server }) =>
    Effect.gen(function*() {
      while (server.served.length < calls - 50) {
        server.spend()
        yield* Effect.sleep(1000 / perSecond)
      }
    })
})

interface Scenario extends Omit<Quotas.Options, "calls"> {
  readonly name: string
  readonly blocked: number
  readonly trips?: number
  readonly fairness?: number
}

const scenarios: ReadonlyArray<Scenario> = [
  { name: "50 in each second", server: sliding, blocked: 0, trips: 0.2, fairness: 0.9 },
  { name: "300 in each fixed second", server: { kind: "fixed", limit: 300, window: 1000 }, blocked: 0, trips: 0.2 },
  {
    name: "five at once",
    server: { kind: "sliding", limit: 100_000, window: 1000, concurrency: 5, latency: (n) => 20 + (n * 7) % 21 },
    blocked: 0,
    trips: 0.2,
    fairness: 0.8
  },
  {
    name: "a limit that is halved",
    server: { kind: "sliding", limit: 100, window: 1000 },
    blocked: 16,
    faults: [{ after: calls / 2, happens: ({ server }) => Effect.sync(() => server.setLimit(50)) }]
  },
  { name: "another consumer that takes 40 %", server: sliding, blocked: 40, faults: [others(20)] },
  {
    name: "clocks 30 seconds apart, three that are killed, three restarts and three hangs of Redis",
    server: { kind: "sliding", limit: 100, window: 1000 },
    clocksApart: 30_000,
    blocked: 0,
    trips: 0.2,
    faults: [0.1, 0.4, 0.7].flatMap((part): ReadonlyArray<Quotas.Fault> => [
      { after: part * calls, happens: ({ kill }) => kill("p1") },
      { after: (part + 0.1) * calls, happens: ({ redis }) => redis.restart(500) },
      { after: (part + 0.2) * calls, happens: ({ redis }) => redis.hang(5000) }
    ])
  }
]

describe("RedisRateLimiter between processes, for long", () => {
  for (const { blocked, fairness, name, trips, ...options } of scenarios) {
    it.live(`keeps four processes of 16 fibers within ${name}`, () =>
      Effect.gen(function*() {
        const outcome = yield* Quotas.undisturbed({ ...options, calls })
        console.log(`${name}: ${JSON.stringify(outcome)}`)
        assert.isAtMost(outcome.blocked.length, blocked)
        const { failures, faults } = outcome
        assert.deepStrictEqual({ failures, faults: faults.length }, {
          failures: 0,
          faults: options.faults?.length ?? 0
        })
        if (trips !== undefined) assert.isAtMost(outcome.tripsOfRequest, trips)
        if (fairness !== undefined) assert.isAtLeast(outcome.fairness, fairness)
      }), 600_000)
  }
})
