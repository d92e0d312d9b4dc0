/**
 * Makes text of a server presentable: one line of bounded length, without the secrets that were sent to it. Pure.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

/**
 * One line of at most `longest` characters. Secrets are masked before anything is cut or replaced, so that no part of one
 * is left at an edge, and only as much of the text is looked at as can be shown: a server may send megabytes.
 */
export const line = (text: string, secrets: ReadonlyArray<string>, longest: number): string => {
  const forms = secrets.flatMap(encodings).sort((a, b) => b.length - a.length)
  const margin = forms.reduce((most, { length }) => Math.max(most, length), longestRun)
  const looked = text.slice(0, longest + margin)
  const isWhole = looked.length === text.length
  const masked = forms.reduce(withoutForm, looked).replace(tokenRun, mask)
  // a secret may go on behind the place where the text was cut
  const known = isWhole ? masked : masked.slice(0, Math.max(0, masked.length - margin))
  // once more, for a secret that has control characters within
  const clean = forms.reduce(withoutForm, known.replace(unprintable, " ").replace(/ {2,}/gu, " ").trim())
  return isWhole && clean.length <= longest ? clean : `${clean.slice(0, longest - 1).trimEnd()}…`
}

/** One line of at most `longest` characters, for text that holds no secret. */
export const printable = (text: string, longest: number): string => {
  const clean = text.slice(0, 2 * longest).replace(unprintable, " ").trim()
  return clean.length <= longest ? clean : `${clean.slice(0, longest - 1).trimEnd()}…`
}

/** The text as it is, but for the secrets. */
export const withoutSecrets = (text: string, secrets: ReadonlyArray<string>): string =>
  secrets.flatMap(encodings).sort((a, b) => b.length - a.length).reduce(withoutForm, text)

const mask = "[…]"

/** Control and format characters, among them escape sequences and marks of writing direction; separators of lines. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu

const longestRun = 32

const tokenRun = /[A-Za-z0-9\-._~+/=]{32,}/gu

/** Below this length a secret is masked only where it stands by itself: it may be part of ordinary words. */
const shortestMaskedWithinWords = 4

const withoutForm = (text: string, form: string): string =>
  form.length >= shortestMaskedWithinWords
    ? text.replaceAll(form, mask)
    : text.replace(new RegExp(`(?<![\\p{L}\\p{N}])${escaped(form)}(?![\\p{L}\\p{N}])`, "gu"), mask)

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")

/** The ways in which a server may repeat a secret. */
const encodings = (secret: string): ReadonlyArray<string> => {
  if (secret === "") return []
  const percent = Either.getOrElse(Encoding.encodeUriComponent(secret), () => secret)
  const form = new URLSearchParams([["", secret]]).toString().slice("=".length)
  const json = JSON.stringify(secret).slice(1, -1)
  const base64 = Encoding.encodeBase64(secret)
  const forms = [
    secret,
    percent,
    percent.replace(/%[0-9A-F]{2}/gu, (octet) => octet.toLowerCase()),
    percent.replace(/[!'()*]/gu, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`),
    form,
    form.replace(/%[0-9A-F]{2}/gu, (octet) => octet.toLowerCase()),
    json,
    json.replaceAll("/", "\\/"),
    json.replace(/[^\x20-\x7e]/gu, (character) => unicodeEscape(character)),
    html(secret),
    base64,
    base64.replace(/=+$/u, ""),
    Encoding.encodeBase64Url(secret)
  ]
  // a short one in Base64 would take ordinary words out
  return [...new Set(forms)].filter((form) => form === secret || form.length >= shortestMaskedWithinWords)
}

const unicodeEscape = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`
  ).join("")

const html = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")
    .replaceAll("'", "&#39;")
