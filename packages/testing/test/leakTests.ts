/** The tests of modes of authenticating under the leak suite, in memory and over real sockets on three transports. */
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { createServer } from "node:http"
import { inspect } from "node:util"

const sockets: LeakDetector.Sockets<HttpServer.HttpServer> = {
  serve: FakeServer.serve,
  reset: Effect.map(
    HttpServerRequest.HttpServerRequest,
    (request) => NodeHttpServerRequest.toIncomingMessage(request).socket.destroy()
  ),
  transports: {
    "fetch": FetchHttpClient.layer,
    "node:http": NodeHttpClient.layer,
    "undici": NodeHttpClient.layerUndici
  }
}

const transports = Object.keys(sockets.transports)

const server = NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })

export interface Options {
  /** Whose modes these are. */
  readonly of: string
  readonly modes: Readonly<Record<string, LeakDetector.Mode>>
  /** The modes with a wrong secret, in memory only: they differ in what their own server answers. */
  readonly wrongModes?: Readonly<Record<string, LeakDetector.Mode>> | undefined
  /** What may not be written to the streams of the process, either. */
  readonly secrets: Parameters<typeof LeakDetector.make>[0]
  /** How values are printed. Default: by Node's `inspect`. */
  readonly render?: ReadonlyArray<(value: unknown) => string> | undefined
  readonly extent: Extent
}

/**
 * - `InMemory`: all scenarios that are the mode's own, and of the suite's every fifth one, the others with the next modes
 * - `OverSockets`: over one transport, another for each mode, the servers that are silent, echo and refuse
 * - `All`: every scenario in memory and over every transport
 */
type Extent = "InMemory" | "OverSockets" | "All"

/** Declares the tests: all scenarios of a mode over a transport are one, and its error names the scenario. */
export const declareTests = ({ extent, modes, of, render = [inspect], secrets, wrongModes = {} }: Options): void => {
  /** What reaches the process's own streams in spite of Logger and Console. */
  const written: Array<string> = []
  const restore: Array<() => void> = []

  beforeAll(() => {
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write
      stream.write = ((chunk: unknown, ...rest: Array<never>) => {
        written.push(String(chunk))
        return write.call(stream, chunk as string, ...rest)
      }) as typeof write
      restore.push(() => {
        stream.write = write
      })
    }
  })

  afterAll(() => restore.forEach((undo) => undo()))

  const declare = (cases: ReadonlyArray<Case>, every: number): void => {
    const turns = new Map<string, number>()
    /** Counts the modes of a scenario. Scenarios begin one apart, so that each mode has its share and each scenario its turn. */
    const turn = (scenario: string): number => {
      const current = turns.get(scenario) ?? turns.size
      turns.set(scenario, current + 1)
      return current
    }
    for (const [index, [mode, ofMode]] of Object.entries(Arr.groupBy(cases, ({ mode }) => mode)).entries()) {
      const inMemory = (it: Case) => it.transport === "memory" && (turn(it.scenario) % every === 0 || isOwn(it))
      const overSockets = (it: Case) =>
        it.transport === transports[index % transports.length] && sample.includes(it.scenario)
      const chosen = ofMode.filter({ InMemory: inMemory, OverSockets: overSockets, All: () => true }[extent])
      for (const [transport, group] of Object.entries(Arr.groupBy(chosen, ({ transport }) => transport))) {
        it.effect(`${mode} over ${transport} shows no secret, whatever goes wrong`, () =>
          Effect.forEach(group, ({ effect }) => Effect.provide(effect, server), { discard: true }))
      }
    }
  }

  const isOwn = ({ mode, scenario }: Case): boolean =>
    modes[mode]?.scenarios.includes(scenario) === true || wrongModes[mode]?.scenarios.includes(scenario) === true

  describe.sequential(`${of} under the leak suite`, () => {
    declare(LeakDetector.suite(modes, { render, sockets }), 5)
    // fewer of these: only the mode's own server knows that the secret is wrong
    declare(LeakDetector.suite<HttpServer.HttpServer>(wrongModes, { render }), 10)

    it("nothing was written to the process's streams", () => {
      const detector = Either.getOrThrow(LeakDetector.make(secrets))
      assert.deepStrictEqual(detector.inText("stdout and stderr", written.join("")), [])
    })
  })
}

type Case = ReturnType<typeof LeakDetector.suite<HttpServer.HttpServer>>[number]

const sample: ReadonlyArray<string> = [
  "a refusal repeats the credentials",
  "a request times out",
  "credentials are refused as if they were revoked",
  "the refusal of a login repeats it",
  "a login gets no answer",
  "a login is refused"
] satisfies LeakDetector.ModeOptions["skip"]
