/**
 * The store of one exchange: its token is read under its lock, and a new one is written. A store that fails, or does not
 * answer, costs persistence and not the request, unless the policy is strict.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type { ExchangeError } from "../../AuthError.ts"
import { TokenStoreError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { RefreshPolicy } from "../../RefreshPolicy.ts"
import type { Token } from "../../Token.ts"
import type { TokenStore } from "../../TokenStore.ts"

/** What an exchange needs of a store. */
export interface Storage {
  readonly token: Option.Option<Token>
  /** Whether the store holds the token afterwards. */
  readonly save: (token: Token) => Effect.Effect<boolean>
  readonly remove: Effect.Effect<void, TokenStoreError>
}

interface Owner {
  readonly mode: string
  readonly policy: RefreshPolicy
}

/** No store: there is nothing that could differ from the token that is held. */
export const none: Storage = { token: Option.none(), save: () => Effect.succeed(true), remove: Effect.void }

/** A store that cannot be used: a token is kept in memory only. */
export const unavailable: Storage = { ...none, save: () => Effect.succeed(false) }

/** Runs an exchange that holds the lock of the store; without the lock, and writing nothing, if it cannot be had. */
export const withLock = <A, E extends ExchangeError, R>(
  owner: Owner,
  store: TokenStore,
  exchange: (storage: Storage) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | TokenStoreError, R> =>
  Effect.suspend(() => {
    const isLocked = MutableRef.make(false)
    const locked = store.withLock(Effect.suspend(() => {
      MutableRef.set(isLocked, true)
      return Effect.flatMap(read(owner, store), (token) =>
        exchange({ token, save: save(owner, store), remove: remove(owner, store) }))
    }))
    if (owner.policy.strictStore) {
      return locked
    }
    const isLockError = (error: E | TokenStoreError): error is TokenStoreError =>
      error._tag === "TokenStoreError" && !MutableRef.get(isLocked)
    return Effect.catchIf(locked, isLockError, (error) =>
      tell(owner, error).pipe(
        Effect.zipRight(read(owner, store)),
        Effect.flatMap((token) =>
          exchange({ ...unavailable, token, remove: remove(owner, store) })
        )
      ))
  })

/** What cannot be read is no token: the next one takes its place. */
const read = (owner: Owner, store: TokenStore): Effect.Effect<Option.Option<Token>, TokenStoreError> => {
  const reading = bounded(owner, store, "read", store.get)
  return owner.policy.strictStore
    ? reading
    : Effect.catchAll(reading, (error) => Effect.as(tell(owner, error), Option.none<Token>()))
}

const save = (owner: Owner, store: TokenStore) => (token: Token): Effect.Effect<boolean> =>
  bounded(owner, store, "write", store.set(token)).pipe(
    Effect.as(true),
    Effect.catchAll((error) => Effect.as(tell(owner, error), false))
  )

const remove = (owner: Owner, store: TokenStore): Effect.Effect<void, TokenStoreError> =>
  bounded(owner, store, "remove", store.remove)

/**
 * A daemon, because a commit cannot be interrupted but its children can: the exchange's timeout would reach the race with
 * `storeTimeout`, and the token would be lost. Disconnected, because a store may not let itself be interrupted.
 */
const bounded = <A>(
  { policy }: Owner,
  { place }: TokenStore,
  operation: "read" | "write" | "remove",
  self: Effect.Effect<A, TokenStoreError>
): Effect.Effect<A, TokenStoreError> =>
  Effect.timeoutFail(Effect.disconnect(self), {
    duration: policy.storeTimeout,
    onTimeout: () => new TokenStoreError({ operation, place, detail: "it does not answer" })
  }).pipe(
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap((fiber) => Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interruptFork(fiber)))
  )

const tell = ({ mode }: Owner, error: TokenStoreError): Effect.Effect<void> =>
  AuthEvent.publish(AuthEvent.AuthEvent.StoreFailed({ mode, error }))
