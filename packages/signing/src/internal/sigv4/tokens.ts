/** Keys that are read by an Effect, kept as tokens are: one reading at a time, anew before they expire or when refused. */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { Untagged } from "@effect-auth/core/CredentialSource"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Credentials from "../../SigningCredential.ts"
import type { Signer } from "./authenticator.ts"
import { mode } from "./authenticator.ts"

export const make = <R>(
  read: Effect.Effect<Untagged<Credentials.SigV4>, ExchangeError, R>,
  policy: RefreshPolicy.RefreshPolicy | undefined
): Effect.Effect<TokenSource.TokenSource, never, Scope.Scope | R> =>
  TokenSource.make({
    mode,
    policy,
    login: Effect.flatMap(read, (fields) => Effect.flatMap(valid(fields), tokenOf))
  })

export const authenticator = (
  tokens: TokenSource.TokenSource,
  { options, sign }: Signer
): Authenticator.Authenticator => {
  const latest = MutableRef.make<{ readonly token: Token.Token; readonly credential: Credentials.SigV4 } | undefined>(
    undefined
  )
  const credentialOf = (token: Token.Token): Effect.Effect<Credentials.SigV4, CredentialUnavailable> => {
    const known = MutableRef.get(latest)
    return known?.token === token
      ? Effect.succeed(known.credential)
      : Effect.tap(decoded(token), (credential) => Effect.sync(() => MutableRef.set(latest, { token, credential })))
  }
  return Authenticator.perRequestFromTokens(
    tokens,
    (token, request, now) => Effect.flatMap(credentialOf(token), (credential) => sign(credential, request, now)),
    options
  )
}

export const hasExpired = ({ expiresAt }: Credentials.SigV4, now: number): boolean =>
  expiresAt !== undefined && DateTime.toEpochMillis(expiresAt) <= now

const valid = (fields: Untagged<Credentials.SigV4>): Effect.Effect<Credentials.SigV4, CredentialUnavailable> =>
  Effect.flatMap(
    Effect.mapError(Credentials.sigV4(fields), ({ problem, setting }) => unavailable(`${setting}: ${problem}`)),
    (credential) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) => hasExpired(credential, now) ? unavailable("the key has expired") : Effect.succeed(credential)
      )
  )

/** The key in Base64, because a token is something that a header could hold. It is in memory only. */
const tokenOf = (credential: Credentials.SigV4): Effect.Effect<Token.Token, ExchangeError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Token.make({
      mode,
      value: Encoding.encodeBase64(reveal(credential)),
      ...(credential.expiresAt === undefined ? undefined : {
        lifetime: Duration.millis(DateTime.toEpochMillis(credential.expiresAt) - now)
      })
    }))

const decoded = (token: Token.Token): Either.Either<Credentials.SigV4, CredentialUnavailable> =>
  Encoding.decodeBase64String(Redacted.value(token.value)).pipe(
    Either.flatMap(restore),
    Either.mapLeft(() => unavailable("the key cannot be read"))
  )

const reveal = Credential.revealJson(Credentials.SigV4)

const restore = Credential.fromJson(Credentials.SigV4)

const unavailable = (problem: string): CredentialUnavailable => new CredentialUnavailable({ mode, problem })
