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
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type { ProofKey } from "./dpop.ts"
import * as Dpops from "./dpop.ts"
import * as Servers from "./dpopServers.ts"
import * as Immediate from "./immediate.ts"

/** What the proofs for one token have in common. */
interface Bound {
  readonly token: Token
  readonly clock: Clock.Clock
  readonly key: ProofKey
  readonly tokenHash: string
}

/** What is known of the tokens' keys. */
interface Options {
  readonly orBearer: boolean
  /** The key of all tokens. Default: each comes with its own. */
  readonly given?: ProofKey | undefined
}

export const make = (mode: string, tokens: TokenSource, options: Options): Authenticator.Authenticator => {
  const servers = Servers.make()
  const latest = MutableRef.make<Bound | undefined>(undefined)
  const bind = (token: Token): Effect.Effect<Bound, ExchangeError> =>
    Effect.map(
      Effect.all([keyOf(mode, token, options.given), Dpops.hashOf(Redacted.value(token.value)), Effect.clock]),
      ([key, tokenHash, clock]) => {
        const bound = { token, clock, key, tokenHash }
        MutableRef.set(latest, bound)
        return bound
      }
    )
  const review = (
    response: HttpClientResponse.HttpClientResponse,
    isLate: (url: string, headers: HttpClientResponse.HttpClientResponse["headers"]) => boolean
  ): Authenticator.Review => {
    const { headers, request: { url } } = response
    const isNoted = Servers.noteNonce(servers, url, headers)
    const error = errorOf(response)
    return error === Dpops.wantsNonce
      ? isNoted ? repeat : { _tag: "Failed", error: hidden(mode, response) }
      : error === Dpops.refusesProof && isLate(url, headers)
      ? repeat
      : Authenticator.reviewDemands(response)
  }
  const isUnbound = (token: Token) => options.orBearer && token.type?.toLowerCase() === "bearer"
  return Authenticator.perRequestFromTokens(
    tokens,
    (token, { method, url }, now) => {
      if (isUnbound(token)) return nothing
      const server = Servers.of(servers, url)
      const proveWith = ({ clock, key, tokenHash }: Bound) =>
        Immediate.map(
          Dpops.prove(key, { method, url, server, tokenHash }, now, mode),
          (proof): Authenticator.Made => ({
            credentials: RequestCredentials.header("dpop", proof),
            review: (response) =>
              review(response, (url, headers) =>
                Servers.noteClock(servers, url, headers, {
                  ahead: server.ahead,
                  now: clock.unsafeCurrentTimeMillis()
                }))
          })
        )
      const known = MutableRef.get(latest)
      return known?.token === token ? proveWith(known) : Effect.flatMap(bind(token), proveWith)
    },
    {
      mode,
      credentials: (token) =>
        isUnbound(token)
          ? RequestCredentials.bearer(token.value)
          : RequestCredentials.authorization(`DPoP ${Redacted.value(token.value)}`),
      review: (response) => review(response, () => false)
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

const nothing = Effect.succeed<Authenticator.Made>({ credentials: RequestCredentials.none })

/** What an API says of a proof: in any of its challenges, because not all write it under the scheme DPoP. */
const errorOf = ({ headers, status }: HttpClientResponse.HttpClientResponse): string | undefined =>
  status === 401
    ? Challenge.fromHeaders(headers).map(({ params }) => params["error"]).find((error) =>
      error === Dpops.wantsNonce || error === Dpops.refusesProof
    )
    : undefined

/** In a row, for one request: a nonce that came too late and another, or a nonce and a time. */
const repeat: Authenticator.Review = { _tag: "Repeat", most: 2 }

const hidden = (mode: string, { request, status }: HttpClientResponse.HttpClientResponse): AuthenticationFailed =>
  new AuthenticationFailed({
    mode,
    url: OriginPolicy.addressOf(request),
    status,
    code: Dpops.wantsNonce,
    detail: Dpops.noNonce
  })
