/** What becomes of a token that an exchange brought: it is stored, and from there on callers get it. */
import * as Schedule from "@effect-auth/rate-limit/internal/schedule"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Token } from "../../Token.ts"
import type * as Demand from "./demand.ts"
import * as Moment from "./moment.ts"
import * as Revocation from "./revocation.ts"
import type { Source } from "./source.ts"
import * as TokenState from "./state.ts"
import type * as Storage from "./storage.ts"

/** A token that cannot be stored is used all the same. */
export const commit = <R>(
  source: Source<R>,
  { save }: Storage.Storage,
  token: Token,
  provenance: TokenState.Provenance,
  demand?: Demand.Demand
): Effect.Effect<void> =>
  Effect.flatMap(save(token), (saved) =>
    Effect.zipLeft(
      grant(source, token, provenance, saved, demand),
      Effect.sync(() => MutableRef.set(source.unsaved, saved === "Lost" ? save(token) : undefined))
    ))

/** A token arrived: from here on it is what callers get. */
export const grant = <R>(
  source: Source<R>,
  token: Token,
  provenance: TokenState.Provenance,
  saved: TokenState.Saved,
  demand?: Demand.Demand
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, mode, policy, renewal, state } = source
    const at = yield* Moment.now
    const now = at.wall
    const due = Effect.catchAllDefect(Schedule.step(renewal, now, token), (defect) =>
      // a bug of the policy must not cost the token
      Effect.as(Effect.logError(`${mode}: the renewal of the refresh policy failed`, defect), Option.none<number>()))
    const renewAt = Option.match(yield* due, {
      onNone: () => Infinity,
      // whole milliseconds, as clocks have them: a remainder below one would be a sleep of nothing, over and over
      onSome: (due) => Math.max(Math.ceil(due), now + Duration.toMillis(policy.renewalInterval))
    })
    const before = StateRef.get(state)
    const asked = demand === undefined ? undefined : { demand, at }
    const next = TokenState.granted(before, token, { provenance, saved, renewAt, asked })
    StateRef.set(state, next)
    MutableRef.set(source.unsaved, undefined)
    if (before.held !== undefined) Revocation.endReplaced(source, before.held, provenance)
    // `Cleared` is the last change, even if a token was being stored at the end of the Scope
    if (!next.closed) StateRef.set(changes, { _tag: "Obtained", provenance, token })
    yield* AuthEvent.publish(AuthEvent.AuthEvent.TokenObtained({
      mode,
      provenance,
      generation: next.generation,
      expiresIn: token.expiresAt === undefined
        ? undefined
        : Duration.millis(Math.max(0, DateTime.toEpochMillis(token.expiresAt) - now)),
      waiters: next.exchange === undefined ? 0 : MutableRef.get(next.exchange.waiters.joined)
    }))
  })
