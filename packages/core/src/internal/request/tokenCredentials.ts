/** Credentials that stand or fall with a token of a source. */
import * as Either from "effect/Either"
import * as MutableRef from "effect/MutableRef"
import type { CredentialUnavailable } from "../../AuthError.ts"
import type { Token } from "../../Token.ts"
import type { TokenSource } from "../token/source.ts"
import type { ActiveCredentials, Made, Options } from "./activeCredentials.ts"
import * as Active from "./activeCredentials.ts"

/** Remembers what was made for the latest token. */
export const forEachToken = <A>(make: (token: Token) => A): (token: Token) => A => {
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
export const ofToken = (
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
