/** The key that the new tokens of a source are bound to: given, or generated once, when it is first needed. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import type { Dpop } from "../Dpop.ts"
import type { ProofKey } from "./dpop.ts"
import * as Dpops from "./dpop.ts"
import type { AuthorizationServer } from "./server.ts"

export interface ProofKeys {
  readonly current: (server: AuthorizationServer) => Effect.Effect<ProofKey | undefined, ExchangeError>
}

export const make = (dpop: Dpop | undefined, mode: string): ProofKeys => {
  if (dpop === undefined) return { current: () => Effect.succeed(undefined) }
  if (dpop._tag === "Given") {
    const key = given(dpop)
    return { current: () => Effect.succeed(key) }
  }
  const generated = MutableRef.make<ProofKey | undefined>(undefined)
  return {
    current: (server) =>
      Effect.suspend(() => {
        const known = MutableRef.get(generated)
        return known !== undefined
          ? Effect.succeed(known)
          : Effect.tap(Dpops.generate(server, mode), (key) => Effect.sync(() => MutableRef.set(generated, key)))
      })
  }
}

export const given = ({ key, publicKey }: Extract<Dpop, { readonly _tag: "Given" }>): ProofKey => ({
  key,
  jwk: Dpops.publicHalf(publicKey),
  kept: undefined
})
