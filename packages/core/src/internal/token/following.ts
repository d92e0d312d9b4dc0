/**
 * What other processes store is adopted when the store tells it, where it does. So a token that the server has replaced is
 * not sent once more only to be refused.
 */
import { streamWithoutWords } from "@effect-auth/rate-limit/internal/defects"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Token } from "../../Token.ts"
import type { TokenStore } from "../../TokenStore.ts"
import * as Plan from "./plan.ts"
import type { Source } from "./source.ts"

/** Follows the store from its first use on, until another takes its place or the source ends. */
export const begin = <R>(
  source: Source<R>,
  store: TokenStore | undefined,
  adopt: (token: Token) => Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (store?.announces !== true || MutableRef.getAndSet(source.followed, store) === store) return Effect.void
    const following = Stream.runForEachWhile(
      streamWithoutWords(store.changes, "the token store"),
      ({ token }) => {
        const isCurrent = MutableRef.get(source.followed) === store
        return Effect.as(
          isCurrent && Option.isSome(token) ? offered(source, token.value, adopt) : Effect.void,
          isCurrent
        )
      }
    )
    return Effect.asVoid(Effect.forkIn(Effect.ignore(following), source.scope))
  })

/** Only where there is a token already that it is better than: an exchange reads the store itself. */
const offered = <R>(
  { rules, state }: Source<R>,
  token: Token,
  adopt: (token: Token) => Effect.Effect<void>
): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const current = StateRef.get(state)
    if (current.held === undefined || current.exchange !== undefined || current.closed) return Effect.void
    const plan = Plan.plan(current, { token, provenance: "store" }, now, rules)
    return plan._tag === "Adopt" ? adopt(plan.token) : Effect.void
  })
