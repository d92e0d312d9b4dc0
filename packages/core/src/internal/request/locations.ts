/** Where credentials are written, which secrets they are there, and requests and URLs without them. */
import * as Headers from "@effect/platform/Headers"
import * as Redacted from "effect/Redacted"
import type { RequestCredentials } from "../../RequestCredentials.ts"

/** Names of the headers (lower case), query parameters and cookies that carry credentials. */
export interface Locations {
  readonly headers: ReadonlyArray<string>
  readonly queryParameters: ReadonlyArray<string>
  readonly cookies: ReadonlyArray<string>
}

export const of = (self: RequestCredentials): Locations => {
  switch (self._tag) {
    case "Header":
    case "NoHeader":
      return { ...nowhere, headers: [self.name] }
    case "QueryParameter":
      return { ...nowhere, queryParameters: [self.name] }
    case "Cookie":
      return { ...nowhere, cookies: [self.name] }
    case "All":
      return union(self.credentials.map(of))
  }
}

/** As they are on the wire, without the scheme of an `Authorization` header; for masking what a server quotes. */
export const secrets = (self: RequestCredentials): ReadonlyArray<string> => {
  switch (self._tag) {
    case "Header": {
      const value = Redacted.value(self.value)
      return self.name === "authorization" ? [value.slice(value.indexOf(" ") + 1)] : [value]
    }
    case "QueryParameter":
    case "Cookie":
      return [Redacted.value(self.value)]
    case "NoHeader":
      return []
    case "All":
      return self.credentials.flatMap(secrets)
  }
}

export const union = (all: ReadonlyArray<Locations>): Locations => ({
  headers: all.flatMap(({ headers }) => headers),
  queryParameters: all.flatMap(({ queryParameters }) => queryParameters),
  cookies: all.flatMap(({ cookies }) => cookies)
})

const nowhere: Locations = { headers: [], queryParameters: [], cookies: [] }

/** The default of the platform's `Headers.currentRedactedNames`. */
export const wellKnownHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "set-cookie", "x-api-key"])

/**
 * The headers without anything that proves an identity: neither what the client writes, nor what the caller wrote into
 * fields that serve no other purpose (RFC 9110 section 15.4). All cookies go, because they belong to one host.
 */
export const withoutHeaders = (headers: Headers.Headers, locations: Locations): Headers.Headers =>
  Headers.remove(headers, ["authorization", "proxy-authorization", "cookie", ...locations.headers])

/** The URL without the parameters the client writes. A query that has none of them stays byte for byte. */
export const withoutQueryParameters = (url: URL, { queryParameters }: Locations): URL => {
  const names = queryParameters.filter((name) => url.searchParams.has(name))
  if (names.length === 0) return url
  const stripped = new URL(url)
  for (const name of names) stripped.searchParams.delete(name)
  return stripped
}
