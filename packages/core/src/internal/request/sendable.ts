/** Whether a transport can send credentials: header fields have a grammar (RFC 9110 section 5). Pure. */
import * as Redacted from "effect/Redacted"
import type { RequestCredentials } from "../../RequestCredentials.ts"
import * as Grammar from "../grammar.ts"

/** What is wrong with the first that cannot be sent, without its value; `undefined` if all can. A query parameter is encoded. */
export const problem = (self: RequestCredentials): string | undefined => {
  switch (self._tag) {
    case "Header":
      return headerProblem(self.name, Redacted.value(self.value))
    case "Cookie": {
      const problem = headerProblem("cookie", `${self.name}=${Redacted.value(self.value)}`)
      return problem === undefined ? undefined : `${problem} (it is a cookie)`
    }
    case "All":
      for (const credentials of self.credentials) {
        const found = problem(credentials)
        if (found !== undefined) return found
      }
      return undefined
    case "NoHeader":
    case "QueryParameter":
      return undefined
  }
}

/** The same of one header field. A name that is no token is not quoted: it may be a value in the wrong place. */
export const headerProblem = (name: string, value: string): string | undefined => {
  const ofName = Grammar.token(name)
  if (ofName !== true) return `the name of a header ${ofName}`
  const ofValue = Grammar.sendable(value)
  return ofValue === true ? undefined : `the value of ${name} ${ofValue}`
}
