/** How a Yamcs server writes tokens and ids, and reads Basic credentials. */
import * as Either from "effect/Either"
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

/** An authorization code, of the length and alphabet of real ones. */
export const code = (serial: number): string => `canary-${serial.toString(36).padStart(7, "0")}`

/** The user and password of a `Basic` header, or what the server says of it. */
export const decodeBasic = (header: string): Either.Either<readonly [user: string, password: string], string> => {
  const encoded = header.slice("Basic ".length)
  // the padding may be left out
  const padded = /^[A-Za-z0-9+/]*$/.test(encoded) ? encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "=") : encoded
  return Encoding.decodeBase64String(padded).pipe(
    Either.mapLeft(() => "Could not decode Base64-encoded credentials"),
    Either.flatMap((text) =>
      text.includes(":")
        ? Either.right([text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 1)])
        : Either.left("Malformed username/password (Not separated by colon?)")
    )
  )
}

/** As Java's `URLDecoder` does; none if that throws. */
export const urlDecode = (text: string): Option.Option<string> =>
  Option.liftThrowable(decodeURIComponent)(text.replaceAll("+", " "))
