/**
 * Where a token outlives its process. A store is used as a transaction: whoever exchanges holds the lock from reading
 * the stored token to writing its successor, so that two processes never redeem one refresh token.
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { TokenStoreError } from "./AuthError.ts"
import { Token } from "./Token.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenStore {
  readonly get: Effect.Effect<Option.Option<Token>, TokenStoreError>
  readonly set: (token: Token) => Effect.Effect<void, TokenStoreError>
  readonly remove: Effect.Effect<void, TokenStoreError>
  /**
   * Runs an effect while no other user of the same stored token runs one. A lock that its owner cannot give back (its
   * process died) ends by itself after a time that the store states.
   */
  readonly withLock: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * For layers that choose a store for a whole program.
 *
 * @since 0.1.0
 * @category tags
 */
export class CurrentTokenStore
  extends Context.Tag("@effect-auth/core/TokenStore/CurrentTokenStore")<CurrentTokenStore, TokenStore>()
{}

/**
 * A store in memory, for tests and for sharing one session between several sources of a process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStore> = Effect.gen(function*() {
  const stored = yield* Ref.make(Option.none<Token>())
  const lock = yield* Effect.makeSemaphore(1)
  return {
    get: Ref.get(stored),
    set: (token) => Ref.set(stored, Option.some(token)),
    remove: Ref.set(stored, Option.none()),
    withLock: lock.withPermits(1)
  }
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<CurrentTokenStore> = Layer.effect(CurrentTokenStore, makeMemory)

/**
 * A store over the platform's `KeyValueStore`. **The token is written in the clear**: choose a backend that keeps
 * secrets. The lock belongs to the store made here: its users exclude one another, those of another store over the same
 * key do not. Several processes that share one rotating refresh token need a store whose lock reaches across them, such
 * as the file store of `@effect-auth/node`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeKeyValueStore = (options: {
  /** The key that the token is stored under. */
  readonly key: string
}): Effect.Effect<TokenStore, never, KeyValueStore.KeyValueStore> =>
  Effect.gen(function*() {
    const store = yield* KeyValueStore.KeyValueStore
    const lock = yield* Effect.makeSemaphore(1)
    return {
      get: store.get(options.key).pipe(
        Effect.mapError((error) => new TokenStoreError({ operation: "read", detail: error.message })),
        Effect.flatMap(Option.match({
          onNone: () => Effect.succeedNone,
          onSome: (text) => Effect.asSome(decode(text))
        }))
      ),
      set: (token) =>
        Effect.flatMap(encode(token), (text) =>
          Effect.mapError(
            store.set(options.key, text),
            (error) => new TokenStoreError({ operation: "write", detail: error.message })
          )),
      remove: Effect.mapError(
        store.remove(options.key),
        (error) => new TokenStoreError({ operation: "remove", detail: error.message })
      ),
      withLock: lock.withPermits(1)
    }
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (options: {
  readonly key: string
}): Layer.Layer<CurrentTokenStore, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(CurrentTokenStore, makeKeyValueStore(options))

const TokenJson = Schema.parseJson(Token)

/**
 * Reads a stored token. What is stored may be a secret, so a failure does not show it.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decode = (text: string): Effect.Effect<Token, TokenStoreError> =>
  Effect.mapError(
    Schema.decode(TokenJson)(text),
    () => new TokenStoreError({ operation: "read", detail: "what is stored is not a token" })
  )

/**
 * A token as text **with its secrets in the clear**, for a store to write.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (token: Token): Effect.Effect<string, TokenStoreError> =>
  Effect.mapError(
    Schema.encode(TokenJson)(token),
    () => new TokenStoreError({ operation: "write", detail: "the token cannot be encoded" })
  )
