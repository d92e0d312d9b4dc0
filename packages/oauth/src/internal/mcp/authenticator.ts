/** How requests to an MCP server are authenticated, and what is learned from its refusals. */
import type { ActiveCredentials, Authenticator } from "@effect-auth/core/Authenticator"
import * as Authenticators from "@effect-auth/core/Authenticator"
import * as Challenge from "@effect-auth/core/Challenge"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import type { Token } from "@effect-auth/core/Token"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import { MayInteract } from "@effect-auth/core/TokenSource"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import type { Dpop } from "../../Dpop.ts"
import * as Logins from "./logins.ts"

export interface Options {
  readonly mode: string
  readonly tokens: TokenSource
  readonly dpop: Dpop | undefined
  readonly isInteractive: boolean
  /** Set to what a refusal says. */
  readonly refusal: MutableRef.MutableRef<ReadonlyArray<Challenge.Challenge> | undefined>
  readonly logins: MutableRef.MutableRef<Logins.Logins>
  /** Told of the token of a stored session, before it is used. */
  readonly goesOn: (token: Token) => void
}

/**
 * Until the server has refused a request, it is asked with what a store may hold, or with nothing: it may want no
 * credentials at all.
 */
export const make = ({ dpop, goesOn, isInteractive, logins, mode, refusal, tokens }: Options): Authenticator => {
  const isRefused = MutableRef.make(false)
  const isStoreAsked = MutableRef.make(!isInteractive)

  const note = (response: HttpClientResponse.HttpClientResponse): void => {
    const challenges = Challenge.fromHeaders(response.headers)
    if (response.status === 401 || challenges.some(({ params }) => params["error"] === "insufficient_scope")) {
      MutableRef.set(refusal, challenges)
    }
  }
  const noting = (active: ActiveCredentials): ActiveCredentials => ({
    ...active,
    review: (response) => {
      const review = active.review(response)
      // a demand for a nonce is no refusal
      if (response.status >= 400 && review._tag !== "Repeat") note(response)
      else if (review._tag === "Accepted") MutableRef.set(logins, Logins.none)
      return review
    },
    reject: (attempted, demand) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          demand !== undefined && Logins.areEnough(MutableRef.get(logins), now)
            ? Effect.succeed("fail")
            : active.reject(attempted, demand)
      )
  })

  const bearing = dpop === undefined
    ? Authenticators.bearer(tokens, { mode, review: Authenticators.reviewDemands })
    : dpop.authenticator(mode, tokens)
  const anonymous = Authenticators.fixed(RequestCredentials.none, { mode, review: Authenticators.reviewDemands })

  const withToken: Authenticator["prove"] = (request, now) => Effect.map(bearing.prove(request, now), noting)

  const withNothing: Authenticator["prove"] = (request, now) =>
    Effect.map(anonymous.prove(request, now), (active) =>
      noting({
        ...active,
        isRenewable: true,
        reject: (attempted) =>
          Effect.sync(() => {
            MutableRef.set(isRefused, true)
            return attempted === "reuse" ? "login" : "fail"
          })
      }))

  return {
    mode,
    prove: (request, now) => {
      if (MutableRef.get(isRefused)) return withToken(request, now)
      if (MutableRef.get(isStoreAsked)) return withNothing(request, now)
      return Effect.matchEffect(Effect.provideService(tokens.get, MayInteract, false), {
        onSuccess: (token) => {
          MutableRef.set(isRefused, true)
          goesOn(token)
          return withToken(request, now)
        },
        onFailure: (error) => {
          if (error._tag !== "InteractionRequired") return Effect.fail(error)
          MutableRef.set(isStoreAsked, true)
          return withNothing(request, now)
        }
      })
    }
  }
}
