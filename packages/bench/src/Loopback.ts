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
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
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

const laps = 12
const rounds = 10
const millis = 30

const transports: Record<string, Layer.Layer<HttpClient.HttpClient>> = {
  undici: NodeHttpClient.layerUndici,
  "node:http": NodeHttpClient.layerWithoutAgent.pipe(
    Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
  ),
  fetch: FetchHttpClient.layer
}

const concurrencies = [1, 64]

/** One transport, so many requests at a time, by each of the clients. */
interface Contest {
  readonly transport: string
  readonly concurrency: number
  readonly clients: Readonly<Record<Client, Run>>
}

type Client = "bare" | "byHand" | "authenticated"

const clients: ReadonlyArray<Client> = ["bare", "byHand", "authenticated"]

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
    const byHand = HttpClient.mapRequest(bare, HttpClientRequest.bearerToken(secret))
    const url = `${baseUrl}/things/1`
    return concurrencies.map((concurrency): Contest => ({
      transport,
      concurrency,
      clients: {
        bare: requests(bare, url, concurrency),
        byHand: requests(byHand, url, concurrency),
        authenticated: requests(authenticated, url, concurrency)
      }
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

const key = ({ concurrency, transport }: Contest, client: Client): string => `${transport} / ${concurrency} / ${client}`

const runsOf = (contest: Contest) => clients.map((client) => [key(contest, client), contest.clients[client]] as const)

const report = (contests: ReadonlyArray<Contest>, samples: Samples): Result => {
  const rows: Array<ReadonlyArray<Cell>> = []
  const goals: Array<Goal> = []
  for (const contest of contests) {
    const of = (client: Client) => samples[key(contest, client)] ?? []
    const cpu = (client: Client) => spread(of(client).map(({ cpu }) => cpu / 1000)).median
    const throughput = (client: Client): Spread => paired(of(client), of("bare"), (self, bare) => bare.wall / self.wall)
    const name = `${contest.transport}, ${contest.concurrency} at a time`
    rows.push([
      name,
      1e9 / spread(of("bare").map(({ wall }) => wall)).median,
      throughput("byHand"),
      throughput("authenticated"),
      ...clients.map(cpu)
    ])
    goals.push(atLeast(
      `requests/s, over those with a header by hand, ${name}`,
      paired(of("authenticated"), of("byHand"), (self, byHand) => byHand.wall / self.wall).median,
      0.98,
      "A transport that is not marked is told for each request not to follow redirects, and every body is read so that its " +
        "errors show no credentials: a few microseconds of hundreds."
    ))
  }
  return {
    title: "a wire: keep-alive loopback, JSON body read, server in another process",
    columns: [
      "transport",
      "bare requests/s",
      "header by hand, over bare (quartiles)",
      "effect-auth, over bare (quartiles)",
      "bare CPU µs",
      "by hand CPU µs",
      "effect-auth CPU µs"
    ],
    rows,
    goals,
    notes: [
      `Ratios within ${laps * rounds} interleaved rounds of ${millis} ms. CPU is the client's, per request.`,
      "By hand: `HttpClientRequest.bearerToken`, and nothing else. The platform's span redacts that header, which " +
      "costs the same by hand."
    ]
  }
}
