/**
 * The main job, shown: for each mode a server on loopback and a program that logs in, calls, has its token expire or be
 * revoked, and goes on as if nothing had happened.
 *
 *     npm run demo             a line per event and a closing table; on a terminal its sleeps count down
 *     npm run demo -- --json   the same, and the result as one JSON object on the last line
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthError } from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import * as Countdown from "./demo/countdown.ts"
import { scenarios } from "./demo/scenarios.ts"
import type { Scenario, Server } from "./demo/scenarios.ts"
import { runMain } from "./runMain.ts"

interface Row {
  readonly mode: string
  readonly requests: number
  readonly logins: number
  readonly refreshes: number
  readonly replays: number
  readonly ok: boolean
}

const troubles: Record<Scenario["trouble"], (server: Server) => Effect.Effect<void>> = {
  "every token expires": () => Countdown.sleep(Duration.millis(2100), "every token from before has expired"),
  "the server revokes every token": ({ revokeAll }) => revokeAll,
  "the server restarts": ({ restart }) => restart ?? Effect.void
}

const play = (scenario: Scenario) =>
  Effect.gen(function*() {
    yield* Console.log(`\n${scenario.mode}: ${scenario.story}`)
    const seen = yield* Ref.make<ReadonlyArray<AuthEvent.AuthEvent>>([])
    yield* Effect.forkScoped(Stream.runForEach(AuthEvent.stream, (event) =>
      Effect.zipRight(Ref.update(seen, (seen) => [...seen, event]), Console.log(`  ${AuthEvent.format(event)}`))))
    yield* Effect.yieldNow()

    const { layer, server } = yield* scenario.start
    let requests = 0
    const calls = Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      const responses = yield* Effect.all(
        Array.from({ length: 5 }, () =>
          http.get(scenario.path)),
        {
          concurrency: "unbounded"
        }
      )
      requests += responses.length
      const answers = responses.map((response) => response.status).join(" ")
      yield* Console.log(`  ${responses.length} calls: ${answers}`)
      return responses.every((response) => response.status === 200)
    })
    const trouble = Effect.zipRight(
      troubles[scenario.trouble](server),
      Console.log(`  -- ${scenario.trouble}: ${scenario.means}`)
    )
    const answered = yield* Effect.all([calls, Effect.zipRight(trouble, calls)]).pipe(
      Effect.map((rounds) => rounds.every((ok) => ok)),
      Effect.catchAll((error: AuthError | HttpClientError) => Effect.as(Console.log(`  ${error.message}`), false)),
      Effect.provide(layer)
    )
    yield* Effect.yieldNow()
    const events = yield* Ref.get(seen)
    const { logins, refreshes } = yield* server.stats
    const replays = events.filter((event) => event._tag === "RequestReplayed").length
    const expected = scenario.expected
    const ok = answered && logins === expected.logins && refreshes === expected.refreshes &&
      (expected.replays ? replays > 0 : replays === 0)
    return { mode: scenario.mode, requests, logins, refreshes, replays, ok } satisfies Row
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.mergeAll(
      AuthEvent.layer,
      NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }),
      NodeHttpClient.layerUndici
    ))
  )

const table = (rows: ReadonlyArray<Row>): string => {
  const header = ["mode", "requests", "logins", "refreshes", "replays", "result"]
  const cells = rows.map((row) =>
    [row.mode, row.requests, row.logins, row.refreshes, row.replays, row.ok ? "ok" : "NOT OK"].map(String)
  )
  const widths = header.map((_, column) => Math.max(...[header, ...cells].map((line) => line[column]?.length ?? 0)))
  return [header, ...cells]
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
    .join("\n")
}

const demo = Effect.gen(function*() {
  const rows = yield* Effect.forEach(scenarios, play)
  const ok = rows.every((row) => row.ok)
  yield* Console.log(`\n${table(rows)}`)
  if (process.argv.includes("--json")) yield* Console.log(JSON.stringify({ ok, modes: rows }))
  if (!ok) return yield* Effect.fail(new Error("not every mode did what it should"))
})

runMain(demo.pipe(
  Effect.timeoutFail({ duration: "60 seconds", onTimeout: () => new Error("the demo took longer than 60 seconds") }),
  Logger.withMinimumLogLevel(LogLevel.None)
))
