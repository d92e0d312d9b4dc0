/** Where a redirect leads and what may go there. Decisions only: `attempt.ts` carries them out, one hop at a time. */
import { isReplayable } from "@effect-auth/rate-limit/ReplayPolicy"
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as Option from "effect/Option"
import { RedirectRefused } from "../../AuthError.ts"
import { addressOf } from "./address.ts"
import type { Locations } from "./locations.ts"
import { withoutHeaders, withoutQueryParameters } from "./locations.ts"

/** What a client's redirects are decided by. */
export interface Rules {
  /** The origins that may see credentials. */
  readonly origins: ReadonlyArray<string>
  /** How many redirects one request may follow. */
  readonly maxRedirects: number
}

/** A request that was answered, before credentials were written on it; its URL is absolute. */
export interface Hop {
  readonly request: HttpClientRequest.HttpClientRequest
  /** Where credentials were written on it; `undefined`: it went without. */
  readonly locations: Locations | undefined
  /** How many redirects led to it. */
  readonly redirects: number
}

/** What a decision takes of an answer. */
type Answer = Pick<HttpClientResponse, "status" | "headers">

/** The request that follows a redirect; credentials are written on it if it is `authenticated`. */
export interface Next {
  readonly request: HttpClientRequest.HttpClientRequest
  readonly authenticated: boolean
}

/**
 * - `Stay`: the response is not a redirect, it is the answer
 * - `Follow`: there is another request to send
 * - `Refuse`: the redirect must not be followed
 */
export type Decision =
  | { readonly _tag: "Stay" }
  | { readonly _tag: "Follow"; readonly next: Next }
  | { readonly _tag: "Refuse"; readonly error: RedirectRefused }

/**
 * What to do with the answer to a request (RFC 9110 section 15.4).
 *
 * - 303, and 301 or 302 after a POST, become a GET without a body, as in every browser (Fetch standard, "HTTP-redirect
 *   fetch"); 307 and 308 repeat the request
 * - a request that leaves the client's origins loses every header and query parameter in which the client writes
 *   credentials, and `Authorization`, `Proxy-Authorization` and `Cookie` even if the caller wrote them
 * - it does not get them back when a later hop returns, because an outsider could otherwise choose what is requested in
 *   the client's name
 * - never from https to http, never to a URL with user information, and never with a body that cannot be sent again
 */
export const decide = (hop: Hop, response: Answer, rules: Rules): Decision => {
  const location = locationOf(response)
  if (location === undefined) return stay
  const { locations, request } = hop
  const source = HttpClientRequest.toUrl(request)
  const target = location.length > longestLocation
    ? Option.none()
    : Option.flatMap(source, (source) => resolve(location, source))
  if (Option.isNone(source) || Option.isNone(target) || !isWeb(target.value)) return refuse(hop, response, "Malformed")
  const url = locations === undefined ? target.value : withoutQueryParameters(target.value, locations)
  const refused = (reason: RedirectRefused["reason"]) => refuse(hop, response, reason, url.origin)
  if (url.username !== "" || url.password !== "") return refused("UserInformation")
  if (source.value.protocol === "https:" && url.protocol === "http:") return refused("Downgrade")
  if (hop.redirects >= rules.maxRedirects) return refused("TooMany")
  const becomesGet = turnsIntoGet(response.status, request.method)
  if (!becomesGet && !isReplayable(request)) return refused("Body")
  const authenticated = locations !== undefined && rules.origins.includes(url.origin)
  const headers = aboutTarget(request.headers, url.origin === source.value.origin)
  return {
    _tag: "Follow",
    next: {
      authenticated,
      request: rebuilt(becomesGet ? "GET" : request.method, url, {
        headers: authenticated || locations === undefined ? headers : withoutHeaders(headers, locations),
        body: becomesGet ? undefined : request.body
      })
    }
  }
}

/**
 * Where an answer redirects to. 300 and 304 do not name one target; 305 and 306 are deprecated (RFC 9110 section 15.4).
 */
export const locationOf = ({ headers, status }: Answer): string | undefined =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308
    ? headers["location"]
    : undefined

const stay: Decision = { _tag: "Stay" }

const turnsIntoGet = (status: number, method: HttpMethod): boolean =>
  (status === 303 && method !== "HEAD" && method !== "GET") ||
  ((status === 301 || status === 302) && method === "POST")

/** In characters; no server accepts more, and the names of hosts beyond ASCII are encoded in quadratic time. */
const longestLocation = 16_384

/** RFC 9110 section 10.2.2. The fragment is not sent to the server. */
const resolve: (location: string, base: URL) => Option.Option<URL> = Option.liftThrowable((location, base) => {
  const url = new URL(Option.getOrElse(fromBytes(location), () => location), base)
  url.hash = ""
  return url
})

/**
 * A `Location` may hold raw UTF-8, which browsers read as such. The transports hand out one character for each byte, but
 * for earlier versions of undici, which decode it. What is no UTF-8 is left as it is: it is decoded already, or Latin-1.
 */
const fromBytes: (location: string) => Option.Option<string> = Option.liftThrowable((location) =>
  /[\x80-\xff]/.test(location) ? utf8.decode(Uint8Array.from(location, byteOf)) : location
)

const utf8 = new TextDecoder("utf-8", { fatal: true })

/** Beyond one byte: 0xFF, which is nowhere in UTF-8. */
const byteOf = (character: string): number => Math.min(character.charCodeAt(0), 0xff)

const isWeb = (url: URL): boolean => url.protocol === "https:" || url.protocol === "http:"

/** A `Host` field of the caller's is meant for the host it was set for. */
const aboutTarget = (headers: Headers.Headers, sameOrigin: boolean): Headers.Headers =>
  sameOrigin ? headers : withoutNames(headers, (name) => name === "host")

/** Headers that describe a body, for a request that has none (RFC 9110 section 15.4, item 3). */
const describesBody = (name: string): boolean =>
  name.startsWith("content-") || name === "digest" || name === "last-modified" || name === "transfer-encoding"

const withoutNames = (headers: Headers.Headers, unwanted: (name: string) => boolean): Headers.Headers =>
  Headers.remove(headers, Object.keys(headers).filter(unwanted))

/** Built from scratch, because the platform's `setUrl` keeps the parameters of the redirected request. */
const rebuilt = (
  method: HttpMethod,
  url: URL,
  parts: { readonly headers: Headers.Headers; readonly body: HttpBody.HttpBody | undefined }
): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.make(method)(url.href, { body: parts.body ?? HttpBody.empty }).pipe(
    HttpClientRequest.setHeaders(
      parts.body === undefined ? withoutNames(parts.headers, describesBody) : parts.headers
    )
  )

const refuse = (
  { request }: Hop,
  response: { readonly status: number },
  reason: RedirectRefused["reason"],
  origin?: string
): Decision => ({
  _tag: "Refuse",
  error: new RedirectRefused({
    reason,
    url: addressOf(request),
    status: response.status,
    ...(origin === undefined ? undefined : { origin })
  })
})
