/** How the server is told that a session has ended, and the session that was replaced. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import * as Runtime from "effect/Runtime"
import type { ExchangeError } from "../../AuthError.ts"
import { TokenEndpointError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Token } from "../../Token.ts"
import * as Scrub from "../request/scrub.ts"
import type { Source } from "./source.ts"
import type { Held, Provenance } from "./state.ts"

/**
 * Ends the session of a token that another took the place of: one that a login replaces, where the mode says so, and one
 * that gives way to that of another process and that nobody else can use. In the background: of all there is, only the end
 * of the source waits for it.
 */
export const endReplaced = <R>(source: Source<R>, replaced: Held, by: Provenance): void => {
  const { ending, options: { endReplaced, revoke }, runtime } = source
  const isOver = by === "login" ? endReplaced === true : by === "store" && replaced.unshared
  if (!isOver || revoke === undefined) return
  MutableRef.set(ending, Runtime.runFork(runtime, Effect.ignore(logOut(source, revoke, replaced.token))))
}

/** Ends a session at the server, as long as the policy allows, and tells what came of it. */
export const logOut = <R>(
  { mode, policy }: Source<R>,
  revoke: NonNullable<Source<R>["options"]["revoke"]>,
  token: Token
): Effect.Effect<void, ExchangeError, R> =>
  Effect.interruptible(Effect.suspend(() => revoke(token))).pipe(
    Effect.timeoutFail({
      duration: policy.closing,
      onTimeout: () => new TokenEndpointError({ mode, reason: "Timeout" })
    }),
    Effect.asVoid,
    (revoked) => Scrub.withoutWords(revoked, "ending a session"),
    Effect.onExit((exit) => AuthEvent.publish(AuthEvent.AuthEvent.LoggedOut({ mode, succeeded: Exit.isSuccess(exit) })))
  )
