/** Which requests share a quota, told by their URLs. Pure. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { originAndPath } from "./url.ts"

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

export const byEndpoint = (request: HttpClientRequest.HttpClientRequest): string => {
  const endpoint = originAndPath(request.url)
  const at = pathAt(endpoint)
  const path = endpoint.slice(at)
  const folded = path.replace(ids, "/{id}")
  // most paths have no id, and every request asks
  return folded === path ? endpoint : endpoint.slice(0, at) + folded
}

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

/** Numbers and UUIDs (RFC 9562 section 4), each a segment of its own. */
const ids = /\/(?:\d+|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12})(?=\/|$)/gi

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
