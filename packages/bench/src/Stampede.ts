/**
 * A great many callers at once, whose token has expired: how many exchanges they cause, how many of them fail, and how
 * much longer it takes than the same requests by the same library without authentication.
 */
import * as Effect from "effect/Effect"
import type { Spread } from "./Measure.ts"
import { spread } from "./Measure.ts"
import type { Cell, Goal, Result } from "./Report.ts"
import { atMost, exactly } from "./Report.ts"
import type { Connection, TokenClient } from "./TokenClients.ts"
import { semaphore, tokenClients } from "./TokenClients.ts"
import { TokenServer } from "./TokenServer.ts"

type Scenario = "expired" | "first caller aborted" | "exchange refused"

const scenarios: ReadonlyArray<Scenario> = ["expired", "first caller aborted", "exchange refused"]

const exchangeLatency = 20

interface Outcome {
  readonly scenario: Scenario
  readonly callers: number
  readonly client: TokenClient
  readonly exchanges: number
  readonly failed: number
  readonly rounds: ReadonlyArray<Round>
}

/** Milliseconds on the clock, and of CPU time over that of the same requests without authentication. */
interface Round {
  readonly bare: number
  readonly authenticated: number
  readonly addedCpu: number
}

const measure = async (): Promise<Result> => {
  let outcomes: ReadonlyArray<Outcome> = []
  for (const { callers, rounds } of [{ callers: 1_000, rounds: 7 }, { callers: 10_000, rounds: 3 }]) {
    for (const scenario of scenarios) {
      const clients = tokenClients.filter((client) =>
        (scenario !== "first caller aborted" || client.canAbort) && (callers === 1_000 || client.singleFlight) &&
        (scenario !== "exchange refused" || client.name !== semaphore.name)
      )
      outcomes = [...outcomes, ...await race(clients, scenario, callers, rounds)]
    }
  }
  return {
    title: `callers on an expired token; an exchange takes ${exchangeLatency} ms`,
    columns: [
      "callers",
      "scenario",
      "client",
      "exchanges",
      "failed",
      "time over bare (quartiles)",
      "bare ms",
      "added ms",
      "added CPU ms"
    ],
    rows: outcomes.map(({ callers, client, exchanges, failed, rounds, scenario }): ReadonlyArray<Cell> => [
      callers.toLocaleString("en"),
      scenario,
      client.name,
      exchanges,
      failed,
      overBare(rounds),
      spread(rounds.map(({ bare }) => bare)).median,
      spread(rounds.map(({ authenticated, bare }) => authenticated - bare)).median,
      spread(rounds.map(({ addedCpu }) => addedCpu)).median
    ]),
    goals: scenarios.flatMap((scenario) => goals(outcomes.filter((outcome) => outcome.scenario === scenario))),
    notes: [
      "Exchanges and failures: the worst round. An aborted caller is not counted as failed.",
      "Of the clients that exchange once per caller, 1,000 callers tell enough.",
      "Over bare: over the same requests by the same library without authentication, in the same round. A goal compares that " +
      "with the best of those who let no more requests fail.",
      `${semaphore.name}: not raced where the exchange is refused, because each caller then sends one of its own, one after ` +
      `the other, ${exchangeLatency} ms each.`,
      "Where the exchange is refused every caller has to fail, and none of them sends its request."
    ]
  }
}

const race = async (
  clients: ReadonlyArray<TokenClient>,
  scenario: Scenario,
  callers: number,
  rounds: number
): Promise<ReadonlyArray<Outcome>> => {
  const seen = clients.map((client) => ({
    client,
    exchanges: 0,
    failed: 0,
    measured: Array.of<Round>()
  }))
  for (let round = 0; round <= rounds; round++) {
    for (const entry of round % 2 === 0 ? seen : seen.toReversed()) {
      const bare = await burst(entry.client.bare(server(false)), callers, false)
      const there = server(true)
      const connection = await entry.client.expired(there)
      there.refusing = scenario === "exchange refused"
      const before = there.exchanges
      const authenticated = await burst(connection, callers, scenario === "first caller aborted")
      if (round === 0) continue
      entry.exchanges = Math.max(entry.exchanges, there.exchanges - before)
      entry.failed = Math.max(entry.failed, authenticated.failed)
      entry.measured.push({
        bare: bare.wall,
        authenticated: authenticated.wall,
        addedCpu: authenticated.cpu - bare.cpu
      })
    }
  }
  return seen.map(({ client, exchanges, failed, measured }) => ({
    scenario,
    callers,
    client,
    exchanges,
    failed,
    rounds: measured
  }))
}

const server = (isProtected: boolean): TokenServer =>
  new TokenServer({ protected: isProtected, latency: 0, exchangeLatency })

const burst = async (connection: Connection, callers: number, abortFirst: boolean) => {
  const cpuBefore = process.cpuUsage()
  const before = performance.now()
  const failed = await connection.burst(callers, abortFirst)
  const wall = performance.now() - before
  const { system, user } = process.cpuUsage(cpuBefore)
  await connection.close()
  return { failed, wall, cpu: (user + system) / 1000 }
}

const overBare = (rounds: ReadonlyArray<Round>): Spread =>
  spread(rounds.map(({ authenticated, bare }) => authenticated / bare))

const goals = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Goal> =>
  outcomes.filter(({ client }) => client.name === "effect-auth").flatMap((ours) => {
    const { callers, scenario } = ours
    const who = `effect-auth, ${callers} callers, ${scenario}`
    const peers = outcomes.filter((peer) => peer.client !== ours.client && peer.callers === callers)
    // a peer that lets requests fail is not the faster for it
    const sound = peers.filter(({ failed }) => failed <= ours.failed)
    const fastest = Math.min(...sound.map(({ rounds }) => overBare(rounds).median))
    return [
      exactly(`${who}: exchanges`, ours.exchanges, 1),
      exactly(`${who}: failures`, ours.failed, scenario === "exchange refused" ? callers : 0),
      atMost(
        `${who}: time over bare, over that of the fastest peer`,
        overBare(ours.rounds).median / fastest,
        1.1,
        relative
      )
    ]
  })

const relative =
  "Over the same requests without authentication: a peer whose requests alone are slow has little added to them."

export const run: Effect.Effect<Result> = Effect.promise(measure)
