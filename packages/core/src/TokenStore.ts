/**
 * Where a token outlives its process. A store is used as a transaction: an exchange holds the lock from reading the
 * stored token to writing its successor, so that two processes never redeem one refresh token.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
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
  /** Where it keeps the token, such as a file or a key, for errors to name. No secret. */
  readonly place?: string | undefined
  readonly get: Effect.Effect<Option.Option<Token>, TokenStoreError>
  readonly set: (token: Token) => Effect.Effect<void, TokenStoreError>
  readonly remove: Effect.Effect<void, TokenStoreError>
  /**
   * Runs an effect while no other user of the same stored token runs one. A lock whose owner cannot give it back, because
   * its process died, ends by itself after a time the store states.
   */
  readonly withLock: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | TokenStoreError, R>
}

/**
 * A store in memory: for tests, and for sharing one session between several sources of a process.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<TokenStore> = Effect.map(
  Ref.make(Option.none<Token>()),
  (stored): TokenStore => ({
    get: Ref.get(stored),
    set: (token) => Ref.set(stored, Option.some(token)),
    remove: Ref.set(stored, Option.none()),
    withLock: Effect.unsafeMakeSemaphore(1).withPermits(1)
  })
)

/**
 * A store over the platform's `KeyValueStore`. **The token is written in the clear**: choose a backend that keeps
 * secrets. The lock belongs to the store made here: it does not exclude the users of another store over the same key.
 * Processes that share one rotating refresh token need a store whose lock reaches across them, such as the file store of
 * `@effect-auth/node`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromKeyValueStore = (
  store: KeyValueStore.KeyValueStore,
  options: {
    /** The key the token is stored under. */
    readonly key: string
  }
): TokenStore => {
  const { key } = options
  const place = `the key ${key}`
  // the words of a store may quote what it was given
  const failed = (operation: TokenStoreError["operation"]) => (error: PlatformError) =>
    new TokenStoreError({
      operation,
      place,
      detail: `${error.module}.${error.method} failed (${error._tag === "SystemError" ? error.reason : error._tag})`
    })
  return {
    place,
    get: store.get(key).pipe(
      Effect.mapError(failed("read")),
      Effect.flatMap(Option.match({
        onNone: () => Effect.succeedNone,
        onSome: (text) => Effect.asSome(decode(text, place))
      }))
    ),
    set: (token) =>
      Effect.flatMap(encode(token, place), (text) => Effect.mapError(store.set(key, text), failed("write"))),
    remove: Effect.mapError(store.remove(key), failed("remove")),
    withLock: Effect.unsafeMakeSemaphore(1).withPermits(1)
  }
}

/**
 * The store for one audience, by its key (`TokenStores.audienceKey`): a token that was stored for another mode, server or
 * account, or for nobody in particular, is none, and the next one takes its place.
 *
 * @since 0.1.0
 * @category combinators
 */
export const forAudience: {
  (key: string): (self: TokenStore) => TokenStore
  (self: TokenStore, key: string): TokenStore
} = dual(2, (self: TokenStore, key: string): TokenStore => ({
  ...self,
  get: Effect.map(self.get, Option.filter(({ audience }) => audience === key)),
  set: (token) => self.set(new Token({ ...token, audience: key }))
}))

/**
 * Reads a stored token. The stored text may be a secret, so an error does not show it; it names the `place`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decode = (text: string, place?: string): Effect.Effect<Token, TokenStoreError> =>
  Effect.mapError(
    Schema.decode(TokenJson)(text),
    () => new TokenStoreError({ operation: "read", place, detail: "the stored text is not a token" })
  )

/**
 * A token as text **with its secrets in the clear**, for a store to write. An error names the `place`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (token: Token, place?: string): Effect.Effect<string, TokenStoreError> =>
  Effect.mapError(
    Schema.encode(TokenJson)(token),
    () => new TokenStoreError({ operation: "write", place, detail: "the token cannot be encoded" })
  )

const TokenJson = Schema.parseJson(Token)
