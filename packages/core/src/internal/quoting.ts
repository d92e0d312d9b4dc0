/**
 * Finds secrets in a text, in the ways in which a server may repeat them: as they are, in Base64, and in bytes that were
 * read as Latin-1; each also with the escapes of URLs, JSON or HTML, and with two of them one within the other. Pure.
 *
 * No two writers escape the same characters, so it is the text that is read, and not the secret that is written.
 */
import * as Encoding from "effect/Encoding"

/** Secrets, prepared for the search. */
export interface Forms {
  readonly forms: ReadonlyArray<Form>
  /** The most characters in which one of them can be repeated. */
  readonly longest: number
}

interface Form {
  readonly text: string
  /** It is masked only where it stands by itself: it may be part of ordinary words. */
  readonly byItself: boolean
  /** In Base64, whose digits at both ends depend on their neighbours and are no part of `text`. */
  readonly base64: boolean
}

/** By identity: credentials are the same for many requests, each with many headers to be looked through. */
export const formsOf = (secrets: ReadonlyArray<string>): Forms => {
  const known = cache.get(secrets)
  if (known !== undefined) return known
  const forms = [...new Set(secrets)].filter((secret) => secret !== "").flatMap(formsOfOne)
  const made = { forms, longest: forms.reduce((most, { text }) => Math.max(most, longestOf(text)), 0) }
  cache.set(secrets, made)
  return made
}

/** The text with a mask in place of each secret. */
export const mask = (text: string, { forms }: Forms, mask: string): string => {
  if (forms.length === 0) return text
  const spans = viewsOf(text).flatMap((view) => forms.flatMap((form) => find(view, form)))
  const { end, masked } = spans.sort((a, b) => a.start - b.start).reduce(
    ({ end, masked }, span) =>
      span.start >= end
        ? { masked: `${masked}${text.slice(end, span.start)}${mask}`, end: span.end }
        : { masked, end: Math.max(end, span.end) },
    { masked: "", end: 0 }
  )
  return masked + text.slice(end)
}

const cache = new WeakMap<ReadonlyArray<string>, Forms>()

const formsOfOne = (secret: string): ReadonlyArray<Form> => {
  const bytes = new TextEncoder().encode(secret)
  const inLatin1 = latin1(bytes)
  const plain = [...new Set([secret, inLatin1])].map((text): Form => ({
    text,
    byItself: text.length < shortestWithinWords,
    base64: false
  }))
  // by itself or within something longer, its bytes begin at one of three places in a group of three
  const base64 = [0, 1, 2].flatMap((offset) => {
    const padded = new Uint8Array(offset + bytes.length)
    padded.set(bytes, offset)
    const digits = Encoding.encodeBase64(padded).slice(Math.ceil(offset * 8 / 6), Math.floor(padded.length * 8 / 6))
    return digits.length < (offset === 0 ? shortestAtStart : shortestInside)
      ? []
      : [...new Set([digits, digits.replaceAll("+", "-").replaceAll("/", "_")])]
  })
  return [...plain, ...base64.map((text): Form => ({ text, byItself: false, base64: true }))]
}

const shortestWithinWords = 4

/** In digits of Base64; what is shorter would take ordinary words out. */
const shortestAtStart = 4
const shortestInside = 8

/** Letters and digits are not escaped; anything else may be, twice, in up to three bytes. */
const longestOf = (text: string): number => text.length + 15 * text.replace(/[A-Za-z0-9]/gu, "").length

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")

/** A text after some escapes were read. */
interface View {
  readonly text: string
  /** Where each character, and the end, is in the original; `undefined`: at the same place. */
  readonly places: ReadonlyArray<number> | undefined
}

interface Span {
  readonly start: number
  readonly end: number
}

const find = ({ places, text }: View, form: Form): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  for (let at = text.indexOf(form.text); at !== -1; at = text.indexOf(form.text, at + form.text.length)) {
    const end = at + form.text.length
    if (form.byItself && (/[\p{L}\p{N}]$/u.test(text.slice(0, at)) || /^[\p{L}\p{N}]/u.test(text.slice(end)))) continue
    const [before = "", after = ""] = form.base64
      ? [/[A-Za-z0-9+/_-]?$/u.exec(text.slice(0, at))?.[0], /^[A-Za-z0-9+/_-]?=*/u.exec(text.slice(end))?.[0]]
      : []
    const [first, last] = [at - before.length, end + after.length]
    spans.push({ start: places?.[first] ?? first, end: places?.[last] ?? last })
  }
  return spans
}

/** The text as it is, and after each kind of escapes was read, once and twice. */
const viewsOf = (text: string): ReadonlyArray<View> => {
  const original: View = { text, places: undefined }
  const once = readAll(original)
  return [original, ...once, ...once.flatMap(readAll)]
}

const readAll = (view: View): ReadonlyArray<View> =>
  kinds.flatMap(({ pattern, read }) => {
    const characters: Array<string> = []
    const places: Array<number> = []
    const add = (text: string, at: number, step: number) => {
      for (let index = 0; index < text.length; index++) {
        characters.push(text.charAt(index))
        places.push(view.places?.[at + index * step] ?? at + index * step)
      }
    }
    let end = 0
    for (const match of view.text.matchAll(pattern)) {
      add(view.text.slice(end, match.index), end, 1)
      const [escaped] = match
      read(match).reduce((at, [text, length]) => {
        add(text, at, 0)
        return at + length
      }, match.index)
      end = match.index + escaped.length
    }
    if (end === 0) return []
    add(view.text.slice(end), end, 1)
    const { length } = view.text
    return [{ text: characters.join(""), places: [...places, view.places?.[length] ?? length] }]
  })

/** What an escape stands for, character by character, and how long each is. */
type Read = (match: RegExpExecArray) => ReadonlyArray<readonly [text: string, length: number]>

const percent: Read = ([escaped]) => {
  const bytes = Uint8Array.from(escaped.slice(1).split("%"), (octet) => Number.parseInt(octet, 16))
  const read: Array<readonly [string, number]> = []
  for (let at = 0; at < bytes.length;) {
    const length = utf8Length(bytes[at] ?? 0)
    const text = decoder.decode(bytes.subarray(at, at + length))
    const isCharacter = text.length > 0 && !text.includes("\ufffd")
    // what is no UTF-8 is Latin-1
    read.push(isCharacter ? [text, 3 * length] : [latin1(bytes.subarray(at, at + 1)), 3])
    at += isCharacter ? length : 1
  }
  return read
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true })

const utf8Length = (first: number): number => first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1

const json: Read = ([escaped, unit, letter = ""]) => [[
  unit === undefined ? letters[letter] ?? letter : String.fromCharCode(Number.parseInt(unit, 16)),
  escaped.length
]]

/** RFC 8259 section 7. */
const letters: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" }

const html: Read = ([escaped, decimal, hexadecimal, name = ""]) => {
  const point = decimal !== undefined ? Number(decimal) : Number.parseInt(hexadecimal ?? "", 16)
  return [[point <= 0x10ffff ? String.fromCodePoint(point) : names[name] ?? escaped, escaped.length]]
}

/** Of XML, which HTML has too. */
const names: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'" }

const kinds: ReadonlyArray<{ readonly pattern: RegExp; readonly read: Read }> = [
  { pattern: /(?:%[0-9A-F]{2})+/giu, read: percent },
  // a form
  { pattern: /(?:%[0-9A-F]{2})+|\+/giu, read: (match) => match[0] === "+" ? [[" ", 1]] : percent(match) },
  { pattern: /\\u([0-9A-F]{4})|\\(["'\\/bfnrt])/giu, read: json },
  { pattern: /&(?:#([0-9]{1,7})|#x([0-9A-F]{1,6})|(amp|lt|gt|quot|apos));/giu, read: html }
]
