/** The forms in which a secret turns up in a text, and the search for them. */
import * as Arr from "effect/Array"
import * as Encoding from "effect/Encoding"

/**
 * A secret where none may be. It names the secret and never shows it, so that a report can be shown to anyone.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leak {
  readonly secret: string
  readonly encoding: "raw" | "json" | "percent" | "base64" | "base64url" | "hex" | "bytes"
  readonly where: string
}

/** One form of one secret. */
export interface Pattern {
  readonly secret: string
  readonly encoding: Leak["encoding"]
  readonly pattern: string
}

export const make = (secret: string, text: string): ReadonlyArray<Pattern> => {
  const bytes = new TextEncoder().encode(text)
  const base64 = [0, 1, 2].map((offset) => base64Within(bytes, offset))
  const percent = [encodeURIComponent(text), new URLSearchParams([["", text]]).toString().slice(1)]
  const all: ReadonlyArray<readonly [Leak["encoding"], ReadonlyArray<string>]> = [
    ["raw", [text]],
    ["json", [JSON.stringify(text).slice(1, -1)]],
    ["percent", [...percent, ...percent.map((escaped) => escaped.replace(/%../gu, (octet) => octet.toLowerCase()))]],
    ["base64", base64],
    ["base64url", base64.map((encoded) => encoded.replaceAll("+", "-").replaceAll("/", "_"))],
    ["hex", [Encoding.encodeHex(bytes)]],
    ["bytes", [bytes.join(",")]]
  ]
  return Arr.dedupeWith(
    all.flatMap(([encoding, patterns]) => patterns.map((pattern) => ({ secret, encoding, pattern }))),
    (self, that) => self.pattern === that.pattern
  )
}

export const search = (patterns: ReadonlyArray<Pattern>, where: string, text: string): ReadonlyArray<Leak> => {
  const dense = text.replace(/\s+/gu, "")
  return patterns
    .filter(({ encoding, pattern }) => (printedInColumns.has(encoding) ? dense : text).includes(pattern))
    .map(({ encoding, secret }) => ({ secret, encoding, where }))
}

export const distinct = (leaks: ReadonlyArray<Leak>): ReadonlyArray<Leak> =>
  Array.from(new Map(leaks.map((leak) => [JSON.stringify(leak), leak])).values())

/**
 * What base64 makes of bytes that begin `offset` bytes after a group of three, as a password does after the user name
 * in HTTP Basic; without the characters at both ends that depend on their neighbours.
 */
const base64Within = (bytes: Uint8Array, offset: number): string => {
  const padded = new Uint8Array(offset + bytes.length)
  padded.set(bytes, offset)
  return Encoding.encodeBase64(padded).slice(Math.ceil(offset * 8 / 6), Math.floor(padded.length * 8 / 6))
}

/** Broken into columns and lines. */
const printedInColumns: ReadonlySet<Leak["encoding"]> = new Set(["hex", "bytes"])
