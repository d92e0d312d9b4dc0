/** A token of a subject, exchanged for another one. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import * as Effect from "effect/Effect"

/**
 * The subject is asked for its token at each exchange; if the server does not accept that, by one of these codes, the subject
 * is told so, and its next one is exchanged, once. What the answer does not say lives no longer than its subject.
 */
export const exchanged = <R>(
  subject: TokenSource,
  exchange: (token: Token.Token) => Effect.Effect<Token.Token, ExchangeError, R>,
  codes: ReadonlyArray<string>
): Effect.Effect<Token.Token, ExchangeError, R> => {
  const once = (token: Token.Token) => Effect.map(exchange(token), noLongerThan(token))
  return Effect.flatMap(
    subject.get,
    (token) =>
      Effect.catchTag(
        once(token),
        "CredentialsRejected",
        (error) =>
          error.code === undefined || !codes.includes(error.code)
            ? error
            : Effect.flatMap(
              subject.reject(token),
              (step) => step === "fail" ? error : Effect.flatMap(subject.get, once)
            )
      )
  )
}

const noLongerThan = ({ expiresAt }: Token.Token) => (token: Token.Token): Token.Token =>
  token.expiresAt !== undefined || expiresAt === undefined ? token : new Token.Token({ ...token, expiresAt })
