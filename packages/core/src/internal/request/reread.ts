/**
 * Credentials that are read by an Effect, such as from a secret manager, and may change while the program runs. After a
 * refusal they are read again: at once if they were not read again for a cool-down, so that a wrong password does not
 * cost a read per request.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Ref from "effect/Ref"
import type { CredentialUnavailable } from "../../AuthError.ts"
import type { RequestCredentials } from "../../RequestCredentials.ts"
import type { RenewalStep } from "../token/state.ts"
import type { ActiveCredentials, Authenticator, Options } from "./activeCredentials.ts"
import * as Active from "./activeCredentials.ts"

/** What was read last. */
interface Current<C> {
  readonly credential: C
  readonly proved: Exit.Exit<ActiveCredentials>
}

interface State<C> {
  readonly current: Current<C> | undefined
  /** When the credential was last read because of a refusal, in epoch milliseconds. */
  readonly rereadAt: number
}

/** What a refusal of the credentials that were read last leads to. */
export const decide = (
  rereadAt: number,
  now: number,
  coolDown: number
): "reread" | "giveUp" => now >= rereadAt && now - rereadAt < coolDown ? "giveUp" : "reread"

export const make = <C>(
  read: Effect.Effect<C, CredentialUnavailable>,
  options: Options & {
    readonly mode: string
    readonly credentials: (credential: C) => RequestCredentials
    readonly coolDown: Duration.Duration
  }
): Authenticator => {
  const state = Ref.unsafeMake<State<C>>({ current: undefined, rereadAt: -Infinity })
  const oneAtATime = Effect.unsafeMakeSemaphore(1).withPermits(1)
  const coolDown = Duration.toMillis(options.coolDown)

  const activate = (credential: C): Current<C> => {
    const current: Current<C> = {
      credential,
      proved: Exit.succeed(
        Active.make(options, options.credentials(credential), () => oneAtATime(reject(current)))
      )
    }
    return current
  }

  const install = (credential: C) =>
    Effect.tap(
      Effect.sync(() => activate(credential)),
      (current) => Ref.update(state, (state) => ({ ...state, current }))
    )

  const prove = oneAtATime(
    Effect.flatMap(
      Ref.get(state),
      ({ current }) => current !== undefined ? Effect.succeed(current) : Effect.flatMap(read, install)
    )
  ).pipe(
    Effect.flatMap(({ proved }) => proved)
  )

  const reject = (refused: Current<C>): Effect.Effect<RenewalStep> =>
    Effect.flatMap(Effect.all([Ref.get(state), Clock.currentTimeMillis]), ([{ current, rereadAt }, now]) => {
      if (current !== refused) return Effect.succeed<RenewalStep>("reuse")
      if (decide(rereadAt, now, coolDown) === "giveUp") return Effect.succeed<RenewalStep>("fail")
      return Effect.zipRight(Ref.update(state, (state) => ({ ...state, rereadAt: now })), read).pipe(
        Effect.flatMap((credential) =>
          Equal.equals(credential, refused.credential)
            ? Effect.succeed<RenewalStep>("fail")
            : Effect.as(install(credential), "login" as const)
        ),
        // it could not be read again, so the server's refusal is what the caller has to know
        Effect.orElseSucceed((): RenewalStep => "fail")
      )
    })

  return { mode: options.mode, prove: () => prove }
}
