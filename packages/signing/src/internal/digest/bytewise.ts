/**
 * Texts with one character for each byte, as fields are received and sent: a realm is hashed and sent back byte by byte,
 * whatever its encoding is. Pure.
 */
import { utf8ToBytes } from "@noble/hashes/utils.js"

/** A text in UTF-8. */
export const utf8 = (text: string): string =>
  isAscii.test(text) ? text : Array.from(utf8ToBytes(text), (byte) => String.fromCharCode(byte)).join("")

/** A part of a field. Transports hand it over byte by byte (https://fetch.spec.whatwg.org/#concept-header-value); a few decode it. */
export const received = (text: string): string => isBytewise.test(text) ? text : utf8(text)

export const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0))

const isAscii = /^[\0-\x7f]*$/u

const isBytewise = /^[\0-\xff]*$/u
