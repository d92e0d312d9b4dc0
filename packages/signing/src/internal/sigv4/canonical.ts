/**
 * The canonical form of a request, which the server makes once more of what it receives ("Create a signed AWS API
 * request", step 1, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Pure.
 */
import * as Percent from "../percent.ts"

/** How a service reads paths. */
export interface PathRules {
  /** Whether dot segments and empty ones are removed. */
  readonly normalize: boolean
  /** Whether the path is encoded once more than it was sent. */
  readonly encodeTwice: boolean
}

/** Those of all services but S3, whose keys are any text. */
export const standardPaths: PathRules = { normalize: true, encodeTwice: true }

export const s3Paths: PathRules = { normalize: false, encodeTwice: false }

/** Headers by lower-case name. */
export type Headers = Readonly<Record<string, string>>

export interface Canonical {
  readonly text: string
  /** The names of the headers in it, joined by `;`. */
  readonly signedHeaders: string
}

export const request = (
  parts: {
    readonly method: string
    /** As they are sent. */
    readonly path: string
    readonly query: string
    readonly headers: Headers
    /** In hexadecimal, or one of the words of S3. */
    readonly payload: string
  },
  rules: PathRules
): Canonical => {
  const headers = Object.entries(parts.headers).sort(byText)
  const signedHeaders = headers.map(([name]) => name).join(";")
  return {
    signedHeaders,
    text: [
      parts.method,
      path(parts.path, rules),
      query(parts.query),
      ...headers.map(([name, value]) => `${name}:${headerValue(value)}`),
      "",
      signedHeaders,
      parts.payload
    ].join("\n")
  }
}

export const path = (sent: string, { encodeTwice, normalize }: PathRules): string => {
  const path = normalize ? normalized(sent) : sent
  const canonical = Percent.encode(encodeTwice ? Percent.bytes(path) : Percent.decode(path), "/")
  return canonical.startsWith("/") ? canonical : `/${canonical}`
}

/** Without its question mark. A `+` is read as a space, as servers do. */
export const query = (sent: string): string =>
  sent.split("&").filter((parameter) => parameter !== "").map((parameter) => {
    const [name = "", value = ""] = parameter.replace(/\+/gu, " ").split(/=([^]*)/u)
    return [Percent.encode(Percent.decode(name)), Percent.encode(Percent.decode(value))] as const
  }).sort(byText).map(([name, value]) => `${name}=${value}`).join("&")

/**
 * Whether a header is signed. Not signed are the signature itself and what the transport or a proxy on the way writes or
 * changes.
 */
export const isSigned = (name: string): boolean => !unsigned.has(name) && !/^(?:proxy-|sec-|x-forwarded-)/u.test(name)

const unsigned: ReadonlySet<string> = new Set([
  "accept-encoding",
  "authorization",
  "b3",
  "baggage",
  "cache-control",
  "connection",
  "content-length",
  "cookie",
  "expect",
  "forwarded",
  "from",
  "keep-alive",
  "max-forwards",
  "pragma",
  "referer",
  "te",
  "traceparent",
  "tracestate",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "via",
  "x-amzn-trace-id"
])

const headerValue = (value: string): string => value.trim().replace(/\s+/gu, " ")

/** RFC 3986 section 5.2.4, and empty segments removed as well. */
const normalized = (path: string): string => {
  const segments: Array<string> = []
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop()
    else if (segment !== "" && segment !== ".") segments.push(segment)
  }
  const isFolder = /(?:^|\/)\.{0,2}$/u.test(path) && segments.length > 0
  return `/${segments.join("/")}${isFolder ? "/" : ""}`
}

const byText = ([a, x]: readonly [string, string], [b, y]: readonly [string, string]): number =>
  a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0
