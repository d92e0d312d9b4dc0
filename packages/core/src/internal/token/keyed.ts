/**
 * One token source per key: made when it is first needed, ended when it has not been used for long. What is handed out for
 * a key stays good for ever, because it looks the source up at each use.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import type { ExchangeError } from "../../AuthError.ts"
import * as Scrub from "../request/scrub.ts"
import type { TokenSource } from "./source.ts"

/** A source in use. */
interface Entry {
  readonly source: TokenSource
  /** What is handed out for its key, for as long as it is in use. */
  readonly handle: TokenSource
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

/**
 * Looks up the source of a key. All of them end with the Scope. As long as a source is in use, all that is handed out for its
 * key is one object, which what is made of it can be remembered by.
 */
export const make = <K>(
  { capacity, idle, make }: Settings<K>
): Effect.Effect<(key: K) => TokenSource, never, Scope.Scope> =>
  Effect.gen(function*() {
    const home = yield* Effect.scope
    const runtime = yield* Effect.runtime<never>()
    const entries = MutableHashMap.empty<K, Entry>()

    const ended: Array<Scope.CloseableScope> = []

    const end = (key: K, { scope }: Entry): void => {
      MutableHashMap.remove(entries, key)
      if (ended.push(scope) === 1) Runtime.runFork(runtime, closing)
    }

    /** A few at a time, so that thousands of them hold up nothing else. What still waits is closed with the home. */
    const closing: Effect.Effect<void> = Effect.suspend(() => {
      for (const scope of ended.slice(0, atOnce)) {
        // its revocation delays nobody
        Runtime.runFork(runtime, Scope.close(scope, Exit.void))
      }
      return ended.length > atOnce ? Effect.delay(closingRest, pause) : Effect.sync(() => {
        ended.length = 0
      })
    })
    const closingRest = Effect.suspend(() => {
      ended.splice(0, atOnce)
      return closing
    })

    /** Synchronous, so that two callers of one key never make two sources. */
    const entryOf = (key: K, now: number, handle: TokenSource): Entry => {
      const known = Option.getOrUndefined(MutableHashMap.get(entries, key))
      if (known !== undefined) {
        known.usedAt = now
        return known
      }
      if (MutableHashMap.size(entries) >= capacity) endOldest(Math.max(1, Math.floor(capacity / 10)))
      const scope = Runtime.runSync(runtime, Scope.fork(home, ExecutionStrategy.sequential))
      // what makes a source may quote the key
      const making = Scrub.withoutWords(Effect.suspend(() => Scope.extend(make(key), scope)), "making a token source")
      const made = Runtime.runSync(runtime, Effect.exit(making))
      const source = Exit.match(made, { onFailure: failing, onSuccess: identity })
      const entry: Entry = { source, handle, scope, usedAt: now }
      if (Exit.isSuccess(made)) MutableHashMap.set(entries, key, entry)
      else Runtime.runFork(runtime, Scope.close(scope, Exit.void))
      return entry
    }

    /** Its callers wait for it. */
    const isBusy = ({ source }: Entry): boolean => Runtime.runSync(runtime, source.state.get).exchanging

    const endOldest = (count: number): void => {
      let left = count
      for (const [key, entry] of Array.from(entries).sort(([, a], [, b]) => a.usedAt - b.usedAt)) {
        if (left === 0) return
        if (isBusy(entry)) continue
        end(key, entry)
        left--
      }
    }

    const endIdle = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const due = Array.from(entries).flatMap(([key, entry]) => {
        const { usedAt } = entry
        // a clock that was set back tells nothing of its use
        return Math.abs(now - usedAt) >= Duration.toMillis(idle) ? [{ key, entry, usedAt }] : []
      })
      return Effect.forEach(Arr.chunksOf(due, atOnce), (some, index) => {
        const ending = Effect.sync(() => {
          for (const { entry, key, usedAt } of some) {
            const isCurrent = Option.contains(MutableHashMap.get(entries, key), entry) && entry.usedAt === usedAt
            if (isCurrent && !isBusy(entry)) end(key, entry)
          }
        })
        return index === 0 ? ending : Effect.delay(ending, pause)
      }, { discard: true })
    })
    yield* Effect.forkScoped(Effect.forever(Effect.delay(endIdle, Duration.max(Duration.times(idle, 0.5), shortest))))

    const handleOf = (key: K): TokenSource => {
      const handle: TokenSource = new Handle((now) => entryOf(key, now, handle).source)
      return handle
    }

    return (key) =>
      Option.match(MutableHashMap.get(entries, key), {
        onNone: () => handleOf(key),
        onSome: ({ handle }) => handle
      })
  })

/** Most of it is made when it is asked for: there is one for each source, and it would be a third of what that keeps. */
class Handle implements TokenSource {
  readonly getAt: TokenSource["getAt"]
  readonly reject: TokenSource["reject"]
  readonly #source: Effect.Effect<TokenSource>

  constructor(at: (now: number) => TokenSource) {
    this.#source = Effect.map(Clock.currentTimeMillis, at)
    this.getAt = (now) => at(now).getAt(now)
    this.reject = (token, attempted, accepted, demand) =>
      Effect.flatMap(this.#source, ({ reject }) => reject(token, attempted, accepted, demand))
  }

  get get(): TokenSource["get"] {
    return Effect.flatMap(Clock.currentTimeMillis, this.getAt)
  }

  get end(): TokenSource["end"] {
    return Effect.flatMap(this.#source, ({ end }) => end)
  }

  get changes(): TokenSource["changes"] {
    return Stream.unwrap(Effect.map(this.#source, ({ changes }) => changes))
  }

  get state(): TokenSource["state"] {
    return Subscribable.make({
      get: Effect.flatMap(this.#source, ({ state }) => state.get),
      changes: Stream.unwrap(Effect.map(this.#source, ({ state }) => state.changes))
    })
  }
}

/** How many end without a turn for others. */
const atOnce = 100

const pause = Duration.millis(5)

/** Between two looks: where nothing is kept for any time, it would look all the time. */
const shortest = Duration.millis(100)

const failing = (cause: Cause.Cause<ExchangeError>): TokenSource => ({
  get: Effect.failCause(cause),
  getAt: () => Effect.failCause(cause),
  reject: () => Effect.succeed("fail"),
  end: Effect.failCause(cause),
  changes: Stream.empty,
  state: Subscribable.make({
    get: Effect.succeed({
      freshness: "Empty",
      generation: 0,
      expiresAt: Option.none(),
      exchanging: false,
      failure: Cause.failureOption(cause)
    }),
    changes: Stream.empty
  })
})
