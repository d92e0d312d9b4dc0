/** Base64url without padding (RFC 7515 section 2), by the platform's own `btoa`: a proof is made for each request. */
import * as Encoding from "effect/Encoding"

export const ofText = (text: string): string =>
  ascii.test(text) ? urlSafe(globalThis.btoa(text)) : Encoding.encodeBase64Url(text)

/** For a signature or a hash: each byte becomes a parameter. */
export const ofBytes = (bytes: Uint8Array): string => urlSafe(globalThis.btoa(String.fromCharCode(...bytes)))

// eslint-disable-next-line no-control-regex -- what `btoa` takes for bytes and UTF-8 for one byte each
const ascii = /^[\x00-\x7f]*$/u

const urlSafe = (base64: string): string => base64.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/u, "")
