/** Which requests share a quota, told by their URLs, and what of a URL may be shown. Pure. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"

/**
 * Tells which requests share a quota: those for which it gives the same text. `undefined`: the server does not limit the
 * request, so it is neither counted nor held back.
 */
export type Key = (request: HttpClientRequest.HttpClientRequest) => string | undefined

export const byOrigin = (request: HttpClientRequest.HttpClientRequest): string => originOf(request.url)

export const originOf = (url: string): string => {
  const endpoint = originAndPath(url)
  return endpoint.slice(0, pathAt(endpoint))
}

export const byEndpoint = (request: HttpClientRequest.HttpClientRequest): string =>
  withoutIds(originAndPath(request.url))

export const byRoute = (templates: ReadonlyArray<string>): (request: HttpClientRequest.HttpClientRequest) => string => {
  const routes = templates.map((template) => ({ template, pattern: patternOf(template) }))
  return (request) => {
    const endpoint = originAndPath(request.url)
    const at = pathAt(endpoint)
    const path = endpoint.slice(at)
    const route = routes.find(({ pattern }) => pattern.test(path))
    return route === undefined ? byEndpoint(request) : endpoint.slice(0, at) + route.template
  }
}

/** Origin and path: no user information, no query, no fragment. Works on text, because a request's URL may be relative. */
export const originAndPath = (url: string): string => {
  // most URLs have none of the three, and every request asks
  const query = url.indexOf("?")
  const withoutQuery = query === -1 ? url : url.slice(0, query)
  const hash = withoutQuery.indexOf("#")
  const path = hash === -1 ? withoutQuery : withoutQuery.slice(0, hash)
  return path.includes("@") ? path.replace(userInformation, "$1") : path
}

/** Up to the last `@` before the path, after a scheme or two slashes; the `@` of a path stays. */
const userInformation = /^(\s*(?:[a-z][a-z\d+.-]*:[\\/]*|[\\/]{2,}))[^\\/]*@/i

/**
 * The endpoint with `{id}` in place of each segment that is a number or a UUID (RFC 9562 section 4). Every request asks: on a
 * URL that has just been put together, an expression takes several times as long as looking at the segments.
 */
const withoutIds = (endpoint: string): string => {
  let folded = ""
  let rest = 0
  let slash = endpoint.startsWith("/") ? 0 : endpoint.indexOf("/", schemeLength)
  while (slash !== -1) {
    const next = endpoint.indexOf("/", slash + 1)
    const end = next === -1 ? endpoint.length : next
    if (isId(endpoint, slash + 1, end)) {
      folded += `${endpoint.slice(rest, slash)}/{id}`
      rest = end
    }
    slash = next
  }
  return rest === 0 ? endpoint : folded + endpoint.slice(rest)
}

const isId = (text: string, begin: number, end: number): boolean => {
  if (end - begin === uuidLength && uuid.test(text.slice(begin, end))) return true
  let at = begin
  while (at < end && isDigit(text.charCodeAt(at))) at++
  return at === end && at > begin
}

const isDigit = (code: number): boolean => code >= 48 && code <= 57

const uuid = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i

const uuidLength = 36

/** Of `https://`; the host that follows `http://` has at least one character. */
const schemeLength = 8

/** Where the path begins. */
const pathAt = (endpoint: string): number => {
  const scheme = endpoint.indexOf("://")
  const at = endpoint.indexOf("/", scheme === -1 ? 0 : scheme + 3)
  return at === -1 ? endpoint.length : at
}

/** A template of one path, with or without a slash at its end. */
const patternOf = (template: string): RegExp => {
  const segments = template.replace(/\/$/, "").split("/").map((segment) =>
    segment === "*" ? ".*" : /^(?::.+|\{.+\})$/.test(segment) ? "[^/]+" : segment.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")
  )
  return new RegExp(`^${segments.join("/")}/?$`)
}
