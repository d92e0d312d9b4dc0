/** Sends tokens with a proof of possession for each request (RFC 9449 section 7). */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { AuthenticationFailed, CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Challenge from "@effect-auth/core/Challenge"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import type { Token } from "@effect-auth/core/Token"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type { ProofKey } from "./dpop.ts"
import * as Dpops from "./dpop.ts"

/** What the proofs for one token have in common. */
interface Bound {
  readonly token: Token
  readonly key: ProofKey
  readonly tokenHash: string
  readonly authorization: RequestCredentials.RequestCredentials
}

/** What is known of the tokens' keys. */
interface Options {
  readonly orBearer: boolean
  /** The key of all tokens. Default: each comes with its own. */
  readonly given?: ProofKey | undefined
}

export const make = (mode: string, tokens: TokenSource, options: Options): Authenticator.Authenticator => {
  const nonces = Dpops.noNonces()
  const latest = MutableRef.make<Bound | undefined>(undefined)
  const boundTo = (token: Token): Effect.Effect<Bound, ExchangeError> => {
    const known = MutableRef.get(latest)
    return known?.token === token ? Effect.succeed(known) : Effect.tap(
      Effect.zipWith(
        keyOf(mode, token, options.given),
        Dpops.hashOf(Redacted.value(token.value)),
        (key, tokenHash): Bound => ({
          token,
          key,
          tokenHash,
          authorization: RequestCredentials.authorization(`DPoP ${Redacted.value(token.value)}`)
        })
      ),
      (bound) => Effect.sync(() => MutableRef.set(latest, bound))
    )
  }
  return Authenticator.perRequestFromTokens(
    tokens,
    (token, { method, url }, now) =>
      options.orBearer && isBearer(token)
        ? Effect.succeed({ credentials: RequestCredentials.bearer(token.value) })
        : Effect.flatMap(boundTo(token), ({ authorization, key, tokenHash }) =>
          Effect.map(
            Dpops.prove(key, { method, url, nonce: Dpops.nonceFor(nonces, url), tokenHash }, now, mode),
            (proof) => ({
              credentials: RequestCredentials.all(authorization, RequestCredentials.header("dpop", proof))
            })
          )),
    {
      mode,
      review: (response) => {
        const isNoted = Dpops.note(nonces, response.request.url, response.headers)
        return response.status !== 401 || !wantsNonce(response)
          ? Authenticator.reviewDemands(response)
          : isNoted
          ? { _tag: "Repeat", most: mostNonces }
          : { _tag: "Failed", error: hidden(mode, response) }
      }
    }
  )
}

const keyOf = (mode: string, { key }: Token, given: ProofKey | undefined): Effect.Effect<ProofKey, ExchangeError> =>
  key !== undefined
    ? Dpops.restore(key, mode)
    : given !== undefined
    ? Effect.succeed(given)
    : Effect.fail(
      new CredentialUnavailable({ mode, problem: "the token comes without the key that it is bound to", final: true })
    )

const isBearer = ({ type }: Token): boolean => type?.toLowerCase() === "bearer"

const wantsNonce = ({ headers }: HttpClientResponse.HttpClientResponse): boolean =>
  Challenge.fromHeaders(headers).some(({ params, scheme }) => scheme === "dpop" && params["error"] === Dpops.wantsNonce)

/** In a row, for one request: one that came too late, and another. */
const mostNonces = 2

/** A browser shows a program only the headers that the server names. */
const hidden = (mode: string, { request, status }: HttpClientResponse.HttpClientResponse): AuthenticationFailed =>
  new AuthenticationFailed({
    mode,
    url: OriginPolicy.addressOf(request),
    status,
    code: Dpops.wantsNonce,
    detail:
      "the server wants a nonce in the proof and gives none; to programs in browsers it has to expose the header " +
      "DPoP-Nonce (Access-Control-Expose-Headers)"
  })
