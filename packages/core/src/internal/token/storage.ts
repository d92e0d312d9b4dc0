/**
 * The store of one exchange: its token is read under its lock, and a new one is written if the store still holds what was
 * read. A store that fails, or does not answer, costs persistence and not the request, unless the policy is strict.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { ExchangeError } from "../../AuthError.ts"
import { TokenStoreError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { RefreshPolicy } from "../../RefreshPolicy.ts"
import type { Token } from "../../Token.ts"
import type { TokenStore } from "../../TokenStore.ts"
import * as Scrub from "../request/scrub.ts"
import * as Lock from "./lock.ts"
import type { Saved } from "./state.ts"
import * as TokenState from "./state.ts"
import type { Stored } from "./storedText.ts"

/** What an exchange needs of a store. */
export interface Storage {
  readonly token: Option.Option<Token>
  /** Why no refresh token may be redeemed: another process, which holds the lock, may be redeeming it. */
  readonly contended: TokenStoreError | undefined
  readonly save: (token: Token) => Effect.Effect<Saved>
  readonly remove: Effect.Effect<void, TokenStoreError>
  /**
   * The store once more, after the server has ended this refresh token: if another process has stored a token meanwhile,
   * with another refresh token or with none, that process was faster. Found once in an exchange.
   */
  readonly successor: (ended: Redacted.Redacted) => Effect.Effect<Storage | undefined>
}

interface Owner {
  readonly mode: string
  readonly policy: RefreshPolicy
}

const noSuccessor: Storage["successor"] = () => Effect.succeed(undefined)

/** No store: there is nothing that could differ from the token that is held. */
export const none: Storage = {
  token: Option.none(),
  contended: undefined,
  save: () => Effect.succeed("Kept"),
  remove: Effect.void,
  successor: noSuccessor
}

/** A store that cannot be used: a token is kept in memory only. */
export const unavailable: Storage = { ...none, save: () => Effect.succeed("Lost") }

/** The storage, after the token that it holds was found to be of no more use. */
export const disregarded = ({ remove, save }: Storage): Storage => ({ ...none, save, remove })

/**
 * Runs an exchange that holds the lock of the store; without the lock, and writing nothing, if it cannot be had. An
 * exchange that loses its lock before it has a token begins anew, once.
 */
export const withLock = <A, E extends ExchangeError, R>(
  owner: Owner,
  store: TokenStore,
  exchange: (storage: Storage) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | TokenStoreError, R> => {
  const { storeTimeout, strictStore, timeout } = owner.policy
  const patience = { given: Duration.times(timeout, lockShare), takenBack: storeTimeout }

  const attempt = (repeats: number): Effect.Effect<A, E | TokenStoreError, R> =>
    Effect.suspend(() => {
      const isLate = MutableRef.make(false)
      const isLocked = MutableRef.make(false)
      const hasToken = MutableRef.make(false)
      const locked = Lock.hold(
        store,
        { ...patience, onLate: Effect.sync(() => MutableRef.set(isLate, true)) },
        Effect.suspend(() => {
          MutableRef.set(isLocked, true)
          return Effect.flatMap(read(owner, store), (stored) => exchange(opened(owner, store, stored, hasToken)))
        })
      )
      if (strictStore) return locked
      const isOfLock = (error: E | TokenStoreError): error is TokenStoreError =>
        error._tag === "TokenStoreError" && !MutableRef.get(hasToken)
      return Effect.catchIf(locked, isOfLock, (error) =>
        tell(owner, error).pipe(
          Effect.zipRight(
            MutableRef.get(isLocked) && repeats > 0
              ? attempt(repeats - 1)
              : Effect.flatMap(
                read(owner, store),
                (stored) =>
                  exchange({
                    ...unavailable,
                    token: stored?.token ?? Option.none(),
                    contended: MutableRef.get(isLate) ? error : undefined,
                    remove: remove(owner, store)
                  })
              )
          )
        ))
    })
  return attempt(1)
}

/**
 * Of the policy's timeout. The rest is for a login without the lock. An owner that lives may take longer, so no refresh
 * token is redeemed meanwhile.
 */
const lockShare = 2 / 3

const opened = (
  owner: Owner,
  store: TokenStore,
  before: Stored | undefined,
  hasToken: MutableRef.MutableRef<boolean>
): Storage => ({
  token: before?.token ?? Option.none(),
  contended: undefined,
  save: (token) =>
    Effect.suspend(() => {
      MutableRef.set(hasToken, true)
      return save(owner, store, before, token)
    }),
  remove: remove(owner, store),
  successor: (ended) =>
    Effect.map(
      reread(owner, store),
      (stored) =>
        stored !== undefined && isSuccessor(ended, before, stored)
          ? { ...opened(owner, store, stored, hasToken), successor: noSuccessor }
          : undefined
    )
})

/** If nothing was stored since the exchange began, the store may hold an older token, because it could not be written. */
const isSuccessor = (ended: Redacted.Redacted, before: Stored | undefined, { generation, token }: Stored): boolean =>
  before !== undefined && before.generation !== generation &&
  Option.exists(token, ({ refreshToken }) => !Equal.equals(refreshToken, ended))

const read = (owner: Owner, store: TokenStore): Effect.Effect<Stored | undefined, TokenStoreError> =>
  owner.policy.strictStore ? bounded(owner, store, "read", store.get) : reread(owner, store)

/** What cannot be read is no token: the next one takes its place. */
const reread = (owner: Owner, store: TokenStore): Effect.Effect<Stored | undefined> =>
  Effect.catchAll(bounded(owner, store, "read", store.get), (error) => Effect.as(tell(owner, error), undefined))

const save = (owner: Owner, store: TokenStore, stored: Stored | undefined, token: Token): Effect.Effect<Saved> => {
  const replacing = (generation: number) =>
    Effect.filterOrElse(
      store.compareAndSet(generation, token),
      Boolean,
      // it may have been written all the same, by an attempt whose answer was lost
      () =>
        Effect.map(store.get, ({ token: stored }) =>
          Option.exists(stored, (stored) => TokenState.sameToken(stored, token)))
    )
  const writing = Effect.suspend(() =>
    stored !== undefined
      ? replacing(stored.generation)
      // nothing was learned of what is stored: it is read again if it is more than something unreadable
      : Effect.filterOrElse(
        replacing(0),
        Boolean,
        () => Effect.flatMap(store.get, ({ generation }) => replacing(generation))
      )
  )
  return bounded(owner, store, "write", writing).pipe(
    Effect.filterOrFail(
      Boolean,
      () => new TokenStoreError({ operation: "replace", place: store.place, detail: "another process has stored one" })
    ),
    // a bug of the store costs no more than that it fails: a rotated refresh token exists nowhere else
    Effect.catchAllDefect((defect) =>
      Effect.zipRight(
        Effect.logError(`${owner.mode}: the token store failed`, defect),
        new TokenStoreError({ operation: "write", place: store.place, detail: "it has a defect" })
      )
    ),
    Effect.as<Saved>("Kept"),
    Effect.catchAll((error) => Effect.as(tell(owner, error), whatBecame(error)))
  )
}

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
  Effect.timeoutFail(Effect.disconnect(Scrub.withoutWords(self, "the token store")), {
    duration: policy.storeTimeout,
    onTimeout: () => new NoAnswer({ operation, place, detail: "it does not answer" })
  }).pipe(
    Effect.interruptible,
    Effect.forkDaemon,
    Effect.flatMap((fiber) => Effect.onInterrupt(Fiber.join(fiber), () => Fiber.interruptFork(fiber)))
  )

/** Told from what a store says of itself by its class: what was written may be there. */
class NoAnswer extends TokenStoreError {}

const whatBecame = (error: TokenStoreError): Saved =>
  error.operation === "replace" ? "Superseded" : error instanceof NoAnswer ? "Unanswered" : "Lost"

const tell = ({ mode }: Owner, error: TokenStoreError): Effect.Effect<void> =>
  AuthEvent.publish(AuthEvent.AuthEvent.StoreFailed({ mode, error }))
