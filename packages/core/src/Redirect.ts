/**
 * Where a redirect leads and what may go there. Decisions only: `AuthenticatedHttpClient.followRedirects` carries them
 * out, one hop at a time.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as Option from "effect/Option"
import type { Places } from "./Authenticator.ts"
import { RedirectRefused } from "./AuthError.ts"
import * as InPlaces from "./internal/places.ts"
import * as ReplayPolicy from "./ReplayPolicy.ts"

/**
 * What a client's redirects are decided by.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rules {
  /** The origins that may see credentials. */
  readonly origins: ReadonlyArray<string>
  /** Where on a request the client writes credentials. */
  readonly places: Places
  /** How many redirects one request may take. */
  readonly maxRedirects: number
}

/**
 * A request that was answered, before it was signed; its URL is absolute.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hop {
  readonly request: HttpClientRequest.HttpClientRequest
  /** Whether credentials went with it. */
  readonly authenticated: boolean
  /** How many redirects led to it. */
  readonly redirects: number
}

/**
 * - `Stay`: the response is no redirect, it is the answer
 * - `Follow`: there is another request to send, signed if `authenticated`, else as it is
 * - `Refuse`: the redirect must not be followed
 *
 * @since 0.1.0
 * @category models
 */
export type Decision =
  | { readonly _tag: "Stay" }
  | { readonly _tag: "Follow"; readonly hop: Hop }
  | { readonly _tag: "Refuse"; readonly error: RedirectRefused }

/**
 * What to do with the answer to a request (RFC 9110 section 15.4).
 *
 * - 303, and 301 or 302 after a POST, turn into a GET without a body, as every browser has it (Fetch standard,
 *   "HTTP-redirect fetch"); 307 and 308 repeat the request
 * - a request that leaves the client's origins loses every header and query parameter that the client ever writes, and
 *   `Authorization`, `Proxy-Authorization` and `Cookie` whoever wrote them
 * - it does not get them back when a later hop returns: an outsider could otherwise choose what is requested in the
 *   client's name
 * - never from https to http, never to user information in a URL, and never with a body that cannot be sent again
 *
 * @since 0.1.0
 * @category decisions
 */
export const decide = (
  hop: Hop,
  response: { readonly status: number; readonly headers: Headers.Headers },
  rules: Rules
): Decision => {
  const location = response.headers["location"]
  if (!isRedirect(response.status) || location === undefined) return stay
  const { request } = hop
  const source = HttpClientRequest.toUrl(request)
  const target = Option.flatMap(source, (source) => resolve(location, source))
  if (Option.isNone(source) || Option.isNone(target) || !isWeb(target.value)) return refuse(response, "Malformed")
  const url = InPlaces.withoutUrlParams(target.value, rules.places)
  const refused = (reason: RedirectRefused["reason"]) => refuse(response, reason, url.origin)
  if (url.username !== "" || url.password !== "") return refused("UserInformation")
  if (source.value.protocol === "https:" && url.protocol === "http:") return refused("Downgrade")
  if (hop.redirects >= rules.maxRedirects) return refused("TooMany")
  const becomesGet = turnsIntoGet(response.status, request.method)
  if (!becomesGet && !ReplayPolicy.isReplayable(request)) return refused("Body")
  const authenticated = hop.authenticated && rules.origins.includes(url.origin)
  const headers = aboutTarget(request.headers, url.origin === source.value.origin)
  return {
    _tag: "Follow",
    hop: {
      authenticated,
      redirects: hop.redirects + 1,
      request: send(becomesGet ? "GET" : request.method, url, {
        headers: authenticated ? headers : InPlaces.withoutHeaders(headers, rules.places),
        body: becomesGet ? undefined : request.body
      })
    }
  }
}

/**
 * {@link decide} for a client whose rules are unknown: an answer is passed on, a redirect is refused.
 *
 * @since 0.1.0
 * @category decisions
 */
export const unbound = (response: { readonly status: number; readonly headers: Headers.Headers }): Decision =>
  isRedirect(response.status) && response.headers["location"] !== undefined ? refuse(response, "Unbound") : stay

const stay: Decision = { _tag: "Stay" }

/** 300 and 304 name no one place to go to; 305 and 306 are deprecated (RFC 9110 section 15.4). */
const isRedirect = (status: number): boolean =>
  status === 301 || status === 302 || status === 303 || status === 307 || status === 308

const turnsIntoGet = (status: number, method: HttpMethod): boolean =>
  (status === 303 && method !== "HEAD" && method !== "GET") ||
  ((status === 301 || status === 302) && method === "POST")

/** RFC 9110 section 10.2.2. The fragment is not for the server. */
const resolve: (location: string, base: URL) => Option.Option<URL> = Option.liftThrowable((location, base) => {
  const url = new URL(location, base)
  url.hash = ""
  return url
})

const isWeb = (url: URL): boolean => url.protocol === "https:" || url.protocol === "http:"

/** A `Host` field that the caller set is about the host that it was set for. */
const aboutTarget = (headers: Headers.Headers, sameOrigin: boolean): Headers.Headers =>
  sameOrigin ? headers : withoutNames(headers, (name) => name === "host")

/** Headers that describe a body, for a request that has none (RFC 9110 section 15.4, item 3). */
const describesBody = (name: string): boolean =>
  name.startsWith("content-") || name === "digest" || name === "last-modified" || name === "transfer-encoding"

const withoutNames = (headers: Headers.Headers, unwanted: (name: string) => boolean): Headers.Headers =>
  Headers.remove(headers, Object.keys(headers).filter(unwanted))

/** Made from nothing: the platform's `setUrl` would keep the parameters of the request that was redirected. */
const send = (
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
  response: { readonly status: number },
  reason: RedirectRefused["reason"],
  origin?: string
): Decision => ({
  _tag: "Refuse",
  error: new RedirectRefused({ reason, status: response.status, ...(origin === undefined ? undefined : { origin }) })
})
