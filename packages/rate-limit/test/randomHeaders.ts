// Rate limit fields as no server should state them, in every dialect: whatever they say, a limiter survives and goes on.
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"

const now = Date.UTC(2026, 0, 1)

const hub = (resetUnit: "seconds" | "millis" | "epochSeconds" | "epochMillis") =>
  RateLimitHeaders.xRateLimit({ resetUnit })

const dialects: ReadonlyArray<RateLimitHeaders.RateLimitHeaders> = [
  RateLimitHeaders.standard,
  RateLimitHeaders.github,
  hub("seconds").pipe(RateLimitHeaders.and(RateLimitHeaders.retryAfter)),
  hub("millis").pipe(RateLimitHeaders.withStatus(409)),
  hub("epochMillis").pipe(RateLimitHeaders.orElse(RateLimitHeaders.retryAfter)),
  RateLimitHeaders.ietf.pipe(RateLimitHeaders.and(hub("epochSeconds")))
]

const whole = FastCheck.oneof(
  FastCheck.integer({ min: -2, max: 100 }),
  FastCheck.integer(),
  FastCheck.maxSafeInteger(),
  FastCheck.integer({ min: -100, max: 100_000 }).map((seconds) => now / 1000 + seconds),
  FastCheck.integer({ min: -100_000, max: 100_000_000 }).map((millis) => now + millis),
  FastCheck.constantFrom(0, 0.001, 1.5, 31_622_400, 31_622_401, 1e15, 999_999_999_999.999)
)

const member = FastCheck.oneof(
  whole.map(String),
  FastCheck.tuple(whole, whole).map(([limit, window]) => `${limit};w=${window}`),
  FastCheck.tuple(FastCheck.constantFrom("a", "b", "default"), whole, whole).map(([name, r, t]) =>
    `"${name}";r=${r};t=${t}`
  ),
  FastCheck.tuple(
    FastCheck.constantFrom("a", "b"),
    whole,
    whole,
    FastCheck.constantFrom("", ";qu=\"concurrent-requests\"")
  )
    .map(([name, q, w, unit]) => `"${name}";q=${q};w=${w}${unit}`),
  FastCheck.tuple(FastCheck.constantFrom("limit", "remaining", "reset"), whole).map(([name, value]) =>
    `${name}=${value}`
  )
)

/** As long as a field may be, in the forms that a parser might take long for. */
const long = FastCheck.constantFrom(
  "1,".repeat(2048),
  "1;w=1,".repeat(680),
  ";w=1".repeat(1024),
  "(".repeat(4096),
  `"${"\\\"".repeat(2000)}"`,
  "limit=1,".repeat(512),
  Array.from({ length: 370 }, (_, i) => `"${i}";r=${i}`).join(),
  "Thu, 01 Jan 2026 00:00:30 GMT,".repeat(130),
  `GMT${" ".repeat(4000)}`,
  "9".repeat(4096)
)

const value = FastCheck.oneof(
  {
    weight: 3,
    arbitrary: FastCheck.array(member, { minLength: 1, maxLength: 4 }).map((members) => members.join(", "))
  },
  FastCheck.string(),
  FastCheck.double().map(String),
  FastCheck.bigInt().map(String),
  FastCheck.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  FastCheck.constantFrom("", " ", "-1", "1e9", "0x10", "NaN", "Infinity", "12, 12", "soon"),
  long
)

const names = [
  ...["ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
  ...["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-resource"],
  ...["retry-after", "retry-after-ms", "x-ms-retry-after-ms", "date", "age"]
]

export const heads: FastCheck.Arbitrary<RateLimitHeaders.Head> = FastCheck.record({
  status: FastCheck.constantFrom(200, 202, 403, 409, 429, 503),
  headers: FastCheck.dictionary(FastCheck.constantFrom(...names), value, {
    minKeys: 1,
    maxKeys: 6,
    noNullPrototype: true
  })
})

export const cases = FastCheck.tuple(FastCheck.constantFrom(...dialects), heads)

/** What is read makes sense: numbers that count, times that pass. */
export const isSane = (
  [dialect, head]: readonly [RateLimitHeaders.RateLimitHeaders, RateLimitHeaders.Head]
): boolean => {
  const { malformed, status } = RateLimitHeaders.read(dialect, head, now)
  const { concurrency, quotas, retryAfter } = Option.getOrElse(status, () => RateLimitStatus.empty)
  const numbers = [
    ...quotas.flatMap(({ limit, remaining }) => [limit, remaining]),
    concurrency?.limit,
    concurrency?.running
  ]
  const times = [retryAfter, ...quotas.flatMap(({ reset, window }) => [reset, window])]
  return malformed.every((field) => field in head.headers) &&
    numbers.every((number) => number === undefined || (number >= 0 && Number.isFinite(number))) &&
    times.every((time) => time === undefined || Duration.lessThanOrEqualTo(time, "366 days"))
}

/** A limiter that gets the response serves or fails its request, and the next waits for no longer than a server is believed. */
export const survives = (
  [dialect, head]: readonly [RateLimitHeaders.RateLimitHeaders, RateLimitHeaders.Head]
): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    const policy = RateLimitPolicy.default.pipe(
      RateLimitPolicy.headers(dialect),
      RateLimitPolicy.maxReplays(0),
      RateLimitPolicy.maxWait("0 seconds")
    )
    const limiter = yield* RateLimiter.make(policy)
    const request = HttpClientRequest.get("https://api.example/a")
    const run = limiter.run(request, () => Effect.succeed(responseOf(request, head)))
    const first = yield* Effect.exit(run)
    const second = yield* Effect.exit(run)
    const waits = [first, second].flatMap((exit) =>
      Exit.isFailure(exit) && exit.cause._tag === "Fail" ? [exit.cause.error.retryAfter] : []
    )
    const [snapshot] = yield* limiter.snapshot
    return [first, second].every((exit) => Exit.isSuccess(exit) || exit.cause._tag === "Fail") &&
      waits.every((wait) => Duration.lessThanOrEqualTo(wait, policy.believe)) &&
      snapshot !== undefined && snapshot.inFlight === 0 && snapshot.waiting === 0 &&
      Duration.lessThanOrEqualTo(snapshot.blockedFor, policy.believe)
  }).pipe(Effect.withClock(VirtualClock.make(now)), Logger.withMinimumLogLevel(LogLevel.None))

/** The fields as they are: those of a `Response` hold no characters that no server can send, and so none of a proxy's bugs. */
const responseOf = (
  request: HttpClientRequest.HttpClientRequest,
  { headers, status }: RateLimitHeaders.Head
): HttpClientResponse.HttpClientResponse => {
  const response = HttpClientResponse.fromWeb(request, new Response(null, { status }))
  return Object.create(response, { headers: { value: headers } })
}

export const assertSurvival = async (numRuns: number, seed: number): Promise<void> => {
  const survivals = FastCheck.asyncProperty(cases, async (example) => {
    assert.isTrue(isSane(example))
    assert.isTrue(await Effect.runPromise(survives(example)))
  })
  await FastCheck.assert(
    // the runner of the tests is heard between two hundred runs
    survivals.beforeEach(() => ++runs % 200 === 0 ? Effect.runPromise(VirtualClock.settled) : undefined),
    { numRuns, seed }
  )
}

let runs = 0
