/** What the answers of AWS say about a signature. Pure. */
import type * as Authenticator from "@effect-auth/core/Authenticator"
import type * as Headers from "@effect/platform/Headers"

interface Head {
  readonly status: number
  readonly headers: Headers.Headers
}

/** Statuses that a signature, a key or a clock is refused with. */
export const mayRefuse = ({ status }: Head): boolean => status === 400 || status === 401 || status === 403

/**
 * How far the server's clock is ahead, in milliseconds, if a request may have been refused for that: services allow five
 * minutes. `skew` is what the request was signed with, whatever others were since, and `now` when its answer came, since a
 * long upload is no sign of a wrong clock. The date of an answer from a cache (`Age`) is another one's.
 */
export const skewOf = (head: Head, signed: { readonly skew: number; readonly now: number }): number | undefined => {
  const { headers } = head
  const skew = Date.parse(headers["date"] ?? "") - signed.now
  if (!mayRefuse(head) || "age" in headers || Number.isNaN(skew)) return undefined
  return Math.abs(skew - signed.skew) >= tolerated ? skew : undefined
}

/** One minute less than services allow, because the date comes a while after the signature. */
const tolerated = 240_000

/** The code and the sentence of an error, in XML (S3, EC2, STS) or in JSON. */
export const messageOf = (
  headers: Headers.Headers,
  body: string
): { readonly code: string | undefined; readonly detail: string | undefined } => {
  const [, inHeader] = /^([A-Za-z.]+)/u.exec(headers["x-amzn-errortype"] ?? "") ?? []
  const [, xml, json] = /<Code>\s*([\w.]+)\s*<\/Code>|"(?:__type|[cC]ode)"\s*:\s*"(?:[^"#]*#)?([\w.]+)"/u.exec(body) ??
    []
  const [, text, quoted] = /<Message>([^<]*)<\/Message>|"[mM]essage"\s*:\s*"((?:[^"\\]|\\.)*)"/u.exec(body) ?? []
  return { code: inHeader ?? xml ?? json, detail: text ?? quoted }
}

/** Whether an error is about who signed: another key may do. A lack of permission is not. */
export const review = (headers: Headers.Headers, body: string): Authenticator.Review =>
  refusals.has(messageOf(headers, body).code?.replace(/Exception$/u, "") ?? "")
    ? { _tag: "Refused" }
    : { _tag: "Accepted" }

/** Without the `Exception` at the end. */
const refusals: ReadonlySet<string> = new Set([
  "AuthFailure",
  "ExpiredToken",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSecurity",
  "InvalidSignature",
  "InvalidToken",
  "SignatureDoesNotMatch",
  "TokenRefreshRequired",
  "UnrecognizedClient"
])
