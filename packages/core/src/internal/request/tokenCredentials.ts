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
  const prove = forEachToken((token) => ofToken(tokens, token, options)({ credentials: options.credentials(token) }))
  return {
    mode: options.mode,
    prove: (_request, now) => {
      const token = tokens.getAt(now)
      return Active.isImmediate(token) ? prove(token.value) : Effect.flatMap(token, prove)
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
  options: Options & {
    readonly mode: string
    readonly credentials?: ((token: Token) => RequestCredentials) | undefined
  }
): Authenticator => {
  const { credentials, mode } = options
  const proverOf = forEachToken((token) => {
    if (credentials === undefined) return Either.right(ofToken(tokens, token, options))
    return Either.map(Active.prepare(mode, credentials(token)), (shared) => ofToken(tokens, token, options, shared))
  })
  return {
    mode,
    prove: (request, now) => {
      const token = tokens.getAt(now)
      const proveWith = (token: Token): ReturnType<Authenticator["prove"]> => {
        const prover = proverOf(token)
        if (Either.isLeft(prover)) return Effect.fail(prover.left)
        const made = make(token, request, now)
        return Active.isImmediate(made) ? prover.right(made.value) : Effect.flatMap(made, prover.right)
      }
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

/** What is made of a token becomes credentials that stand or fall with it, `shared` ones among them. */
const ofToken = (
  tokens: TokenSource,
  token: Token,
  options: Options & { readonly mode: string },
  shared?: Active.Prepared
): (made: Made) => Exit.Exit<ActiveCredentials, CredentialUnavailable> => {
  const { explain, mode, review: reviewByOptions = Active.reviewStatus, reviewBody } = options
  const settings: Active.Settings = { mode, explain, reviewBody, isRenewable: true }
  // whether the server has taken the token
  const accepted = MutableRef.make(false)
  const reject: ActiveCredentials["reject"] = (attempted, demand) =>
    tokens.reject(token, attempted, MutableRef.get(accepted), demand)
  return ({ credentials, explain, review: reviewAnswer = reviewByOptions, rewrite }) => {
    const review: ActiveCredentials["review"] = (response) => {
      const review = reviewAnswer(response)
      // an error may be that of a proxy, which has not looked at the token
      const isOpen = reviewBody?.wanted(response) === true
      if (response.status < 400 && review._tag === "Accepted" && !isOpen) MutableRef.set(accepted, true)
      return review
    }
    return Exit.fromEither(Active.makeOf(settings, { credentials, explain, review, rewrite }, reject, shared))
  }
}
