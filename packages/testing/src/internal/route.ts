/** Routes of the scripted client and the hostile server: a method and a path, either of them with a star. */

/** What a route is compared with. */
export interface Target {
  readonly method: string
  readonly url: URL
}

/**
 * Reads a route such as `POST /login`. `*` stands for every method, and at the end of a path for every ending. A path
 * that begins with an origin is compared with it.
 */
export const matcher = (route: string): (target: Target) => boolean => {
  const [method = "", pattern = ""] = route.trim().split(/\s+/u)
  const prefix = pattern.endsWith("*") ? pattern.slice(0, -1) : undefined
  return ({ method: sent, url }) => {
    const path = pattern.includes("://") ? url.origin + url.pathname : url.pathname
    return (method === "*" || method === sent) && (prefix === undefined ? path === pattern : path.startsWith(prefix))
  }
}
