/**
 * Percent-encoding byte by byte (RFC 3986 section 2), so that what is no UTF-8 keeps its bytes. Pure.
 */

/** Everything but the unreserved characters encoded, and those of `keep`. */
export const encode = (bytes: Iterable<number>, keep = ""): string => {
  let text = ""
  for (const byte of bytes) {
    const character = String.fromCharCode(byte)
    text += byte < 0x80 && (unreserved.test(character) || keep.includes(character))
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
  }
  return text
}

/** The bytes that a text stands for; a `%` that begins no escape is itself. */
export const decode = (text: string): ReadonlyArray<number> => {
  const bytes: Array<number> = []
  for (const [, escape, other = ""] of text.matchAll(/%([0-9a-f]{2})|([^%]+|%)/giu)) {
    if (escape !== undefined) bytes.push(parseInt(escape, 16))
    else for (const byte of utf8.encode(other)) bytes.push(byte)
  }
  return bytes
}

export const bytes = (text: string): Uint8Array => utf8.encode(text)

const utf8 = new TextEncoder()

const unreserved = /[A-Za-z0-9\-._~]/u
