/** Declares the test: servers here, clients in a process of their own, so that what kills that does not kill the test. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Report } from "./client.ts"
import { draw } from "./draw.ts"
import * as RawServer from "./rawServer.ts"

const megabyte = 1_048_576

/** `HOSTILE_SEED=123` plays a run again. */
const seed = Number(process.env["HOSTILE_SEED"] ?? Math.floor(Math.random() * 2 ** 31))

export const declareTests = ({ count }: { readonly count: number }): void => {
  describe(`${count} hostile servers, HOSTILE_SEED=${seed}`, () => {
    it.scopedLive(
      "no call outlives its bound, nothing is left in memory, and the process lives",
      () =>
        Effect.gen(function*() {
          const ports = yield* Effect.forEach(draw(seed, count), RawServer.serve)
          const { ended, report } = yield* play([String(seed), ports.join(",")])
          assert.deepStrictEqual(report.problems, [])
          assert.isBelow(report.grownBy, 100 * megabyte)
          assert.strictEqual(ended, "exit code 0")
        }),
      600_000
    )
  })
}

/** The report, and how the process ended. */
const play = (args: ReadonlyArray<string>) =>
  Effect.async<{ readonly report: Report; readonly ended: string }>((resume) => {
    const script = fileURLToPath(new URL("client.ts", import.meta.url))
    let report: Report = {
      problems: ["there was no report"],
      endings: {},
      grownBy: 0,
      peak: 0,
      longest: { millis: 0, scenario: "" }
    }
    const child = ChildProcess.fork(script, args, { execArgv: ["--expose-gc", "--import", "tsx"] })
    let guard: NodeJS.Timeout | undefined
    child.on("message", (message) => {
      report = message as Report

      console.log(JSON.stringify({ seed, ...report, problems: report.problems.length }))
      // a socket or a timer that is still held would keep it alive
      guard = setTimeout(() => child.kill("SIGKILL"), 30_000)
    })
    child.on("exit", (code, signal) => {
      clearTimeout(guard)
      resume(Effect.succeed({ report, ended: code === null ? `signal ${signal}` : `exit code ${code}` }))
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })
