/**
 * Makes text of a server presentable: one line of bounded length, without the secrets that were sent to it. Pure.
 */
import * as Quoting from "./quoting.ts"

/**
 * One line of at most `longest` characters. Secrets are masked before anything is cut or replaced, so that no part of one
 * is left at an edge, and only as much of the text is looked at as can be shown: a server may send megabytes.
 */
export const line = (text: string, secrets: ReadonlyArray<string>, longest: number): string => {
  const forms = Quoting.formsOf(secrets)
  const margin = Math.max(forms.longest, longestRun)
  const looked = text.slice(0, longest + margin)
  const isWhole = looked.length === text.length
  const masked = Quoting.mask(looked, forms, mask).replace(tokenRun, mask)
  // a secret may go on behind the place where the text was cut
  const known = isWhole ? masked : masked.slice(0, Math.max(0, masked.length - margin))
  // once more, for a secret that has control characters within
  const clean = Quoting.mask(known.replace(unprintable, " ").replace(/ {2,}/gu, " ").trim(), forms, mask)
  return isWhole && clean.length <= longest ? clean : cut(clean, longest)
}

/** One line of at most `longest` characters, for text that holds no secret. */
export const printable = (text: string, longest: number): string => {
  const clean = text.slice(0, 2 * longest).replace(unprintable, " ").trim()
  return clean.length <= longest ? clean : cut(clean, longest)
}

/** The text as it is, but for the secrets. */
export const withoutSecrets = (text: string, secrets: ReadonlyArray<string>): string =>
  Quoting.mask(text, Quoting.formsOf(secrets), mask)

/** The value of a header field as it is, but for the secrets and what cannot be printed. */
export const field = (value: string, secrets: ReadonlyArray<string>): string =>
  withoutSecrets(value, secrets).replace(unprintable, " ")

const mask = "[…]"

/** Control and format characters, among them escape sequences and marks of writing direction; separators of lines. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu

const longestRun = 32

const tokenRun = /[A-Za-z0-9\-._~+/=]{32,}/gu

/** Not within a character of two units (emoji and the like), half of which is unprintable. */
const cut = (text: string, longest: number): string =>
  `${text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/u, "").trimEnd()}…`
