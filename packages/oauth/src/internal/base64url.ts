/**
 * Base64url without padding (RFC 7515 section 2). Measured, because a proof is made for each request: a typed array costs more
 * than the letters that are put into it, and so does a regular expression.
 */
import * as Encoding from "effect/Encoding"

/** By the platform's own `btoa`, which takes letters for bytes. */
export const ofText = (text: string): string =>
  ascii.test(text) ? urlSafe(globalThis.btoa(text)) : Encoding.encodeBase64Url(text)

/** For a signature or a hash. */
export const ofBytes = (bytes: Uint8Array): string => {
  let text = ""
  for (let from = 0; from < bytes.length; from += 3) {
    const bits = at(bytes, from) << 16 | at(bytes, from + 1) << 8 | at(bytes, from + 2)
    text += letter(bits >> 18) + letter(bits >> 12 & 63) + letter(bits >> 6 & 63) + letter(bits & 63)
  }
  return text.slice(0, Math.ceil(bytes.length * 4 / 3))
}

const urlSafe = (base64: string): string => {
  const plus = base64.includes("+") ? base64.replaceAll("+", "-") : base64
  const text = plus.includes("/") ? plus.replaceAll("/", "_") : plus
  return text.endsWith("==") ? text.slice(0, -2) : text.endsWith("=") ? text.slice(0, -1) : text
}

// eslint-disable-next-line no-control-regex -- what `btoa` takes for bytes and UTF-8 for one byte each
const ascii = /^[\x00-\x7f]*$/u

const at = (bytes: Uint8Array, index: number): number => bytes[index] ?? 0

const letter = (bits: number): string => alphabet[bits] ?? ""

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
