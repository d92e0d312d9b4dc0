/**
 * Where a token outlives its process. A store is used as a transaction: an exchange holds the lock from reading the
 * stored token to writing its successor, so that two processes never redeem one refresh token. Should an owner of the lock
 * have lost it without knowing, because its process was suspended, `compareAndSet` keeps it from overwriting what its
 * successor has stored.
 *
 * A store of one's own is made by {@link make} from a way to read, write and remove a text.
 *
 * @since 0.1.0
 */
import { streamWithoutWords } from "@effect-auth/rate-limit/internal/defects"
import * as RequestContext from "@effect-auth/rate-limit/internal/requestContext"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { TokenStoreError } from "./AuthError.ts"
import type { Stored } from "./internal/token/storedText.ts"
import { decode, encode, nextGeneration, nothing } from "./internal/token/storedText.ts"
import { Token } from "./Token.ts"
import type { SessionSeal, TokenSeal } from "./TokenSeal.ts"

export { decode, encode, type Stored }

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenStore {
  /** Where it keeps the token, such as a file or a key, for errors to name. No secret. */
  readonly place?: string | undefined
  readonly get: Effect.Effect<Stored, TokenStoreError>
  /**
   * Stores the token if the store still holds that generation (0: nothing, or something that cannot be read), and says
   * whether it did. The token gets a greater generation.
   */
  readonly compareAndSet: (generation: number, token: Token) => Effect.Effect<boolean, TokenStoreError>
  readonly remove: Effect.Effect<void, TokenStoreError>
  /**
   * What the store holds, now and whenever that changes, as far as the store can know: a file store sees what other
   * processes do. What cannot be read is shown as nothing. A slow subscriber sees the latest, not everything between.
   */
  readonly changes: Stream.Stream<Stored, TokenStoreError>
  /**
   * Whether `changes` is told at once what other processes store, without looking again and again. A source that uses such
   * a store adopts it while nobody waits for a token.
   */
  readonly announces?: boolean | undefined
  /**
   * Runs an effect while no other user of the same stored token runs one. A lock whose owner cannot give it back, because
   * its process died, ends by itself after a time the store states.
   */
  readonly withLock: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * Where a text can be kept. {@link make} makes a store of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Backend extends Pick<TokenStore, "place" | "remove"> {
  /** What was written last; `None`: nothing. */
  readonly read: Effect.Effect<Option.Option<string>, TokenStoreError>
  /**
   * Replaces the text as a whole, and says whether it did. Where other processes write too, it asks as late as it can, or
   * in a transaction of its own, whether the text that it replaces `isCurrent`, and writes nothing if not. Otherwise it
   * need not ask.
   */
  readonly write: (text: string, isCurrent: Effect.Effect<boolean>) => Effect.Effect<boolean, TokenStoreError>
  /** See {@link TokenStore.withLock}. Default: a lock between the users of this one store. */
  readonly withLock?: TokenStore["withLock"] | undefined
  /**
   * Emits when it has begun to watch, and whenever another process may have changed the text. Default: what other
   * processes do is not seen.
   */
  readonly signals?: Stream.Stream<unknown, TokenStoreError> | undefined
  /** Encrypts the text. Default: **the token is written in the clear**. */
  readonly seal?: SessionSeal | undefined
}

/**
 * A store over a place for a text. It takes care of the text's format, of generations, of `compareAndSet` between the
 * fibers of this process, and of `changes`.
 *
 * @example
 * ```ts
 * import * as TokenStore from "@effect-auth/core/TokenStore"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 *
 * const inStorage = (storage: Storage, key: string): TokenStore.TokenStore =>
 *   TokenStore.make({
 *     read: Effect.sync(() => Option.fromNullable(storage.getItem(key))),
 *     write: (text) => Effect.as(Effect.sync(() => storage.setItem(key, text)), true),
 *     remove: Effect.sync(() => storage.removeItem(key))
 *   })
 *
 * interface Storage {
 *   readonly getItem: (key: string) => string | null
 *   readonly setItem: (key: string, value: string) => void
 *   readonly removeItem: (key: string) => void
 * }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ place, read, remove, seal, signals, withLock, write }: Backend): TokenStore => {
  // so that nothing of this process comes between a look and what it leads to
  const writing = RequestContext.makeLock()
  const writes = StateRef.make(0)
  const lastGeneration = MutableRef.make(0)
  const told = Effect.sync(() => StateRef.update(writes, (n) => n + 1))

  const get = Effect.flatMap(
    read,
    Option.match({ onNone: () => Effect.succeed(nothing), onSome: (text) => decode(text, place, seal) })
  )
  const readable = Effect.orElseSucceed(get, () => nothing)
  const holds = (generation: number) => Effect.map(readable, (stored) => stored.generation === generation)

  return {
    place,
    get,
    compareAndSet: (generation, token) =>
      Effect.gen(function*() {
        if (!(yield* holds(generation))) return false
        const now = yield* Clock.currentTimeMillis
        const next = nextGeneration(Math.max(generation, MutableRef.get(lastGeneration)), now)
        const isWritten = yield* write(yield* encode(token, next, place, seal), holds(generation))
        if (isWritten) {
          MutableRef.set(lastGeneration, next)
          yield* told
        }
        return isWritten
      }).pipe(writing),
    remove: writing(Effect.zipRight(remove, told)),
    changes: Stream.suspend(() => {
      const own = StateRef.changes(writes)
      // within the fibers of the merge, whose ends are logged
      return signals === undefined
        ? own
        : Stream.merge(own, streamWithoutWords(signals, "the token store"))
    }).pipe(
      Stream.buffer({ capacity: 1, strategy: "sliding" }),
      Stream.mapEffect(() => readable),
      Stream.changesWith((a, b) => a.generation === b.generation)
    ),
    withLock: withLock ?? RequestContext.makeLock()
  }
}

/**
 * A store in memory: for tests, and for sharing one session between several sources of a process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStore> = Effect.sync((): TokenStore => {
  const stored = StateRef.make(nothing)
  const lastGeneration = MutableRef.make(0)
  return {
    get: Effect.sync(() => StateRef.get(stored)),
    compareAndSet: (generation, token) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (StateRef.get(stored).generation !== generation) return false
        const next = nextGeneration(MutableRef.get(lastGeneration), now)
        MutableRef.set(lastGeneration, next)
        StateRef.set(stored, { token: Option.some(token), generation: next })
        return true
      }),
    remove: Effect.sync(() => StateRef.set(stored, nothing)),
    changes: StateRef.changes(stored).pipe(
      Stream.buffer({ capacity: 1, strategy: "sliding" }),
      Stream.changesWith((a, b) => a.generation === b.generation)
    ),
    withLock: RequestContext.makeLock()
  }
})

/**
 * A store over the platform's `KeyValueStore`. **The token is written in the clear** without a `seal`: choose a backend that
 * keeps secrets. The lock, `compareAndSet` and `changes` belong to the store made here: they do not reach the users of another
 * store over the same key. Processes that share one rotating refresh token need a store whose lock reaches across them,
 * such as the file store of `@effect-auth/node`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromKeyValueStore = (
  store: KeyValueStore.KeyValueStore,
  options: {
    /** The key the token is stored under. */
    readonly key: string
    /** Encrypts the token. */
    readonly seal?: TokenSeal | undefined
  }
): TokenStore => {
  const { key, seal } = options
  const place = `the key ${key}`
  // the words of a store may quote what it was given
  const failed = (operation: TokenStoreError["operation"]) => (error: PlatformError) =>
    new TokenStoreError({
      operation,
      place,
      detail: `${error.module}.${error.method} failed (${error._tag === "SystemError" ? error.reason : error._tag})`
    })
  return make({
    place,
    read: Effect.mapError(store.get(key), failed("read")),
    write: (text) => Effect.as(Effect.mapError(store.set(key, text), failed("write")), true),
    remove: Effect.mapError(store.remove(key), failed("remove")),
    seal: seal?.forSession(key)
  })
}

/**
 * Stores a token whatever the store holds, such as one that was obtained elsewhere. An exchange uses `compareAndSet`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const set: {
  (token: Token): (self: TokenStore) => Effect.Effect<void, TokenStoreError>
  (self: TokenStore, token: Token): Effect.Effect<void, TokenStoreError>
} = dual(
  2,
  (self: TokenStore, token: Token): Effect.Effect<void, TokenStoreError> =>
    Effect.orElseSucceed(self.get, () => nothing).pipe(
      Effect.flatMap(({ generation }) => self.compareAndSet(generation, token)),
      Effect.repeat({ until: (isWritten) => isWritten, times: mostRepeats }),
      Effect.filterOrFail(
        (isWritten) => isWritten,
        () => new TokenStoreError({ operation: "write", place: self.place, detail: "others store tokens all the time" })
      ),
      Effect.asVoid
    )
)

/**
 * The store for one audience, by its key (`TokenStores.audienceKey`): a token that was stored for another mode, server or
 * account, or for nobody in particular, is none. The next one takes its place; `remove` leaves it.
 *
 * @since 0.1.0
 * @category combinators
 */
export const forAudience: {
  (key: string): (self: TokenStore) => TokenStore
  (self: TokenStore, key: string): TokenStore
} = dual(2, (self: TokenStore, key: string): TokenStore => {
  const own = ({ generation, token }: Stored): Stored => ({
    token: Option.filter(token, ({ audience }) => audience === key),
    generation
  })
  return {
    ...self,
    get: Effect.map(self.get, own),
    compareAndSet: (generation, token) => self.compareAndSet(generation, new Token({ ...token, audience: key })),
    remove: Effect.flatMap(
      Effect.orElseSucceed(self.get, () => nothing),
      (stored) => Option.isSome(stored.token) && Option.isNone(own(stored).token) ? Effect.void : self.remove
    ),
    changes: Stream.map(self.changes, own)
  }
})

/** Each is one in which another process has stored a token. */
const mostRepeats = 9
