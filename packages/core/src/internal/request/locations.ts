/** Requests and URLs without what is written in the locations of credentials. */
import * as Headers from "@effect/platform/Headers"
import type { Locations } from "../../RequestCredentials.ts"

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
