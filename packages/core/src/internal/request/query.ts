/**
 * A URL's query as the text that is sent. The platform and `URLSearchParams` write a query anew when a parameter is added
 * or removed (`%20` becomes `+`, `flag` becomes `flag=`, `%FF` a replacement character), which breaks whatever a server
 * takes literally, such as a signature. Pure.
 */

/** The URL without every parameter of these names; the others keep their bytes. The URL may be relative. */
export const without = (url: string, names: ReadonlyArray<string>): string => {
  const { before, fragment, query } = split(url)
  if (query === undefined) return url
  const parameters = query.split("&")
  const others = parameters.filter((parameter) => !names.some((name) => name === nameOf(parameter)))
  return others.length === parameters.length
    ? url
    : before + (others.length === 0 ? "" : `?${others.join("&")}`) + fragment
}

/** The URL with these parameters after its own. */
export const append = (url: string, parameters: ReadonlyArray<readonly [name: string, value: string]>): string => {
  if (parameters.length === 0) return url
  const { before, fragment, query = "" } = split(url)
  return `${before}?${query}${query === "" ? "" : "&"}${encode(parameters)}${fragment}`
}

/** As the platform writes parameters: a form (WHATWG URL, "application/x-www-form-urlencoded serializing"). */
const encode = (parameters: ReadonlyArray<readonly [name: string, value: string]>): string =>
  new URLSearchParams(parameters.map(([name, value]) => [name, value])).toString()

interface Parts {
  readonly before: string
  /** Without its question mark; `undefined`: there is none. */
  readonly query: string | undefined
  readonly fragment: string
}

const split = (text: string): Parts => {
  // the URL parser drops these from the end, where they are not the end any more once something follows
  const url = text.replace(/[\0-\x20]+$/, "")
  const hash = url.indexOf("#")
  const end = hash === -1 ? url.length : hash
  const start = url.slice(0, end).indexOf("?")
  return start === -1
    ? { before: url.slice(0, end), query: undefined, fragment: url.slice(end) }
    : { before: url.slice(0, start), query: url.slice(start + 1, end), fragment: url.slice(end) }
}

/** As a server reads it: without what the URL parser drops, and decoded. A leading `?` is part of a name. */
const nameOf = (parameter: string): string | undefined => {
  const [name] = new URLSearchParams(`&${parameter.replace(/[\t\n\r]/g, "")}`).keys()
  return name
}
