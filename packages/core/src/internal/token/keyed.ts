/**
 * One token source per key: made when it is first needed, ended when it has not been used for long. What is handed out for
 * a key stays good for ever, because it looks the source up at each use.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import type { ExchangeError } from "../../AuthError.ts"
import type { TokenSource } from "./source.ts"

/** A source in use. */
interface Entry {
  readonly source: TokenSource
  readonly scope: Scope.CloseableScope
  /** In epoch milliseconds. */
  usedAt: number
}

export interface Settings<K> {
  /** Does not wait. What cannot be made is tried again at the next use. */
  readonly make: (key: K) => Effect.Effect<TokenSource, ExchangeError, Scope.Scope>
  readonly idle: Duration.Duration
  readonly capacity: number
}

/** Looks up the source of a key. All of them end with the Scope. */
export const make = <K>(
  { capacity, idle, make }: Settings<K>
): Effect.Effect<(key: K) => TokenSource, never, Scope.Scope> =>
  Effect.gen(function*() {
    const home = yield* Effect.scope
    const runtime = yield* Effect.runtime<never>()
    const entries = MutableHashMap.empty<K, Entry>()

    const end = (key: K, { scope }: Entry): void => {
      MutableHashMap.remove(entries, key)
      // its revocation delays nobody
      Runtime.runFork(runtime, Scope.close(scope, Exit.void))
    }

    /** Synchronous, so that two callers of one key never make two sources. */
    const entryOf = (key: K, now: number): Entry => {
      const known = Option.getOrUndefined(MutableHashMap.get(entries, key))
      if (known !== undefined) {
        known.usedAt = now
        return known
      }
      if (MutableHashMap.size(entries) >= capacity) endOldest(Math.max(1, Math.floor(capacity / 10)))
      const scope = Runtime.runSync(runtime, Scope.fork(home, ExecutionStrategy.sequential))
      const made = Runtime.runSync(runtime, Effect.either(Scope.extend(make(key), scope)))
      const entry: Entry = { source: Either.getOrElse(made, failing), scope, usedAt: now }
      if (Either.isRight(made)) MutableHashMap.set(entries, key, entry)
      else Runtime.runFork(runtime, Scope.close(scope, Exit.void))
      return entry
    }

    /** Its callers wait for it. */
    const isBusy = ({ source }: Entry): boolean => Runtime.runSync(runtime, source.state.get).exchanging

    const endOldest = (count: number): void => {
      const oldest = Array.from(entries).filter(([, entry]) => !isBusy(entry)).sort(([, a], [, b]) =>
        a.usedAt - b.usedAt
      )
      for (const [key, entry] of oldest.slice(0, count)) end(key, entry)
    }

    const endIdle = Effect.map(Clock.currentTimeMillis, (now) => {
      for (const [key, entry] of Array.from(entries)) {
        // a clock that was set back tells nothing of its use
        if (Math.abs(now - entry.usedAt) >= Duration.toMillis(idle) && !isBusy(entry)) end(key, entry)
      }
    })
    yield* Effect.forkScoped(Effect.forever(Effect.delay(endIdle, Duration.times(idle, 0.5))))

    const sourceOf = (key: K) => Effect.map(Clock.currentTimeMillis, (now) => entryOf(key, now).source)

    return (key) => ({
      get: Effect.flatMap(Clock.currentTimeMillis, (now) => entryOf(key, now).source.getAt(now)),
      getAt: (now) => entryOf(key, now).source.getAt(now),
      reject: (token, attempted, accepted, demand) =>
        Effect.flatMap(sourceOf(key), ({ reject }) => reject(token, attempted, accepted, demand)),
      end: Effect.flatMap(sourceOf(key), ({ end }) => end),
      changes: Stream.unwrap(Effect.map(sourceOf(key), ({ changes }) => changes)),
      state: Subscribable.make({
        get: Effect.flatMap(sourceOf(key), ({ state }) => state.get),
        changes: Stream.unwrap(Effect.map(sourceOf(key), ({ state }) => state.changes))
      })
    })
  })

const failing = (error: ExchangeError): TokenSource => ({
  get: Effect.fail(error),
  getAt: () => Effect.fail(error),
  reject: () => Effect.succeed("fail"),
  end: Effect.fail(error),
  changes: Stream.empty,
  state: Subscribable.make({
    get: Effect.succeed({
      freshness: "Empty",
      generation: 0,
      expiresAt: Option.none(),
      exchanging: false,
      failure: Option.some(error)
    }),
    changes: Stream.empty
  })
})
