/**
 * The grammars credentials have to match on the wire. Each check returns `true` or says what is wrong, without quoting
 * the text.
 */

/** The answer of a `Schema.filter`. */
type Verdict = string | true

/**
 * Text that can be encoded: no control characters (RFC 7617 section 2 allows none; CR, LF and NUL would end a header
 * field), and no unpaired surrogate, which UTF-8 cannot encode.
 */
export const encodable = (text: string): Verdict =>
  // eslint-disable-next-line no-control-regex -- the pattern matches control characters on purpose
  /[\u0000-\u001f\u007f]/.test(text)
    ? `must not contain control characters${aroundIt(text)}`
    : !/\p{Surrogate}/u.test(text) || "must be well-formed Unicode (it has an unpaired surrogate)"

/** Text that can be encoded and says something: white space alone does not. */
export const text = (text: string): Verdict => text.trim() === "" ? "must not be empty" : encodable(text)

/** RFC 9110 section 5.6.2, `token`. */
export const token = (text: string): Verdict =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) || `must be a token (RFC 9110 section 5.6.2)${aroundIt(text)}`

/** RFC 9110 section 5.5, `field-value` without tabs. White space at either end would be lost, or was pasted along. */
export const fieldValue = (text: string): Verdict =>
  /^[\x20-\x7e\x80-\xff]+$/.test(text) && aroundIt(text) === ""
    ? true
    : `must be a header field's value: Latin-1, no white space at the ends (RFC 9110 section 5.5)${flaw(text)}`

/** What every transport can send as a header field's value: it may be empty, and white space at its ends is lost. */
export const sendable = (text: string): Verdict =>
  /^[\t\x20-\x7e\x80-\xff]*$/.test(text) || `cannot be sent in a header (RFC 9110 section 5.5)${flaw(text)}`

/** RFC 6265 section 4.1.1, `cookie-value`. A semicolon would start another cookie. */
export const cookieValue = (text: string): Verdict =>
  /^("?)[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+\1$/.test(text) ||
  "must be a cookie's value: ASCII without white space, quote, comma, semicolon or backslash " +
    `(RFC 6265 section 4.1.1)${flaw(text)}`

/** RFC 6750 section 2.1, `b64token`. A space or a comma would start another parameter. */
export const b64token = (text: string): Verdict =>
  /^[A-Za-z0-9\-._~+/]+=*$/.test(text) || `must be a b64token (RFC 6750 section 2.1)${flaw(text)}`

/** White space that was copied along with a text. */
const aroundIt = (text: string): string => /^[\s\x85]|[\s\x85]$/.test(text) ? "; there is white space around it" : ""

/** What copying from a page or a document puts into a text, and nobody sees. */
const flaw = (text: string): string =>
  aroundIt(text) !== ""
    ? aroundIt(text)
    : /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)
    ? "; there is an invisible character in it, such as a zero-width space or a line end"
    : /[\u2018-\u201f]/.test(text)
    ? "; there is a curly quote in it"
    : ""
