/**
 * One source of tokens for each of ten thousand principals: what each keeps in memory, how long it takes to find one, and
 * what it takes to let go of those that have not been used for long.
 */
import { bearerTokenAuthenticationPolicy, createEmptyPipeline } from "@azure/core-rest-pipeline"
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { OAuth2Client as GoogleClient } from "google-auth-library"
import type { Run, Sample } from "./Measure.ts"
import { heap, interleave, paired, sleep, spread, time, warmUp } from "./Measure.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost, exactly } from "./Report.ts"
import { markedTransport, origin, secret } from "./stub.ts"

const principals = 10_000
/** How many more come than are kept. */
const strangers = 30_000
const rounds = 60
const millis = 4

const names = Array.from({ length: principals + strangers }, (_, index) => `user-${index}@acme.example`)

/** A path that comes back to nobody soon. */
const next = (() => {
  let index = 0
  return () => names[index = (index + 7919) % principals] ?? ""
})()

let logins = 0

/** Each token its own text, as tokens have. */
const login = Effect.suspend(() => Token.make({ value: `${secret}-${logins++}`, lifetime: "1 hour" }))

const keyed = (settings: TokenSource.KeyedSettings) =>
  OAuth.keyed((_: string) => TokenSource.make({ login }), { baseUrl: origin, ...settings }).pipe(
    Effect.provideService(HttpClient.HttpClient, markedTransport)
  )

const within = async <A, E>(make: Effect.Effect<A, E, Scope.Scope>) => {
  const scope = await Effect.runPromise(Scope.make())
  const made = await Effect.runPromise(Scope.extend(make, scope))
  return { made, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

type Clients = Effect.Effect.Success<ReturnType<typeof keyed>>

/** The tokens of so many, one after another. */
const use = ({ tokensOf }: Clients, from: number, to: number): Promise<void> =>
  Effect.runPromise(Effect.forEach(names.slice(from, to), (name) => tokensOf(name).get, { discard: true }))

const loop = (request: () => Effect.Effect<unknown, unknown>): Run => (operations) => {
  let done = 0
  return Effect.runPromise(Effect.whileLoop({
    while: () => done < operations,
    body: request,
    step: () => {
      done++
    }
  }))
}

const measure = async (): Promise<Result> => {
  const ours = await weighOurs()
  const google = await weigh(() => {
    const client = new GoogleClient()
    client.setCredentials({ access_token: `${secret}-${logins++}` })
    return client
  })
  const azure = await weigh(() => {
    const pipeline = createEmptyPipeline()
    pipeline.addPolicy(bearerTokenAuthenticationPolicy({
      scopes: "all",
      credential: {
        getToken: () => Promise.resolve({ token: `${secret}-${logins++}`, expiresOnTimestamp: Infinity })
      }
    }))
    return pipeline
  })
  const found = await finding()
  const evicted = await evicting()
  const idle = await idling()
  const rows: ReadonlyArray<ReadonlyArray<Cell>> = [
    ["kB each, effect-auth, the token obtained", ours],
    ["kB each, a Map of google-auth-library's OAuth2Client", google],
    ["kB each, a Map of Azure pipelines, no token obtained", azure],
    ...found.rows,
    ["CPU ms for 10,000 to log in", evicted.making],
    ["CPU ms for 10,000 strangers where 10,000 are kept", spread(evicted.replacing)],
    [`MB by which ${strangers.toLocaleString("en")} strangers make the heap grow`, evicted.grown],
    ["ms in which nothing else ran while 10,000 idle ones ended, at most", idle.pause]
  ]
  return {
    title: `${principals.toLocaleString("en")} principals, each with a source of tokens`,
    columns: ["what", "measured (quartiles)"],
    rows,
    goals: [
      atMost("kB per principal", ours, 6.5),
      atMost("time of a request by its key over that by hand", found.ratio, 1.5),
      atMost("MB by which the heap grows with strangers", evicted.grown, 5),
      atMost("time for strangers over the time to make as many", spread(evicted.replacing).median / evicted.making, 2),
      exactly("of those that were idle, how many have ended", idle.ended, principals),
      atMost("ms in which nothing else runs while idle ones end", idle.pause, 100)
    ],
    notes: [
      "By its key: `forKey(user).get(url)`, over a transport that answers at once, each time another user. By hand: a Map of " +
      "clients that were made once and never end.",
      `Strangers: principals that are new, where ${
        principals.toLocaleString("en")
      } are kept at most, so that the ones used ` +
      "longest ago end.",
      "The token itself is included, and so is the key."
    ]
  }
}

/** Kilobytes each. */
const weighOurs = async (): Promise<number> => {
  // pays for the code
  const first = await within(keyed({}))
  await use(first.made, 0, principals)
  await first.close()
  const { close, made } = await within(keyed({}))
  const before = await heap()
  await use(made, 0, principals)
  const kilobytes = (await heap() - before) / 1000 / principals
  await close()
  return kilobytes
}

const weigh = async (make: () => unknown): Promise<number> => {
  Array.from({ length: 100 }, make)
  const before = await heap()
  const kept = new Map(names.slice(0, principals).map((name) => [name, make()]))
  const kilobytes = (await heap() - before) / 1000 / principals
  if (kept.size !== principals) throw new Error("not all were made")
  return kilobytes
}

const finding = async () => {
  const { close, made } = await within(Effect.gen(function*() {
    const clients = yield* keyed({})
    const bind = yield* AuthenticatedHttpClient.binder({ baseUrl: origin }).pipe(
      Effect.provideService(HttpClient.HttpClient, markedTransport)
    )
    const held = yield* Effect.forEach(
      names.slice(0, principals),
      () => Effect.map(TokenSource.make({ login }), (tokens) => bind(Authenticator.bearer(tokens)))
    )
    return { clients, held: new Map(held.map((client, index) => [names[index], client])) }
  }))
  const url = `${origin}/things/1`
  const runs: ReadonlyArray<readonly [string, Run]> = [
    [byHand, loop(() => made.held.get(next())?.get(url) ?? Effect.void)],
    [oneOfThem, loop(() => made.clients.forKey(next()).get(url))]
  ]
  // all of them log in
  for (const [, run] of runs) await run(principals)
  await warmUp(runs, 1000)
  const samples = await interleave(runs, { rounds, millis })
  await close()
  return {
    rows: runs.map(([name]): ReadonlyArray<Cell> => [name, spread((samples[name] ?? []).map(({ cpu }) => cpu))]),
    ratio: paired(samples[oneOfThem] ?? [], samples[byHand] ?? [], (self, that) => self.cpu / that.cpu).median
  }
}

const byHand = "CPU ns of a request, the clients in a Map by hand"
const oneOfThem = "CPU ns of a request, found by its key"

const evicting = async () => {
  const { close, made } = await within(keyed({ capacity: principals }))
  const making = cpuOf(await time(() => use(made, 0, principals), 1))
  const before = await heap()
  const replacing: Array<number> = []
  for (let from = principals; from < names.length; from += principals) {
    replacing.push(cpuOf(await time(() => use(made, from, from + principals), 1)))
  }
  const grown = (await heap() - before) / 1e6
  await close()
  return { making, replacing, grown }
}

/** In milliseconds. */
const cpuOf = ({ cpu }: Sample): number => cpu / 1e6

/** The longest time in which no timer ran. */
const pauses = () => {
  let longest = 0
  let last = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 1)
  return {
    end: () => {
      clearInterval(watch)
      return longest
    }
  }
}

const idling = async () => {
  const { close, made } = await within(keyed({ idle: "1 second" }))
  await use(made, 0, principals)
  const known = logins
  const watch = pauses()
  await sleep(4000)
  const pause = watch.end()
  // each that has ended logs in anew
  await use(made, 0, principals)
  await close()
  return { pause, ended: logins - known }
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
