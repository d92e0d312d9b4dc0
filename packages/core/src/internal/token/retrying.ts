/** How a login or a refresh is tried again within its exchange. */
import * as Schedule from "@effect-auth/rate-limit/internal/schedule"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import type { ExchangeError } from "../../AuthError.ts"
import { isTransient } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Token } from "../../Token.ts"
import * as Moment from "./moment.ts"
import type { Exchange, Source } from "./source.ts"
import * as TokenState from "./state.ts"

export type Kind = "login" | "refresh"

/** A try that failed. */
export interface Try {
  readonly kind: Kind
  readonly error: ExchangeError
  /** When it failed, in milliseconds of a clock that nobody sets. */
  readonly at: number
  /** Whether an earlier try of the exchange may have reached the server, and its answer is lost. */
  readonly isLostBefore: boolean
}

/** Whether there is another try, of an exchange whose time is over at `until`. */
export const isRepeated = ({ at, error, isLostBefore, kind }: Try, until: number): boolean =>
  isTransient(error) &&
  // the next exchange waits instead, which a timeout would make forget what the server asked for
  at + Duration.toMillis(TokenState.retryAfter(error)) < until &&
  // the server may have redeemed the token: some allow to ask once more, soon
  !(kind === "refresh" && isLostBefore && mayBeRedeemed(error))

/** Whether the server may have received the exchange although its answer was not. */
const mayBeRedeemed = (error: ExchangeError): boolean =>
  error._tag === "TokenEndpointError" && error.reason === "Unreachable" && error.sent !== false

/**
 * Tries again as the policy says, until the source is closed or the time is over. The first time this is said, because
 * nothing else is heard of a login until the last attempt.
 */
export const persistently = <R>(
  { mode, policy, state }: Source<R>,
  { onTheWire }: Exchange,
  kind: Kind,
  self: Effect.Effect<Token, ExchangeError, R>,
  until: number
): Effect.Effect<Token, ExchangeError, R> =>
  Effect.suspend(() => {
    const isAnnounced = MutableRef.make(false)
    const last = MutableRef.make<Try | undefined>(undefined)
    const goesOn = () => {
      const failed = MutableRef.get(last)
      return failed !== undefined && !StateRef.get(state).closed && isRepeated(failed, until)
    }
    // asked for each error that the schedule would repeat
    const announce = Effect.suspend(() => {
      const failed = MutableRef.get(last)
      return failed === undefined || !goesOn() || MutableRef.getAndSet(isAnnounced, true)
        ? Effect.void
        : AuthEvent.publish(AuthEvent.AuthEvent.ExchangeRetried({ mode, kind, error: failed.error }))
    })
    return Effect.suspend(() => {
      MutableRef.set(onTheWire, true)
      return self
    }).pipe(
      Effect.tapError((error) =>
        Effect.map(Moment.now, ({ steady: at }) => {
          const before = MutableRef.get(last)
          const isLostBefore = before !== undefined && (before.isLostBefore || mayBeRedeemed(before.error))
          MutableRef.set(last, { kind, error, at, isLostBefore })
          MutableRef.set(onTheWire, false)
        })
      ),
      Effect.retry({
        schedule: Schedule.onContinue(
          Schedule.within(
            Schedule.notBefore(
              policy.retry,
              Effect.sync(() => TokenState.retryAfter(MutableRef.get(last)?.error))
            ),
            // a wait that the timeout would cut short: the last error says more than that the time is over
            Effect.map(Moment.now, ({ steady }) => Duration.millis(Math.max(0, until - steady)))
          ),
          announce
        ),
        while: goesOn
      })
    )
  })

/**
 * What an exchange reads before it sends anything, such as the account whose store it needs. A secret manager that does not
 * answer is no worse than a server that does not.
 */
export const reading = <A, R>(
  { policy }: Pick<Source<R>, "policy">,
  self: Effect.Effect<A, ExchangeError, R>
): Effect.Effect<A, ExchangeError, R> => Effect.retry(self, { schedule: policy.retry, while: isTransient })
