/**
 * Credentials that are read by an Effect, such as from a secret manager, and may change while the program runs. After a
 * refusal they are read again: at once if they were not read again for a cool-down, so that a wrong password does not
 * cost a read per request.
 */
import * as RequestContext from "@effect-auth/rate-limit/internal/requestContext"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import type { CredentialUnavailable } from "../../AuthError.ts"
import type { RenewalStep } from "../token/rejection.ts"
import type { ActiveCredentials, Authenticator } from "./activeCredentials.ts"

/** What was read last. */
interface Current<C> {
  readonly credential: C
  readonly prove: Authenticator["prove"]
}

interface State<C> {
  readonly current: Current<C> | undefined
  /** When the credential was last read because of a refusal, in epoch milliseconds. */
  readonly rereadAt: number
  /** New requests wait for the end of it, because the credential is known to be refused. */
  readonly rereading: boolean
}

/** What a refusal of the credentials that were read last leads to. */
export const decide = (
  rereadAt: number,
  now: number,
  coolDown: number
): "reread" | "giveUp" => now >= rereadAt && now - rereadAt < coolDown ? "giveUp" : "reread"

export const make = <C>(
  read: Effect.Effect<C, CredentialUnavailable>,
  options: {
    readonly mode: string
    /** Run once for each value; what it returns proves every request until the next one. */
    readonly proveWith: (credential: C, reject: ActiveCredentials["reject"]) => Authenticator["prove"]
    readonly coolDown: Duration.Duration
  }
): Authenticator => {
  const state = StateRef.make<State<C>>({ current: undefined, rereadAt: -Infinity, rereading: false })
  const oneAtATime = RequestContext.makeLock()
  const coolDown = Duration.toMillis(options.coolDown)
  const change = (change: Partial<State<C>>) => StateRef.update(state, (state) => ({ ...state, ...change }))

  const install = (credential: C): Current<C> => {
    const current: Current<C> = {
      credential,
      prove: options.proveWith(credential, () => oneAtATime(reject(current)))
    }
    change({ current })
    return current
  }

  const readOnce = oneAtATime(
    Effect.suspend(() => {
      const { current } = StateRef.get(state)
      return current === undefined ? Effect.map(read, install) : Effect.succeed(current)
    })
  )

  const reject = (refused: Current<C>): Effect.Effect<RenewalStep> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { current, rereadAt } = StateRef.get(state)
      if (current !== refused) return Effect.succeed("reuse")
      if (decide(rereadAt, now, coolDown) === "giveUp") return Effect.succeed("fail")
      return Effect.suspend(() => {
        change({ rereadAt: now, rereading: true })
        return read
      }).pipe(
        Effect.map((credential): RenewalStep => {
          if (Equal.equals(credential, refused.credential)) return "fail"
          install(credential)
          return "login"
        }),
        // it could not be read again, so the server's refusal is what the caller has to know
        Effect.orElseSucceed((): RenewalStep => "fail"),
        Effect.ensuring(Effect.sync(() => change({ rereading: false })))
      )
    })

  return {
    mode: options.mode,
    prove: (request, now) => {
      const { current, rereading } = StateRef.get(state)
      return current === undefined || rereading
        ? Effect.flatMap(readOnce, ({ prove }) => prove(request, now))
        : current.prove(request, now)
    }
  }
}
