/**
 * The lock of a store, with a bound on every wait for it: a store may never give its lock, and may never take it back.
 * Between the two the effect runs as long as it takes.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import { TokenStoreError } from "../../AuthError.ts"
import type { TokenStore } from "../../TokenStore.ts"
import * as Scrub from "../request/scrub.ts"

/** How long to wait for the lock to be given, and for it to be taken back. */
interface Patience {
  readonly given: Duration.Duration
  readonly takenBack: Duration.Duration
  /** Run if it is not given in time. */
  readonly onLate: Effect.Effect<void>
}

/**
 * Runs an effect that holds the lock. Fails without running it if the lock is not given in time. An interruption waits for
 * the effect if it has begun, and never for the lock.
 */
export const hold = <A, E, R>(
  store: TokenStore,
  patience: Patience,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | TokenStoreError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const phase = MutableRef.make<"Waiting" | "Running" | "Abandoned">("Waiting")
      const begun = yield* Deferred.make<void>()
      const ended = yield* Deferred.make<Exit.Exit<A, E> | undefined>()
      const once = Effect.suspend(() => {
        // a lock that is given too late
        if (MutableRef.get(phase) === "Abandoned") return Effect.interrupt
        MutableRef.set(phase, "Running")
        return Effect.zipRight(Deferred.succeed(begun, undefined), Scrub.withoutWords(self, "obtaining a token"))
      })
      // in a fiber of its own: a store may not let itself be interrupted
      const fiber = yield* Effect.suspend(() =>
        store.withLock(Effect.onExit(once, (exit) => Deferred.succeed(ended, exit)))
      ).pipe(
        (locked) => Scrub.withoutWords(locked, "the token store"),
        // without having run it, if the lock fails
        Effect.ensuring(Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.succeed(ended, undefined))),
        Effect.interruptible,
        Effect.forkDaemon
      )

      /** Whether the effect has not begun, and never will. */
      const abandon = Effect.suspend(() => {
        if (MutableRef.get(phase) === "Running") return Effect.succeed(false)
        MutableRef.set(phase, "Abandoned")
        return Effect.as(Fiber.interruptFork(fiber), true)
      })
      const late = new TokenStoreError({
        operation: "lock",
        place: store.place,
        detail: `it was not given within ${Duration.format(patience.given)}`
      })
      const begin = Effect.flatMap(Effect.timeoutOption(Deferred.await(begun), patience.given), (begun) =>
        Option.isSome(begun) ?
          Effect.void :
          Effect.flatMap(abandon, (isAbandoned) => isAbandoned ? Effect.zipRight(patience.onLate, late) : Effect.void))
      const end = Effect.flatMap(Deferred.await(ended), (exit) =>
        exit === undefined ? Fiber.await(fiber) : Effect.map(
          Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), patience.takenBack),
          Option.getOrElse((): Exit.Exit<A, E | TokenStoreError> =>
            exit
          )
        ))

      return yield* restore(Effect.flatten(Effect.zipRight(begin, end))).pipe(
        Effect.onInterrupt(() =>
          Effect.flatMap(abandon, (isAbandoned) =>
            isAbandoned ? Effect.void : Effect.zipRight(Fiber.interruptFork(fiber), end))
        )
      )
    })
  )
