/**
 * The grammars credentials have to match on the wire. Each check returns `true` or says what is wrong, without quoting
 * the text.
 */

/** The answer of a `Schema.filter`. */
type Verdict = string | true

/**
 * Text that can be encoded: not empty, no control characters (RFC 7617 section 2 allows none; CR, LF and NUL would end a
 * header field), and no unpaired surrogate, which UTF-8 cannot encode.
 */
export const text = (text: string): Verdict =>
  text.length === 0
    ? "must not be empty"
    // eslint-disable-next-line no-control-regex -- the pattern matches control characters on purpose
    : /[\u0000-\u001f\u007f]/.test(text)
    ? "must not contain control characters"
    : !/\p{Surrogate}/u.test(text) || "must be well-formed Unicode (it has an unpaired surrogate)"

/** RFC 9110 section 5.6.2, `token`. */
export const token = (text: string): Verdict =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text) || "must be a token (RFC 9110 section 5.6.2)"

/** RFC 9110 section 5.5, `field-value` without tabs. White space at either end would be lost. */
export const fieldValue = (text: string): Verdict =>
  /^[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(text) ||
  "must be a header field's value: Latin-1, no white space at the ends (RFC 9110 section 5.5)"

/** RFC 6265 section 4.1.1, `cookie-value`. A semicolon would start another cookie. */
export const cookieValue = (text: string): Verdict =>
  /^("?)[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+\1$/.test(text) ||
  "must be a cookie's value: ASCII without white space, quote, comma, semicolon or backslash (RFC 6265 section 4.1.1)"

/** RFC 6750 section 2.1, `b64token`. A space or a comma would start another parameter. */
export const b64token = (text: string): Verdict =>
  /^[A-Za-z0-9\-._~+/]+=*$/.test(text) || "must be a b64token (RFC 6750 section 2.1)"
