/**
 * The login of a service account as itself, which Yamcs 5.13 leaves without an answer: it is not sent again after it was
 * not answered, because each such request parks a worker of the server for good.
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { Exchange } from "./tokens.ts"

/** What lets an exchange through unless the one before it was not answered. */
export const make = (mode: string): Effect.Effect<(exchange: Exchange) => Exchange> =>
  Effect.map(Ref.make(false), (isOpen) => (exchange) =>
    Effect.flatMap(Ref.getAndSet(isOpen, true), (wasOpen) =>
      wasOpen
        ? Effect.fail(new CredentialUnavailable({ mode, problem, final: true }))
        : Effect.onExit(exchange, (exit) => Ref.set(isOpen, !isAnswered(exit)))))

const problem =
  "the server did not answer a service account that acts as itself, and is not asked again because it parks a worker for each such request; name an account to act as in `become`"

/** Whether the server has done with the request, or never had it. */
export const isAnswered = (exit: Exit.Exit<unknown, ExchangeError>): boolean =>
  Exit.match(exit, {
    onSuccess: () => true,
    onFailure: (cause) => Option.exists(Cause.failureOption(cause), endsRequest)
  })

/** A proxy answers 504 when its patience ends, not when the server's does. */
const endsRequest = (error: ExchangeError): boolean => {
  switch (error._tag) {
    case "TokenEndpointError":
      return error.sent === false || (error.status !== undefined && error.status !== 408 && error.status !== 504)
    default:
      return true
  }
}
