/**
 * What authentication costs where there is a wire: requests over keep-alive loopback to a server in another process.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fork } from "node:child_process"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import type { Run, Sample, Samples, Spread } from "./Measure.ts"
import { interleave, paired, spread, warmUp } from "./Measure.ts"
import type { Cell, Goal, Result } from "./Report.ts"
import { atLeast } from "./Report.ts"
import { secret } from "./stub.ts"

const laps = 4
const rounds = 16
const millis = 40

const transports: Record<string, Layer.Layer<HttpClient.HttpClient>> = {
  undici: NodeHttpClient.layerUndici,
  "node:http": NodeHttpClient.layerWithoutAgent.pipe(
    Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
  ),
  fetch: FetchHttpClient.layer
}

const concurrencies = [1, 64]

/** One transport, so many requests at a time, without authentication and with it. */
interface Contest {
  readonly transport: string
  readonly concurrency: number
  readonly bare: Run
  readonly authenticated: Run
}

export const run: Effect.Effect<Result, unknown> = Effect.scoped(Effect.gen(function*() {
  const baseUrl = yield* server
  const contests = (yield* Effect.forEach(Object.entries(transports), ([name, layer]) =>
    Effect.flatMap(Layer.build(layer), (context) =>
      Effect.provide(contestsOver(name, baseUrl), context)))).flat()
  const samples = yield* Effect.promise(() =>
    measure(contests)
  )
  return report(contests, samples)
}))

const server = Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = fork(fileURLToPath(new URL("origin.js", import.meta.url)), { execArgv: [] })
      const [address] = await once(child, "message") as [AddressInfo]
      return { child, baseUrl: `http://127.0.0.1:${address.port}` }
    }),
    ({ child }) => Effect.sync(() => child.disconnect())
  ),
  ({ baseUrl }) => baseUrl
)

const contestsOver = (transport: string, baseUrl: string) =>
  Effect.gen(function*() {
    const bare = yield* HttpClient.HttpClient
    const tokens = yield* TokenSource.make({ login: Token.make({ value: secret, lifetime: "1 hour" }) })
    const authenticated = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl })
    const url = `${baseUrl}/things/1`
    return concurrencies.map((concurrency): Contest => ({
      transport,
      concurrency,
      bare: requests(bare, url, concurrency),
      authenticated: requests(authenticated, url, concurrency)
    }))
  })

const requests = <E>(client: HttpClient.HttpClient.With<E>, url: string, concurrency: number): Run => {
  // reading the body is what gives the connection back
  const request = Effect.suspend(() => Effect.flatMap(client.get(url), (response) => response.text))
  return (operations) =>
    Effect.runPromise(
      Effect.forEach(Array.from({ length: operations }), () => request, { concurrency, discard: true })
    )
}

const measure = async (contests: ReadonlyArray<Contest>): Promise<Samples> => {
  const samples: Record<string, Array<Sample>> = {}
  for (const contest of contests) await warmUp(runsOf(contest), 500)
  for (let lap = 0; lap < laps; lap++) {
    for (const contest of contests) {
      for (const [name, measured] of Object.entries(await interleave(runsOf(contest), { rounds, millis }))) {
        samples[name] = [...samples[name] ?? [], ...measured]
      }
    }
  }
  return samples
}

const key = ({ concurrency, transport }: Contest, kind: "bare" | "authenticated"): string =>
  `${transport} / ${concurrency} / ${kind}`

const runsOf = (contest: Contest) =>
  [[key(contest, "bare"), contest.bare], [key(contest, "authenticated"), contest.authenticated]] as const

const report = (contests: ReadonlyArray<Contest>, samples: Samples): Result => {
  const rows: Array<ReadonlyArray<Cell>> = []
  const goals: Array<Goal> = []
  for (const contest of contests) {
    const bare = samples[key(contest, "bare")] ?? []
    const authenticated = samples[key(contest, "authenticated")] ?? []
    const throughput: Spread = paired(authenticated, bare, (self, bare) => bare.wall / self.wall)
    rows.push([
      `${contest.transport}, ${contest.concurrency} at a time`,
      1e9 / spread(bare.map(({ wall }) => wall)).median,
      1e9 / spread(authenticated.map(({ wall }) => wall)).median,
      throughput,
      spread(bare.map(({ cpu }) => cpu / 1000)).median,
      spread(authenticated.map(({ cpu }) => cpu / 1000)).median,
      paired(authenticated, bare, (self, bare) => bare.cpu / self.cpu)
    ])
    goals.push(atLeast(
      `authenticated over bare, ${contest.transport}, ${contest.concurrency} at a time`,
      throughput.median,
      0.98
    ))
  }
  return {
    title: "a wire: keep-alive loopback, JSON body read, server in another process",
    columns: [
      "transport",
      "bare requests/s",
      "authenticated requests/s",
      "throughput over bare (quartiles)",
      "bare CPU µs",
      "authenticated CPU µs",
      "1 / CPU over bare (quartiles)"
    ],
    rows,
    goals,
    notes: [
      `Ratios within a round, ${laps * rounds} rounds of ${millis} ms. CPU is the client's, per request.`,
      "On a machine that is busy otherwise, the CPU columns are the ones to look at."
    ]
  }
}
