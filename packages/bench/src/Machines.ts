/**
 * Four processes of 16 fibers that keep within the quota of a server through Redis, beside one process of 64 fibers that keeps
 * within it by itself; and how long the script takes that divides a quota among 200.
 */
import * as Effect from "effect/Effect"
import * as Quotas from "../../redis/integration/fixtures/quotas.ts"
import * as Redis from "../../redis/integration/fixtures/redis.ts"
import { exchange } from "../../redis/src/internal/quotaScript.ts"
import { home } from "./Bundle.ts"
import type { Goal, Result } from "./Report.ts"
import { atLeast, atMost } from "./Report.ts"

const fixtures = new URL(`file://${home}../redis/integration/fixtures/`)

interface Scenario extends Omit<Quotas.Options, "fixtures"> {
  readonly name: string
  readonly blocked: number
  readonly fairness?: number
  /** Measured beside one process alone. */
  readonly isSteady?: boolean
  /** Measured from when a process that was killed no longer counts. */
  readonly isKill?: boolean
}

const sliding = { kind: "sliding", limit: 50, window: 1000 } as const

/** Another consumer takes so many calls a second, until the processes are nearly done. */
const taking = (perSecond: number, until: number): Quotas.Fault => ({
  after: 1,
  happens: ({ server }) =>
    Effect.delay(Effect.sync(server.spend), 1000 / perSecond).pipe(
      Effect.repeat({ until: () => server.served.length >= until })
    )
})

const scenarios: ReadonlyArray<Scenario> = [
  { name: "50 in each second", server: sliding, calls: 2000, blocked: 0, fairness: 0.9, isSteady: true },
  {
    name: "300 in each fixed second",
    server: { kind: "fixed", limit: 300, window: 1000, fromFirstCall: true },
    // no whole number of windows: the one call that is kept back in the first would begin one more
    calls: 2000,
    blocked: 0,
    isSteady: true
  },
  {
    name: "five at once",
    server: { kind: "sliding", limit: 100_000, window: 1000, concurrency: 5, latency: (n) => 20 + (n * 7) % 21 },
    calls: 2000,
    blocked: 0,
    fairness: 0.8,
    isSteady: true
  },
  {
    name: "50 in each second, then 25",
    server: sliding,
    calls: 1000,
    blocked: 16,
    faults: [{ after: 500, happens: ({ server }) => Effect.sync(() => server.setLimit(25)) }]
  },
  {
    name: "50 in each second, of which another takes 40 %",
    server: sliding,
    calls: 1000,
    blocked: 40,
    faults: [taking(20, 950)]
  },
  {
    name: "50 in each second, a process is killed",
    server: sliding,
    calls: 1000,
    blocked: 0,
    faults: [{ after: 300, happens: ({ kill }) => kill("p1") }],
    isKill: true
  },
  {
    name: "50 in each second, Redis comes back empty",
    server: sliding,
    calls: 1000,
    blocked: 0,
    faults: [{ after: 300, happens: ({ redis }) => redis.restart(500) }]
  },
  {
    name: "50 in each second, Redis hangs for 5 seconds",
    server: sliding,
    calls: 1000,
    blocked: 0,
    faults: [{ after: 300, happens: ({ redis }) => redis.hang(5000) }]
  }
]

/** In milliseconds. */
const lease = 3000

/** The rate over that of the quota from a lease and a window after the process was killed, over four windows. */
const recovered = ({ server: { limit, window }, shared }: Row): number => {
  const times = shared.servedFrom((shared.faults[0] ?? NaN) + lease + window)
  // the calls of a window are made together: from the first of one to the first of the fourth after it
  return 4 * window / ((times[4 * limit] ?? Infinity) - (times[0] ?? 0))
}

interface Row extends Scenario {
  readonly shared: Quotas.Outcome
  /** The time of one process alone. */
  readonly alone: number | undefined
}

const measure = (scenario: Scenario): Effect.Effect<Row, Error> =>
  Effect.gen(function*() {
    const shared = yield* Quotas.undisturbed({ ...scenario, fixtures, warmUp })
    const alone = scenario.isSteady === true
      ? yield* Quotas.undisturbed({ ...scenario, fixtures, warmUp, processes: 1, fibers: 64, isAlone: true })
      : undefined
    return { ...scenario, shared, alone: alone?.time }
  })

/** In milliseconds, as Redis measures it: how long the script takes at the median, where 200 processes share a quota. */
const exchanges = Effect.gen(function*() {
  const redis = yield* Redis.start()
  const sha = (yield* redis.command("SCRIPT", "LOAD", exchange.lua)).split("\r\n")[1] ?? ""
  let epoch = 0
  for (let round = 0; round < 4; round++) {
    // from then on all of them are known
    if (round === 1) yield* redis.command("CONFIG", "RESETSTAT")
    for (let n = 0; n < processes; n++) {
      const report = JSON.stringify(reportOf(n, epoch))
      const answer = yield* redis.command("EVALSHA", sha, "1", "bench:{quota}:quota", report, "bench:{quota}:news")
      epoch = JSON.parse(answer.slice(answer.indexOf("{"))).epoch
    }
  }
  const statistics = yield* redis.command("INFO", "latencystats")
  return Number(/usec_evalsha:p50=([\d.]+)/u.exec(statistics)?.[1]) / 1000
}).pipe(Effect.scoped)

const processes = 200

/** So many calls each process makes before they begin. */
const warmUp = 1000

const reportOf = (n: number, epoch: number) => ({
  id: `x${n.toString(36).padStart(6, "0")}`,
  lease: 3000,
  epoch,
  members: processes,
  inFlight: 1,
  waiting: 16,
  leaves: 0,
  open: 1,
  blocked: 0,
  known: [],
  holds: [{ name: "a", slots: 0, share: 5, used: 5, need: 21, charges: [] }],
  stated: epoch === 0 || n % 20 > 0 ? [] : [{
    name: "a",
    slots: 0,
    limit: 1000,
    window: 1000,
    end: 0,
    used: -1,
    sentAt: epoch,
    answeredAt: epoch,
    isBlock: 0
  }]
})

const goals = (row: Row): ReadonlyArray<Goal> => {
  const { alone, blocked, fairness, isKill, isSteady, name, shared } = row
  return [
    atMost(`${name}: blocked after the quota was stated`, shared.blocked.length, blocked),
    atMost(`${name}: failed`, shared.failures, 0),
    ...isSteady === true ? [atMost(`${name}: round trips for a request`, shared.tripsOfRequest, 0.2)] : [],
    ...alone === undefined
      ? []
      : [atMost(`${name}: time over one process alone`, shared.time / alone, 1.05, twoProcessors)],
    ...fairness === undefined ? [] : [atLeast(`${name}: fairness at half time`, shared.fairness, fairness)],
    ...isKill === true ? [atLeast(`${name}: rate from a lease and a window after it`, recovered(row), 0.95)] : []
  ]
}

const twoProcessors = "Four processes, their server and Redis share two processors."

export const run: Effect.Effect<Result, unknown> = Effect.gen(function*() {
  const rows = yield* Effect.forEach(scenarios, measure)
  const script = yield* exchanges
  return {
    title: "Four processes that share the quota of an account through Redis",
    columns: ["quota", "blocked", "failed", "time over one process alone", "round trips for a request", "fairness"],
    rows: [
      ...rows.map(({ alone, name, shared }) => [
        name,
        shared.blocked.length,
        shared.failures,
        alone === undefined ? null : shared.time / alone,
        shared.tripsOfRequest,
        shared.fairness
      ]),
      ["one exchange of 200 processes, in milliseconds: the script", null, null, script, null, null]
    ],
    goals: [
      ...rows.flatMap(goals),
      atMost("one exchange of 200 processes, in milliseconds: the script", script, 1)
    ],
    notes: [
      "Blocked: after an answer had stated the quota. The processes have 16 fibers each; one alone has 64, and does without Redis.",
      `Before they begin, each makes ${warmUp} calls that no quota counts, because the compiler's work is not of the quota.`,
      "Fairness: the least that a process was served at half time over the most.",
      "A run in which a process did nothing for most of its lease is repeated."
    ]
  }
})
