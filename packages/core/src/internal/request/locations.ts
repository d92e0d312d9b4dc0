/** Where credentials are written, which secrets they are there, and requests and URLs without them. */
import * as Headers from "@effect/platform/Headers"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import type { RequestCredentials } from "../../RequestCredentials.ts"
import * as Query from "./query.ts"

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

/** Everything in them that is secret, as it is on the wire and as it was before it was encoded; for masking. */
export const secrets = (self: RequestCredentials): ReadonlyArray<string> => {
  switch (self._tag) {
    case "Header":
      return headerSecrets(self.name, Redacted.value(self.value))
    case "QueryParameter":
    case "Cookie":
      return [Redacted.value(self.value)]
    case "NoHeader":
      return []
    case "All":
      return self.credentials.flatMap(secrets)
  }
}

/** Of `Authorization` what follows the scheme, and of Basic (RFC 7617) the password as well. */
export const headerSecrets = (name: string, value: string): ReadonlyArray<string> => {
  if (!/^(?:proxy-)?authorization$/u.test(name)) return [value]
  const [scheme = "", parameters = value] = value.split(/ +(.*)/su)
  if (scheme.toLowerCase() !== "basic") return [parameters]
  const [, password = ""] = Either.getOrElse(Encoding.decodeBase64String(parameters), () => "").split(/:(.*)/su)
  return password === "" ? [parameters] : [parameters, password]
}

/** Without `flatMap`, which takes much of the time of a request that is signed. */
export const union = (all: ReadonlyArray<Locations>): Locations =>
  all.reduce((locations, { cookies, headers, queryParameters }) => ({
    headers: [...locations.headers, ...headers],
    queryParameters: [...locations.queryParameters, ...queryParameters],
    cookies: [...locations.cookies, ...cookies]
  }), nowhere)

export const nowhere: Locations = { headers: [], queryParameters: [], cookies: [] }

/** The default of the platform's `Headers.currentRedactedNames`. */
export const wellKnownHeaders: ReadonlySet<string> = new Set(["authorization", "cookie", "set-cookie", "x-api-key"])

/**
 * The headers without anything that proves an identity: neither what the client writes, nor what the caller wrote into
 * fields that serve no other purpose (RFC 9110 section 15.4). All cookies go, because they belong to one host.
 */
export const withoutHeaders = (headers: Headers.Headers, locations: Locations): Headers.Headers =>
  Headers.remove(headers, ["authorization", "proxy-authorization", "cookie", ...locations.headers])

/** The URL without the parameters the client writes. All others stay byte for byte. */
export const withoutQueryParameters = (url: URL, { queryParameters }: Locations): URL => {
  const stripped = Query.without(url.href, queryParameters)
  return stripped === url.href ? url : new URL(stripped)
}
