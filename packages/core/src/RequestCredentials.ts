/**
 * What is written on a request to authenticate it, as tagged data. How it is applied, where it is written and what has
 * to be redacted are all derived from the one value, so they cannot disagree.
 *
 * @example
 * ```ts
 * import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
 * import type * as Redacted from "effect/Redacted"
 *
 * declare const token: Redacted.Redacted
 *
 * // written together, and redacted together
 * const credentials = RequestCredentials.all(
 *   RequestCredentials.bearer(token),
 *   RequestCredentials.header("x-tenant", "acme")
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpMethod } from "@effect/platform/HttpMethod"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Query from "./internal/request/query.ts"

/**
 * - `Header`: a header, on every request or only with the given methods
 * - `QueryParameter`: a parameter of the URL; servers log it, so prefer a header
 * - `Cookie`: a cookie beside the caller's own
 * - `NoHeader`: removes a header of the caller's that the server would prefer over these credentials
 * - `All`: all of them on one request, in order
 *
 * @since 0.1.0
 * @category models
 */
export type RequestCredentials =
  | {
    readonly _tag: "Header"
    readonly name: string
    readonly value: Redacted.Redacted
    readonly methods?: ReadonlyArray<HttpMethod> | undefined
  }
  | { readonly _tag: "QueryParameter"; readonly name: string; readonly value: Redacted.Redacted }
  | { readonly _tag: "Cookie"; readonly name: string; readonly value: Redacted.Redacted }
  | { readonly _tag: "NoHeader"; readonly name: string }
  | { readonly _tag: "All"; readonly credentials: ReadonlyArray<RequestCredentials> }

/**
 * A header. With `methods` it is written on requests with these methods only.
 *
 * @since 0.1.0
 * @category constructors
 */
export const header = (
  name: string,
  value: string | Redacted.Redacted,
  options?: { readonly methods?: ReadonlyArray<HttpMethod> | undefined }
): RequestCredentials => ({
  _tag: "Header",
  name: name.toLowerCase(),
  value: redacted(value),
  ...(options?.methods === undefined ? undefined : { methods: options.methods })
})

/**
 * The `Authorization` header.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authorization = (value: string | Redacted.Redacted): RequestCredentials => header("authorization", value)

/**
 * `Authorization: Bearer` (RFC 6750).
 *
 * @since 0.1.0
 * @category constructors
 */
export const bearer = (token: Redacted.Redacted): RequestCredentials => authorization(`Bearer ${Redacted.value(token)}`)

/**
 * `Authorization: Basic` (RFC 7617), user name and password in UTF-8.
 *
 * @since 0.1.0
 * @category constructors
 */
export const basic = (
  credential: { readonly username: string; readonly password: Redacted.Redacted }
): RequestCredentials =>
  authorization(`Basic ${Encoding.encodeBase64(`${credential.username}:${Redacted.value(credential.password)}`)}`)

/**
 * A query parameter, after the caller's own. It replaces every parameter of the caller's with the same name, however that
 * is encoded and whether it is part of the URL or of the request's `urlParams`; all others keep their bytes. (Not those
 * of a `URL` object, which the platform takes apart and writes anew when the request is made.)
 *
 * @since 0.1.0
 * @category constructors
 */
export const queryParameter = (name: string, value: string | Redacted.Redacted): RequestCredentials => ({
  _tag: "QueryParameter",
  name,
  value: redacted(value)
})

/**
 * A cookie, byte for byte as the server sent it (no URI encoding). The caller's other cookies stay.
 *
 * @since 0.1.0
 * @category constructors
 */
export const cookie = (name: string, value: string | Redacted.Redacted): RequestCredentials => ({
  _tag: "Cookie",
  name,
  value: redacted(value)
})

/**
 * An API key in its place: a header, a query parameter or a cookie.
 *
 * @since 0.1.0
 * @category constructors
 */
export const apiKey = (
  credential: { readonly key: Redacted.Redacted; readonly in: "header" | "query" | "cookie"; readonly name: string }
): RequestCredentials => {
  switch (credential.in) {
    case "header":
      return header(credential.name, credential.key)
    case "query":
      return queryParameter(credential.name, credential.key)
    case "cookie":
      return cookie(credential.name, credential.key)
  }
}

/**
 * Removes the caller's header of this name.
 *
 * @since 0.1.0
 * @category constructors
 */
export const noHeader = (name: string): RequestCredentials => ({ _tag: "NoHeader", name: name.toLowerCase() })

/**
 * All of them on one request, written in order.
 *
 * @since 0.1.0
 * @category combinators
 */
export const all = (...credentials: ReadonlyArray<RequestCredentials>): RequestCredentials => ({
  _tag: "All",
  credentials
})

/**
 * Nothing is written: the proof is elsewhere, such as in TLS.
 *
 * @since 0.1.0
 * @category constructors
 */
export const none: RequestCredentials = all()

/**
 * A function that writes the credentials on a request. The work that does not depend on the request is done once.
 *
 * @since 0.1.0
 * @category destructors
 */
export const apply = (
  self: RequestCredentials
): (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest => {
  switch (self._tag) {
    case "Header": {
      const value = Redacted.value(self.value)
      const { methods, name } = self
      return methods === undefined
        ? (request) => HttpClientRequest.setHeader(request, name, value)
        : (request) => methods.includes(request.method) ? HttpClientRequest.setHeader(request, name, value) : request
    }
    case "QueryParameter": {
      const parameter = [self.name, Redacted.value(self.value)] as const
      return (request) => withQueryParameter(request, parameter)
    }
    case "Cookie": {
      const pair = `${self.name}=${Redacted.value(self.value)}`
      return (request) => withCookie(request, self.name, pair)
    }
    case "NoHeader":
      return (request) => withoutHeader(request, self.name)
    case "All": {
      const [first, ...others] = self.credentials.map(apply)
      if (first === undefined) return (request) => request
      return others.length === 0
        ? first
        : (request) => others.reduce((request, write) => write(request), first(request))
    }
  }
}

const redacted = (value: string | Redacted.Redacted): Redacted.Redacted =>
  typeof value === "string" ? Redacted.make(value) : value

const withCookie = (
  request: HttpClientRequest.HttpClientRequest,
  name: string,
  pair: string
): HttpClientRequest.HttpClientRequest => {
  // white space around a name is no part of it (RFC 6265 section 5.2, and what servers make of it)
  const others = (request.headers["cookie"] ?? "").split(/;[ \t]*/).filter((other) =>
    other !== "" && other.replace(/=[^]*$/, "").trim() !== name
  )
  return HttpClientRequest.setHeader(request, "cookie", [...others, pair].join("; "))
}

/** The request's `urlParams` become part of the URL, because the platform would write its query anew to append them. */
const withQueryParameter = (
  request: HttpClientRequest.HttpClientRequest,
  parameter: readonly [name: string, value: string]
): HttpClientRequest.HttpClientRequest => {
  const [name] = parameter
  const others = request.urlParams.filter(([other]) => other !== name)
  const url = Query.append(Query.without(request.url, [name]), [...others, parameter])
  return request.urlParams.length === 0
    ? HttpClientRequest.setUrl(request, url)
    : rebuilt({ ...parts(request), url, urlParams: UrlParams.empty })
}

/** Rebuilt only when there is a header to remove. */
const withoutHeader = (
  request: HttpClientRequest.HttpClientRequest,
  name: string
): HttpClientRequest.HttpClientRequest =>
  Headers.has(request.headers, name)
    ? rebuilt({ ...parts(request), headers: Headers.remove(request.headers, name) })
    : request

type Parts = Pick<HttpClientRequest.HttpClientRequest, "method" | "url" | "urlParams" | "hash" | "headers" | "body">

const parts = ({ body, hash, headers, method, url, urlParams }: HttpClientRequest.HttpClientRequest): Parts => ({
  method,
  url,
  urlParams,
  hash,
  headers,
  body
})

/** From nothing, because the platform can remove neither a header nor a parameter from a request. */
const rebuilt = ({ body, hash, headers, method, url, urlParams }: Parts): HttpClientRequest.HttpClientRequest => {
  const request = HttpClientRequest.make(method)(url).pipe(
    HttpClientRequest.setUrlParams(urlParams),
    HttpClientRequest.setBody(body),
    // after the body, which sets headers of its own
    HttpClientRequest.setHeaders(headers)
  )
  return Option.isSome(hash) ? HttpClientRequest.setHash(request, hash.value) : request
}
