/** How a Yamcs server writes tokens and ids, and reads Basic credentials. */
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/**
 * The last part is a serial number of a signature's length. A real signature follows from the claims alone, so that two
 * logins of the same second get the same token; here every token is new, so that a test can distinguish them.
 */
export const jwt = (claims: Readonly<Record<string, string | number>>, serial: number): string =>
  [
    JSON.stringify({ alg: "HS256" }),
    JSON.stringify(claims),
    `canary-signature-${String(serial).padStart(15, "0")}`
  ].map((part) => Encoding.encodeBase64Url(part)).join(".")

export const uuid = (serial: number): string => `ca9a4700-0000-4000-8000-${serial.toString(16).padStart(12, "0")}`

/** The user and password of a `Basic` header; none if it is not base64 or has no colon. */
export const decodeBasic = (header: string): Option.Option<readonly [string, string]> =>
  Encoding.decodeBase64String(header.slice("Basic ".length)).pipe(
    Option.getRight,
    Option.filter((text) => text.includes(":")),
    Option.map((text) => [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)])
  )

/** As Java's `URLDecoder` does; none if that throws. */
export const urlDecode = (text: string): Option.Option<string> =>
  Option.liftThrowable(decodeURIComponent)(text.replaceAll("+", " "))
