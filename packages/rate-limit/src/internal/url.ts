/** What of a URL may be shown and may tell quotas apart. Pure. */

/** Origin and path: no user information, no query, no fragment. Works on text, because a request's URL may be relative. */
export const originAndPath = (url: string): string => {
  const end = url.search(/[?#]/)
  const path = end === -1 ? url : url.slice(0, end)
  return path.includes("@") ? path.replace(userInformation, "$1") : path
}

/** Up to the last `@` before the path, after a scheme or two slashes; the `@` of a path stays. */
const userInformation = /^(\s*(?:[a-z][a-z\d+.-]*:[\\/]*|[\\/]{2,}))[^\\/]*@/i
