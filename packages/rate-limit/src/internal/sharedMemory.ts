/** The exchange of limiters that share memory. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { exchange } from "./exchange.ts"
import type { Exchange } from "./sharedGate.ts"
import type { News, SharedState } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"

export const make: Effect.Effect<Exchange> = Effect.sync(() => {
  const states = new Map<string, SharedState>()
  const listeners = new Map<string, Set<Queue.Queue<News>>>()

  const tell = (key: string, news: News) => {
    for (const queue of listeners.get(key) ?? []) queue.unsafeOffer(news)
  }

  return {
    report: (key, report) =>
      Effect.map(Clock.currentTimeNanos, (nanos) => {
        const now = Number(nanos / 1_000_000n)
        if (states.size > mostKeys && !states.has(key)) forget(states, now)
        const [state, reply, news] = exchange(states.get(key), report, now, true)
        states.set(key, state)
        if (news.length > 0) tell(key, news)
        return reply
      }),
    news: (key) =>
      Stream.unwrapScoped(Effect.gen(function*() {
        const queue = yield* Effect.acquireRelease(Queue.unbounded<News>(), Queue.shutdown)
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            listeners.set(key, (listeners.get(key) ?? new Set()).add(queue))
          }),
          () =>
            Effect.sync(() => {
              const known = listeners.get(key)
              known?.delete(queue)
              if (known?.size === 0) listeners.delete(key)
            })
        )
        return Stream.fromQueue(queue)
      }))
  }
})

/** Those of which nothing counts any more. */
const forget = (states: Map<string, SharedState>, now: number): void => {
  for (const [key, { at, members, quotas }] of states) {
    const longest = Math.max(0, ...quotas.map(Shared.lengthOf))
    if (Object.keys(members).length === 0 && at + longest <= now) states.delete(key)
  }
}

/** Looking at a thousand takes less than a millisecond. */
const mostKeys = 1000
