/** Whether a transport can send credentials: header fields have a grammar (RFC 9110 section 5). Pure. */
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { RequestCredentials } from "../../RequestCredentials.ts"
import * as Grammar from "../grammar.ts"

/** What is wrong with the first that cannot be sent, without its value. A query parameter is encoded. */
export const check = (self: RequestCredentials): Either.Either<void, string> => {
  switch (self._tag) {
    case "Header":
      return header(self.name, Redacted.value(self.value))
    case "Cookie":
      return Either.mapLeft(
        header("cookie", `${self.name}=${Redacted.value(self.value)}`),
        (problem) => `${problem} (it is a cookie)`
      )
    case "All":
      return Either.map(Either.all(self.credentials.map(check)), () => undefined)
    case "NoHeader":
    case "QueryParameter":
      return Either.void
  }
}

/** The same of one header field. A name that is no token is not quoted: it may be a value in the wrong place. */
export const header = (name: string, value: string): Either.Either<void, string> => {
  const ofName = Grammar.token(name)
  if (ofName !== true) return Either.left(`the name of a header ${ofName}`)
  const ofValue = Grammar.sendable(value)
  return ofValue === true ? Either.void : Either.left(`the value of ${name} ${ofValue}`)
}
