/**
 * What ten thousand of something keep in memory, each, after the garbage is gone.
 */
import { bearerTokenAuthenticationPolicy, createEmptyPipeline } from "@azure/core-rest-pipeline"
import { OAuth2Client as BadgatewayClient, OAuth2Fetch } from "@badgateway/oauth2-client"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import Bottleneck from "bottleneck"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { OAuth2Client as GoogleClient } from "google-auth-library"
import type { Spread } from "./Measure.ts"
import { heap, spread } from "./Measure.ts"
import type { Result } from "./Report.ts"
import { atMost } from "./Report.ts"
import { origin, secret } from "./stub.ts"

const count = 10_000
const rounds = 2

interface Kept {
  readonly name: string
  /** Makes so many, and gives what holds them and how to let them go. */
  readonly make: (count: number) => Promise<{ readonly kept: unknown; readonly release: () => Promise<void> }>
}

const tokenSources: Kept = {
  name: "effect-auth token source, its token obtained",
  make: async (count) => {
    const scope = await Effect.runPromise(Scope.make())
    const source = Effect.gen(function*() {
      // each its own text, as tokens have
      const tokens = yield* TokenSource.make({
        login: Effect.suspend(() => Token.make({ value: `${secret}-${serial++}`, lifetime: "1 hour" }))
      })
      yield* tokens.get
      return tokens
    })
    const kept = await Effect.runPromise(
      Scope.extend(Effect.all(Array.from({ length: count }, () => source)), scope)
    )
    return { kept, release: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
  }
}

const quotaKeys: Kept = {
  name: "effect-auth quota key, its quota stated",
  make: async (count) => {
    const limiter = await Effect.runPromise(RateLimiter.make(RateLimitPolicy.default))
    await Effect.runPromise(Effect.forEach(Array.from({ length: count }), (_, i) => {
      const request = HttpClientRequest.get(`${origin}/things/key-${i}`)
      const headers = { "ratelimit-limit": "50", "ratelimit-remaining": "49", "ratelimit-reset": "60" }
      const response = HttpClientResponse.fromWeb(request, new Response(null, { headers }))
      return limiter.run(request, () => Effect.succeed(response))
    }, { discard: true }))
    const known = await Effect.runPromise(limiter.snapshot)
    if (known.length !== count) throw new Error(`${known.length} keys are known, not ${count}`)
    return { kept: limiter, release: () => Promise.resolve() }
  }
}

let serial = 0

const plain = (name: string, make: () => unknown): Kept => ({
  name,
  make: (count) => Promise.resolve({ kept: Array.from({ length: count }, make), release: () => Promise.resolve() })
})

const things: ReadonlyArray<Kept> = [
  tokenSources,
  quotaKeys,
  plain("@azure/core-rest-pipeline, a pipeline with the bearer policy", () => {
    const pipeline = createEmptyPipeline()
    pipeline.addPolicy(bearerTokenAuthenticationPolicy({
      scopes: "all",
      credential: { getToken: () => Promise.resolve({ token: secret, expiresOnTimestamp: Infinity }) }
    }))
    return pipeline
  }),
  plain("google-auth-library OAuth2Client", () => {
    const client = new GoogleClient()
    client.setCredentials({ access_token: `${secret}-${serial++}` })
    return client
  }),
  plain("@badgateway/oauth2-client OAuth2Fetch", () =>
    new OAuth2Fetch({
      client: new BadgatewayClient({ server: origin, clientId: "bench" }),
      getNewToken: () => ({ accessToken: `${secret}-${serial++}`, refreshToken: null, expiresAt: null })
    })),
  plain("bottleneck, a limiter", () => new Bottleneck({ reservoir: 50 }))
]

const measure = async (): Promise<Result> => {
  const found: Array<readonly [Kept, Spread]> = []
  for (const thing of things) {
    const sizes: Array<number> = []
    for (let round = 0; round <= rounds; round++) {
      const kilobytes = await weigh(thing)
      // the first one pays for the code that it compiles
      if (round > 0) sizes.push(kilobytes)
    }
    found.push([thing, spread(sizes)])
  }
  const size = (thing: Kept) => found.find(([kept]) => kept === thing)?.[1].median ?? NaN
  return {
    title: "kilobytes that each of 10,000 keeps on the heap",
    columns: ["what", "kB each (quartiles)"],
    rows: found.map(([{ name }, spread]) => [name, spread]),
    goals: [
      atMost("kB per token source", size(tokenSources), 3.2, cells),
      atMost("kB per quota key", size(quotaKeys), 4)
    ],
    notes: [`${rounds} rounds after one that is not counted. The token itself is included.`]
  }
}

const cells =
  "Since that was the goal a source follows what other processes store, can be bound to a key, and knows whose request it " +
  "is: a cell for each."

/** By itself, so that nothing of the round before is still referred to. */
const weigh = async ({ make }: Kept): Promise<number> => {
  const before = await heap()
  const { kept, release } = await make(count)
  const kilobytes = (await heap() - before) / 1000 / count
  // refers to it until here
  if (kept === undefined) throw new Error("nothing was made")
  await release()
  return kilobytes
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
