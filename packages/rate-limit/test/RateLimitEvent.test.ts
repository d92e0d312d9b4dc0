import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Ref from "effect/Ref"
import { record } from "../src/internal/record.ts"
import * as RateLimitEvent from "../src/RateLimitEvent.ts"

const { RateLimitEvent: Event } = RateLimitEvent

const key = "https://api.example/things"
const until = DateTime.unsafeMake(60_000)

/** Events, with the sentence that people read and the level it is logged at. */
const sentences: ReadonlyArray<readonly [RateLimitEvent.RateLimitEvent, string, LogLevel.LogLevel]> = [
  [
    Event.ApproachingLimit({ key, quota: "", limit: 20, remaining: 9, until }),
    `${key}: 9 of 20 calls left; once they are used, requests wait until 1970-01-01T00:01:00.000Z`,
    LogLevel.Warning
  ],
  [
    Event.ApproachingLimit({ key, quota: "daily", limit: undefined, remaining: 0, until }),
    `${key}: 0 calls left of the quota "daily"; requests wait until 1970-01-01T00:01:00.000Z`,
    LogLevel.Warning
  ],
  [
    Event.WaitingUntil({ key, reason: "rate", until, wait: Duration.minutes(1), waiters: 1 }),
    `${key}: 1 request waits until 1970-01-01T00:01:00.000Z, because the quota is used up`,
    LogLevel.Warning
  ],
  [
    Event.WaitingUntil({ key, reason: "concurrency", until, wait: Duration.seconds(1), waiters: 3 }),
    `${key}: 3 requests wait until 1970-01-01T00:01:00.000Z, because too many are running`,
    LogLevel.Debug
  ],
  [
    Event.MalformedHeaders({ key, fields: ["ratelimit", "retry-after"] }),
    `${key}: the server's rate limit headers could not be understood: ratelimit, retry-after`,
    LogLevel.Debug
  ]
]

// in turn, because metrics are global
describe.sequential("RateLimitEvent", () => {
  it("is one sentence for people", () => {
    for (const [event, sentence] of sentences) assert.strictEqual(RateLimitEvent.format(event), sentence)
  })

  it("is told from other events", () => {
    for (const [event] of sentences) assert.isTrue(RateLimitEvent.isRateLimitEvent(event))
    for (const other of [{ _tag: "TokenObtained" }, {}, undefined]) {
      assert.isFalse(RateLimitEvent.isRateLimitEvent(other))
    }
  })

  it.effect("is logged as its sentence, at the level that the limiter gives it", () =>
    Effect.gen(function*() {
      const lines = yield* Ref.make<ReadonlyArray<readonly [string, LogLevel.LogLevel]>>([])
      const logger = Logger.make(({ logLevel, message }) =>
        Effect.runSync(Ref.update(lines, (all) => [...all, [String(message), logLevel] as const]))
      )
      yield* Effect.forEach(sentences, ([event, , level]) => record(event, level)).pipe(
        Logger.withMinimumLogLevel(LogLevel.All),
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.deepStrictEqual(yield* Ref.get(lines), sentences.map(([, sentence, level]) => [sentence, level] as const))
    }))

  it.effect("is counted in the metrics, waits by reason and malformed headers by field", () =>
    Effect.gen(function*() {
      const count = (metric: typeof RateLimitEvent.metrics.waits, tag: string, value: string) =>
        Effect.map(Metric.value(Metric.tagged(metric, tag, value)), ({ count }) => Number(count))
      const counts = Effect.all([
        count(RateLimitEvent.metrics.waits, "reason", "concurrency"),
        count(RateLimitEvent.metrics.malformedHeaders, "field", "x-canary"),
        count(RateLimitEvent.metrics.malformedHeaders, "field", "x-other")
      ])
      const before = yield* counts
      const events = [
        Event.WaitingUntil({ key, reason: "concurrency", until, wait: Duration.seconds(1), waiters: 1 }),
        Event.MalformedHeaders({ key, fields: ["x-canary", "x-other"] }),
        Event.MalformedHeaders({ key, fields: ["x-canary"] })
      ]
      yield* Effect.forEach(events, (event) => record(event, LogLevel.Debug))
      const after = yield* counts
      assert.deepStrictEqual(after.map((count, i) => count - (before[i] ?? 0)), [1, 2, 1])
    }))
})
