/** Where credentials are on a request, and what is left without them. */
import * as Headers from "@effect/platform/Headers"
import type { Places } from "../Authenticator.ts"

export const union = (all: ReadonlyArray<Places>): Places => ({
  headers: all.flatMap(({ headers }) => headers),
  urlParams: all.flatMap(({ urlParams }) => urlParams),
  cookies: all.flatMap(({ cookies }) => cookies)
})

/**
 * The headers without anything that proves an identity: not what the client writes, and not what its caller wrote into
 * the fields that are for nothing else (RFC 9110 section 15.4). Cookies go altogether: they belong to one host.
 */
export const withoutHeaders = (headers: Headers.Headers, { headers: names }: Places): Headers.Headers =>
  Headers.remove(headers, ["authorization", "proxy-authorization", "cookie", ...names])

/** The URL without the parameters that the client writes. A query that has none of them stays as it is, byte for byte. */
export const withoutUrlParams = (url: URL, { urlParams }: Places): URL => {
  const names = urlParams.filter((name) => url.searchParams.has(name))
  if (names.length === 0) return url
  const stripped = new URL(url)
  for (const name of names) stripped.searchParams.delete(name)
  return stripped
}
