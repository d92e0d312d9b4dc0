import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as MutableRef from "effect/MutableRef"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"

setFlagsFromString("--expose-gc")
const collectGarbage: () => void = runInNewContext("gc")

const heap = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const mega = 2 ** 20

/** A clock that a loop moves by a millisecond for each request. */
const fastClock = () => {
  const now = MutableRef.make(0)
  const clock: Clock.Clock = {
    ...Clock.make(),
    unsafeCurrentTimeMillis: () => MutableRef.get(now),
    unsafeCurrentTimeNanos: () => BigInt(MutableRef.get(now)) * 1_000_000n
  }
  return { clock, pass: () => MutableRef.increment(now) }
}

/** So many requests, each with the key that `path` gives it; what the heap holds after the first tenth and after all. */
const growth = (requests: number, path: (n: number) => string, answer: (n: number) => ResponseInit) =>
  Effect.gen(function*() {
    const { clock, pass } = fastClock()
    const limiter = yield* RateLimiter.make(RateLimitPolicy.default.pipe(RateLimitPolicy.maxReplays(0)))
    let early = 0
    for (let begin = 0; begin < requests; begin += 1000) {
      yield* Effect.gen(function*() {
        for (let n = begin; n < begin + 1000; n++) {
          pass()
          const request = HttpClientRequest.get(`https://api.example${path(n)}`)
          yield* Effect.exit(limiter.run(
            request,
            () => Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, answer(n))))
          ))
        }
      }).pipe(Effect.withClock(clock))
      // the runner of the tests is heard
      yield* Effect.sleep("0 millis")
      if (begin === requests / 10) early = heap()
    }
    const late = heap()
    // in use until here
    yield* limiter.snapshot
    return (late - early) / mega
  }).pipe(Logger.withMinimumLogLevel(LogLevel.None))

const quota = (n: number): ResponseInit => ({
  headers: { ratelimit: `"a";r=${900_000 - n % 1000};t=60`, "ratelimit-policy": `"a";q=1000000;w=60` }
})

describe("RateLimiter", () => {
  it.live(
    "holds no more after a million requests over a thousand keys than after the first hundred thousand",
    () =>
      Effect.map(growth(1_000_000, (n) => `/key-${n % 1000}`, quota), (grown) => {
        console.log(`grown by ${grown.toFixed(1)} MB`)
        assert.isBelow(grown, 8)
      }),
    600_000
  )

  it.live(
    "holds no more after 600,000 keys that are made up, blocked or not, than after the first 60,000",
    () =>
      Effect.map(
        growth(600_000, (n) =>
          `/key-${n}`, (n) =>
          n % 100 === 0 ? { status: 429, headers: { "retry-after": "60" } } : quota(n)),
        (grown) => {
          console.log(`grown by ${grown.toFixed(1)} MB`)
          assert.isBelow(grown, 8)
        }
      ),
    600_000
  )
})
