/** Authenticators over a source of tokens: their credentials stand or fall with a token of it. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import type { CredentialUnavailable, ExchangeError, OriginRefused } from "../../AuthError.ts"
import type { RequestCredentials } from "../../RequestCredentials.ts"
import type { Token } from "../../Token.ts"
import type { TokenSource } from "../token/source.ts"
import type { ActiveCredentials, Authenticator, Made, Options } from "./activeCredentials.ts"
import * as Active from "./activeCredentials.ts"

export const fromTokens = (
  tokens: TokenSource,
  options: Options & { readonly mode: string; readonly credentials: (token: Token) => RequestCredentials }
): Authenticator => {
  const proveWith = forEachToken((token): Exit.Exit<ActiveCredentials, CredentialUnavailable> => {
    const accepted = MutableRef.make(false)
    return Exit.fromEither(ofToken(tokens, token, accepted, options, { credentials: options.credentials(token) }))
  })
  return {
    mode: options.mode,
    prove: (_request, now) => {
      const token = tokens.getAt(now)
      return Active.isImmediate(token) ? proveWith(token.value) : Effect.flatMap(token, proveWith)
    }
  }
}

export const perRequestFromTokens = (
  tokens: TokenSource,
  make: (
    token: Token,
    request: HttpClientRequest.HttpClientRequest,
    now: number
  ) => Effect.Effect<Made, ExchangeError | OriginRefused>,
  options: Options & { readonly mode: string }
): Authenticator => {
  const acceptedOf = forEachToken(() => MutableRef.make(false))
  return {
    mode: options.mode,
    prove: (request, now) => {
      const token = tokens.getAt(now)
      const proveWith = (token: Token) =>
        Effect.flatMap(make(token, request, now), (made) => ofToken(tokens, token, acceptedOf(token), options, made))
      return Active.isImmediate(token) ? proveWith(token.value) : Effect.flatMap(token, proveWith)
    }
  }
}

/** Remembers what was made for the latest token. */
const forEachToken = <A>(make: (token: Token) => A): (token: Token) => A => {
  const latest = MutableRef.make<{ readonly token: Token; readonly made: A } | undefined>(undefined)
  return (token) => {
    const known = MutableRef.get(latest)
    if (known !== undefined && known.token === token) return known.made
    const made = make(token)
    MutableRef.set(latest, { token, made })
    return made
  }
}

/** `accepted` notes that the server has taken the token. */
const ofToken = (
  tokens: TokenSource,
  token: Token,
  accepted: MutableRef.MutableRef<boolean>,
  options: Options & { readonly mode: string },
  made: Made
): Either.Either<ActiveCredentials, CredentialUnavailable> =>
  Either.map(
    Active.makeOf(
      options,
      made,
      (attempted, demand) => tokens.reject(token, attempted, MutableRef.get(accepted), demand)
    ),
    // written out, because signed requests make one each
    (active): ActiveCredentials => ({
      mode: active.mode,
      apply: active.apply,
      locations: active.locations,
      secrets: active.secrets,
      reject: active.reject,
      reviewBody: active.reviewBody,
      explain: active.explain,
      isRenewable: true,
      review: (response) => {
        const review = active.review(response)
        // an error may be that of a proxy, which has not looked at the token
        const isOpen = active.reviewBody?.wanted(response) === true
        if (response.status < 400 && review._tag === "Accepted" && !isOpen) MutableRef.set(accepted, true)
        return review
      }
    })
  )
