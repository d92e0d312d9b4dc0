/** The parameters of a token request. Only `resource` and `audience` may be there more than once (RFC 8707, RFC 8693). */
import type { Demand } from "@effect-auth/core/TokenSource"

export type Parameters = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** What a client asks for, whatever the grant. */
export interface Wanted {
  readonly scope?: ReadonlyArray<string> | undefined
  /** The APIs the token is for, exactly as they call themselves (RFC 8707 section 2). */
  readonly resource?: string | ReadonlyArray<string> | undefined
  /** Further parameters, such as Auth0's `audience`. They do not take the place of the protocol's own. */
  readonly parameters?: Readonly<Record<string, string>> | undefined
}

/** The scope that is asked for, with what a refusal demanded. */
export const scopeOf = ({ scope }: Wanted, demand: Demand | undefined): ReadonlyArray<string> | undefined =>
  demand?.scope === undefined ? scope : [...new Set([...scope ?? [], ...demand.scope])]

export const make = (
  wanted: Wanted,
  own: Parameters,
  scope: ReadonlyArray<string> | undefined
): Parameters => {
  const protocol = { ...own, scope: scope?.join(" "), resource: wanted.resource }
  return {
    ...protocol,
    ...Object.fromEntries(
      Object.entries(wanted.parameters ?? {}).filter(([name]) => !(name in protocol) && !ofAuthentication.test(name))
    )
  }
}

/** A client authenticates in one way, and says nothing of it in a URL (RFC 6749 section 2.3). */
const ofAuthentication = /^client_(?:secret|assertion)/u

/** What is empty is left out (RFC 6749 section 3.1). */
export const pairs = (parameters: Parameters): ReadonlyArray<readonly [string, string]> =>
  Object.entries(parameters).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value ?? []).filter((value) => value !== "").map((value) =>
      [name, value] as const
    )
  )
