/**
 * A token that is revoked long before it expires, while many requests are under way with it. Refusals of the dead token
 * go on arriving when its successor is in use.
 */
import * as Effect from "effect/Effect"
import { spread } from "./Measure.ts"
import type { Cell, Result } from "./Report.ts"
import { exactly } from "./Report.ts"
import { tokenClients } from "./TokenClients.ts"
import { TokenServer } from "./TokenServer.ts"

const requests = 4_000
const revocations = 3
const rounds = 3

const measure = async (): Promise<Result> => {
  const rows: Array<ReadonlyArray<Cell>> = []
  const worst = { failed: NaN, exchanges: NaN }
  for (const client of tokenClients) {
    const failed: Array<number> = []
    const exchanges: Array<number> = []
    for (let round = 0; round < rounds; round++) {
      const server = new TokenServer({
        protected: true,
        latency: 1,
        exchangeLatency: 10,
        lateRefusal: 60,
        revokeAt: Array.from({ length: revocations }, (_, i) => (i + 1) * requests / (revocations + 1))
      })
      const connection = await client.expired(server)
      await connection.burst(1)
      const before = server.exchanges
      failed.push(await connection.stream(requests, 64))
      exchanges.push(server.exchanges - before)
      await connection.close()
    }
    rows.push([client.name, spread(failed), spread(exchanges)])
    if (client.name === "effect-auth") {
      worst.failed = Math.max(...failed)
      // one too few is as wrong as one too many
      worst.exchanges = exchanges.find((exchanges) => exchanges !== revocations) ?? revocations
    }
  }
  return {
    title: `${requests} requests, 64 at a time; the token is revoked ${revocations} times`,
    columns: ["client", "failed requests (quartiles)", "exchanges (quartiles)"],
    rows,
    goals: [
      exactly("effect-auth: exchanges for three revocations, in every round", worst.exchanges, revocations),
      exactly("effect-auth: failed requests, in every round", worst.failed, 0)
    ],
    notes: [
      "An answer takes 1 ms, an exchange 10 ms, every second refusal of a dead token 60 ms.",
      `${rounds} rounds. got is left out: its transport cannot be replaced.`
    ]
  }
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
