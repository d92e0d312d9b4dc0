/**
 * A million requests of one client over a thousand keys of its rate limiter: whether a request takes longer at the end than
 * at the start, and whether the heap has grown. Fewer keys would not show what each of them keeps of its past.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Transport from "@effect-auth/core/Transport"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Scope from "effect/Scope"
import { heap, spread, time } from "./Measure.ts"
import type { Result } from "./Report.ts"
import { atMost } from "./Report.ts"
import { origin, secret } from "./stub.ts"

const requests = 1_000_000
const keys = 1000
const block = 10_000
/** What the limiter learns first, while the compiler learns too: the first tenth. */
const warm = 10
/** The blocks that are compared, of those after the first tenth and of the last. */
const compared = 20

const headers = { ratelimit: "\"a\";r=999999;t=60", "ratelimit-policy": "\"a\";q=1000000;w=60" }

/** Its answers state a quota. */
const transport = Transport.withoutRedirects(HttpClient.makeWith<never, never, never, never>(
  Effect.map((request) => HttpClientResponse.fromWeb(request, new Response(null, { headers }))),
  Effect.succeed
))

const measure = (scope: Scope.Scope) => async (): Promise<Result> => {
  const limiter = await Effect.runPromise(RateLimiter.make(RateLimitPolicy.default))
  const client = await Effect.runPromise(
    Effect.gen(function*() {
      const tokens = yield* TokenSource.make({ login: Token.make({ value: secret, lifetime: "1 hour" }) })
      return yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
        baseUrl: origin,
        rateLimiter: limiter
      })
    }).pipe(Scope.extend(scope), Effect.provideService(HttpClient.HttpClient, transport))
  )
  const all = Array.from({ length: keys }, (_, key) => client.get(`/things/key-${key}`))
  const once = Effect.forEach(all, (request) => request, { discard: true }).pipe(
    Logger.withMinimumLogLevel(LogLevel.None)
  )
  const samples: Array<number> = []
  let early = NaN
  for (let done = 0; done < requests; done += block) {
    const { cpu } = await time((rounds) => Effect.runPromise(Effect.repeatN(once, rounds / keys - 1)), block)
    samples.push(cpu)
    if (samples.length === warm) early = await heap()
  }
  const grown = (await heap() - early) / 1e6
  const known = (await Effect.runPromise(limiter.snapshot)).length
  if (known !== keys) throw new Error(`${known} keys are known, not ${keys}`)
  const start = spread(samples.slice(warm, warm + compared))
  const end = spread(samples.slice(-compared))
  return {
    title: `${requests.toLocaleString("en")} requests over ${keys.toLocaleString("en")} keys of one client's limiter`,
    columns: ["when", "CPU ns of a request (quartiles)"],
    rows: [["after the first tenth", start], ["at the end", end]],
    goals: [
      atMost(
        "time of a request at the end over that after the first tenth",
        end.median / start.median,
        1.1,
        "It differs from run to run, 0.72 in another: the first tenth is short, and what the compiler does in it is not the " +
          "same each time."
      ),
      atMost("MB by which the heap has grown since", grown, 8)
    ],
    notes: [`Blocks of ${block.toLocaleString("en")} requests, ${compared} at each end.`]
  }
}

export const run: Effect.Effect<Result> = Effect.scoped(
  Effect.flatMap(Effect.scope, (scope) => Effect.promise(measure(scope)))
)
