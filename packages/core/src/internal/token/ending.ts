/** The end of a session, when its user asks for it, and of a source with its Scope. */
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type { ExchangeError } from "../../AuthError.ts"
import * as Scrub from "../request/scrub.ts"
import * as Interpreter from "./interpreter.ts"
import * as Revocation from "./revocation.ts"
import type { Source } from "./source.ts"
import * as TokenState from "./state.ts"
import * as Storage from "./storage.ts"

/**
 * Ends the session that is held, and the one that is stored; once begun it is carried through, in a fiber of its own so that
 * it does not wait for a store without an end. What a person may bring who is just logging in is another session.
 */
export const end = <R>(source: Source<R>): Effect.Effect<void, ExchangeError> => {
  const { policy, runtime, state } = source
  // what an exchange in flight brings has to be ended too
  const settled = Effect.suspend(() => {
    const { exchange } = StateRef.get(state)
    const fiber = exchange === undefined || MutableRef.get(exchange.interacted)
      ? undefined
      : MutableRef.get(exchange.fiber)
    return fiber === undefined ? Effect.void : Effect.timeoutOption(Fiber.await(fiber), policy.timeout)
  })
  const forgetting = Effect.suspend(() => {
    const isForgotten = MutableRef.make(false)
    const forgetWith = (storage: Storage.Storage) =>
      Effect.suspend(() => {
        MutableRef.set(isForgotten, true)
        return Effect.uninterruptible(Effect.exit(forget(source, storage)))
      })
    return Interpreter.withStore(source, forgetWith).pipe(
      // a store that cannot be told is no reason to begin anew
      Effect.flatten,
      // nor is one that cannot be had a reason to keep the token
      Effect.tapErrorCause(() => MutableRef.get(isForgotten) ? Effect.void : forgetWith(Storage.unavailable)),
      // within its fiber, whose end is logged
      (ended) => Scrub.withoutWords(ended, "ending a session")
    )
  })
  return Effect.zipRight(
    settled,
    Effect.uninterruptible(Effect.flatMap(Effect.forkDaemon(Effect.interruptible(forgetting)), Fiber.join))
  ).pipe(Effect.provide(runtime.context))
}

const forget = <R>(
  source: Source<R>,
  { remove, token: stored }: Storage.Storage
): Effect.Effect<void, ExchangeError, R> =>
  Effect.suspend(() => {
    const { changes, options: { revoke }, state } = source
    const { held } = StateRef.get(state)
    const kept = Option.getOrUndefined(stored)
    const sessions = [
      held?.token,
      held !== undefined && kept !== undefined && TokenState.sameToken(held.token, kept)
        ? undefined
        : kept
    ]
    StateRef.update(state, TokenState.ended)
    MutableRef.set(source.unsaved, undefined)
    // `Cleared` is the last change
    if (!StateRef.get(state).closed) StateRef.set(changes, { _tag: "Ended" })
    const revoked = sessions.map((token) =>
      token === undefined || revoke === undefined ? Effect.void : Revocation.logOut(source, revoke, token)
    )
    // each is done, whatever becomes of the others
    return Effect.asVoid(Effect.flatMap(
      Effect.forEach([remove, ...revoked], Effect.exit),
      (exits) => Effect.all(exits)
    ))
  })

/** The end of the Scope: waits for the last exchange, the revocation and the last change, as long as the policy allows. */
export const close = <R>(source: Source<R>, observer: Fiber.Fiber<void> | undefined): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, ending, options: { revoke, store }, policy: { closing }, state, unsaved } = source
    StateRef.update(state, (state) => ({ ...state, closed: true }))
    const { exchange } = StateRef.get(state)
    const fiber = exchange === undefined ? undefined : MutableRef.get(exchange.fiber)
    if (exchange !== undefined && fiber !== undefined) {
      // waiting pays only if there may be a result that a store or a revocation needs
      if (MutableRef.get(exchange.onTheWire) && (store !== undefined || revoke !== undefined)) {
        yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), closing)
      }
      yield* MutableRef.get(exchange.interacted)
        // what a person was asked with, such as a port, is given back by then
        ? Effect.timeoutOption(Effect.interruptible(Fiber.interrupt(fiber)), closing)
        : Fiber.interruptFork(fiber)
    }
    const { held } = StateRef.get(state)
    StateRef.update(state, TokenState.forget)
    StateRef.set(changes, { _tag: "Cleared" })
    // a store that could not be written may be by now; only if it still cannot, nobody else has what was written
    const again = MutableRef.get(unsaved)
    const saved = again === undefined ? undefined : yield* Effect.timeoutOption(Effect.interruptible(again), closing)
    const isUnshared = held?.unshared === true && (saved === undefined || Option.contains(saved, "Lost"))
    const revoking = held !== undefined && revoke !== undefined && (store === undefined || isUnshared)
      ? Effect.ignore(Revocation.logOut(source, revoke, held.token))
      : Effect.void
    yield* Effect.ensuring(
      revoking,
      Effect.forEach([MutableRef.get(ending), observer], (last) =>
        last === undefined ? Effect.void : Effect.zipRight(
          Effect.timeoutOption(Effect.interruptible(Fiber.await(last)), closing),
          Fiber.interruptFork(last)
        ), { discard: true })
    )
  }).pipe(
    Effect.uninterruptible,
    Effect.provide(source.runtime)
  )
