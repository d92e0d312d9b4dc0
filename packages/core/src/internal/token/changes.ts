/** How a token source is watched: its changes as a stream, its state, and the `onChange` of its options. */
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Subscribable from "effect/Subscribable"
import * as Scrub from "../request/scrub.ts"
import type { Snapshot, Source, TokenChange } from "./source.ts"
import * as TokenState from "./state.ts"

/** Every change in order, beginning with the latest one; ends with `Cleared`, the last one. */
export const changes = <R>({ changes }: Source<R>): Stream.Stream<TokenChange> =>
  untilCleared(StateRef.changes(changes))

export const state = <R>({ state }: Source<R>): Subscribable.Subscribable<Snapshot> =>
  Subscribable.make({
    get: Effect.suspend(() => snapshot(StateRef.get(state))),
    // suspended: its operators would be most of what a source keeps in memory
    changes: Stream.suspend(() =>
      StateRef.changes(state).pipe(
        Stream.takeUntil(({ closed, held }) => closed && held === undefined),
        Stream.mapEffect(snapshot)
      )
    )
  })

/** Runs `onChange` with every change from now on. The fiber ends by itself, once it has seen the last change. */
export const observe = <R>(
  { changes, mode, options: { onChange } }: Source<R>
): Effect.Effect<Fiber.Fiber<void> | undefined, never, R | Scope.Scope> =>
  onChange === undefined
    ? Effect.succeed(undefined)
    // subscribed before the fiber starts, so that no change comes in between
    : Effect.flatMap(StateRef.subscribe(changes), (changes) =>
      untilCleared(changes).pipe(
        Stream.runForEach((change) =>
          Effect.catchAllCause(Effect.suspend(() => onChange(change)), (cause) =>
            // its words may quote the token it was given
            Effect.logError(
              `${mode}: onChange of the token source failed`,
              Scrub.wordless(Cause.squash(cause), "onChange")
            ))
        ),
        Effect.interruptible,
        Effect.forkDaemon
      ))

const untilCleared = (changes: Stream.Stream<TokenChange | undefined>): Stream.Stream<TokenChange> =>
  Stream.takeUntil(Stream.filter(changes, Predicate.isNotUndefined), (change) => change._tag === "Cleared")

const snapshot = <Exchange>(state: TokenState.TokenState<Exchange>): Effect.Effect<Snapshot> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const { exchange, failure, generation, held } = state
    return {
      freshness: held === undefined ? "Empty" : TokenState.freshness(held, now),
      generation,
      expiresAt: Option.fromNullable(held?.token.expiresAt),
      exchanging: exchange !== undefined,
      failure: Option.fromNullable(failure?.error)
    }
  })
