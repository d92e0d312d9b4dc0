/**
 * Private keys in PEM. WebCrypto imports PKCS#8 alone (RFC 5958), which wraps the older forms: PKCS#1 for RSA (RFC 8017
 * appendix A.1.2), which GitHub hands out, and SEC 1 for elliptic curves (RFC 5915), which OpenSSL makes by default.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** A key as a credential holds it: a secret of several lines, which a failed decode does not show. */
export const PrivateKeyText = Schema.transform(
  Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) }),
  Schema.RedactedFromSelf(Schema.String).annotations({
    message: () => ({ message: "must be a Redacted string", override: true })
  }),
  { strict: true, decode: (text) => Redacted.make(text), encode: Redacted.value }
).pipe(Schema.filter((key) => Redacted.value(key).trim() !== "" || "must not be empty"))

/** The key as PKCS#8; the text as it is if it is in no older form, or in none for this algorithm. */
export const toPkcs8 = (pem: string, algorithm: string): string => {
  const [, kind, base64 = ""] = older.exec(pem) ?? []
  const identifier = kind === "RSA" ? rsa[algorithm.slice(0, 2)] : kind === "EC" ? curves[algorithm] : undefined
  if (identifier === undefined) return pem
  return Option.match(Either.getRight(Encoding.decodeBase64(base64.replace(/\s/gu, ""))), {
    onNone: () => pem,
    onSome: (key) => {
      const wrapped = sequence(Uint8Array.of(0x02, 0x01, 0x00), sequence(...identifier), element(0x04, key))
      return `-----BEGIN PRIVATE KEY-----\n${Encoding.encodeBase64(wrapped)}\n-----END PRIVATE KEY-----`
    }
  })
}

/** Beside it there may be other blocks, such as `EC PARAMETERS`. */
const older = /-----BEGIN (RSA|EC) PRIVATE KEY-----([^-]*)-----END \1 PRIVATE KEY-----/u

/** ITU-T X.690 section 8: tag, length, content. */
const element = (tag: number, content: Uint8Array): Uint8Array => {
  const { length } = content
  const octets = length < 0x80 ? [length] : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff]
  return Uint8Array.of(tag, ...octets, ...content)
}

const sequence = (...elements: ReadonlyArray<Uint8Array>): Uint8Array =>
  element(0x30, Uint8Array.from(elements.flatMap((element) => [...element])))

const objectIdentifier = (...content: ReadonlyArray<number>): Uint8Array => element(0x06, Uint8Array.from(content))

/** 1.2.840.113549.1.1.1, with the parameters NULL (RFC 8017 appendix A.1). */
const rsaEncryption = [
  objectIdentifier(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01),
  Uint8Array.of(0x05, 0x00)
]

const rsa: Readonly<Record<string, ReadonlyArray<Uint8Array>>> = { RS: rsaEncryption, PS: rsaEncryption }

/** 1.2.840.10045.2.1, with the curve (RFC 5480 section 2.1.1). */
const onCurve = (...curve: ReadonlyArray<number>) => [
  objectIdentifier(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01),
  objectIdentifier(...curve)
]

const curves: Readonly<Record<string, ReadonlyArray<Uint8Array>>> = {
  ES256: onCurve(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07),
  ES384: onCurve(0x2b, 0x81, 0x04, 0x00, 0x22),
  ES512: onCurve(0x2b, 0x81, 0x04, 0x00, 0x23)
}
