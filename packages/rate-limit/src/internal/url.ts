/** What of a URL may be shown and may tell quotas apart. Pure. */

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
