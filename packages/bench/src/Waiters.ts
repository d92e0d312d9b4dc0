/**
 * Ten thousand fibers that wait for one exchange, beside ten thousand that wait for one Deferred: what the source of
 * tokens adds to the waiting itself.
 */
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import { spread } from "./Measure.ts"
import type { Result } from "./Report.ts"
import { atMost, exactly } from "./Report.ts"

const fibers = 10_000
const latency = "20 millis"
const rounds = 15

const together = <A, E>(self: Effect.Effect<A, E>) =>
  Effect.replicateEffect(self, fibers, { concurrency: "unbounded", discard: true })

const timed = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.suspend(() => {
    const before = performance.now()
    return Effect.map(self, () => performance.now() - before)
  })

const overDeferred = Effect.flatMap(Deferred.make<string>(), (deferred) =>
  Effect.zipRight(
    Effect.fork(Effect.delay(Deferred.succeed(deferred, "canary"), latency)),
    timed(together(Deferred.await(deferred)))
  ))

const overSource = Effect.scoped(Effect.gen(function*() {
  const exchanges = yield* Ref.make(0)
  const login = Ref.update(exchanges, (n) => n + 1).pipe(
    Effect.zipRight(Effect.sleep(latency)),
    Effect.zipRight(Token.make({ value: "canary", lifetime: "1 hour" }))
  )
  const tokens = yield* TokenSource.make({ login })
  const millis = yield* timed(together(tokens.get))
  return { millis, exchanges: yield* Ref.get(exchanges) }
}))

export const run: Effect.Effect<Result, unknown> = Effect.gen(function*() {
  const samples: Array<{ readonly deferred: number; readonly source: number; readonly exchanges: number }> = []
  for (let round = 0; round <= rounds; round++) {
    const deferred = yield* overDeferred
    const { exchanges, millis } = yield* overSource
    if (round > 0) samples.push({ deferred, source: millis, exchanges })
  }
  const ratio = spread(samples.map(({ deferred, source }) => source / deferred))
  return {
    title: `${fibers.toLocaleString("en")} fibers wait for one exchange of ${latency}`,
    columns: ["what they wait for", "ms (quartiles)"],
    rows: [
      ["one Deferred", spread(samples.map(({ deferred }) => deferred))],
      ["one source of tokens", spread(samples.map(({ source }) => source))]
    ],
    goals: [
      exactly("exchanges, the worst round", Math.max(...samples.map(({ exchanges }) => exchanges)), 1),
      atMost("time over that of a Deferred, median of the rounds", ratio.median, 1.5)
    ],
    notes: [`${rounds} rounds after one that is not counted, each with both in turn.`]
  }
})
