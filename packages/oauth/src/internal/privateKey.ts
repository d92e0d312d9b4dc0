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

/**
 * The key in PEM as PKCS#8, out of one of its forms: also in quotes. None: it is in no form, or in an older one that is not
 * for this algorithm.
 */
export const toPkcs8 = (text: string, algorithm: string): Option.Option<string> => {
  const [, kind = "", base64 = ""] = block.exec(text) ?? []
  const identifier = kind === "RSA " ? rsa[algorithm.slice(0, 2)] : kind === "EC " ? curves[algorithm] : []
  return Option.flatMap(
    Option.fromNullable(identifier),
    (identifier) =>
      Either.getRight(Encoding.decodeBase64(base64.replace(/\s/gu, ""))).pipe(
        Option.filter(({ length }) => length > 0),
        Option.map((key) =>
          identifier.length === 0
            ? key
            : sequence(Uint8Array.of(0x02, 0x01, 0x00), sequence(...identifier), element(0x04, key))
        ),
        Option.map((key) => `-----BEGIN PRIVATE KEY-----\n${Encoding.encodeBase64(key)}\n-----END PRIVATE KEY-----`)
      )
  )
}

/** Why there is no key in a text, as far as it shows. Quotes nothing of it. */
export const problemOf = (text: string, algorithm: string): string => {
  if (text.includes("ENCRYPTED")) return "is encrypted: decrypt it with `openssl pkey -in key.pem`"
  const [, kind] = begin.exec(text) ?? []
  if (kind === undefined) return `is no private key for ${algorithm} in PEM (PKCS#8) or as a JWK`
  return !kind.endsWith("PRIVATE KEY")
    ? `is a ${kind.toLowerCase()}, and no private key for ${algorithm}`
    : !text.includes(`-----END ${kind}-----`)
    ? "ends within a PEM block: write \\n for its line ends where a value cannot have several lines"
    : kind === "PRIVATE KEY"
    ? `is no private key for ${algorithm}, or is damaged`
    : `is no private key for ${algorithm} in PKCS#1 or SEC 1: see whether \`openssl pkcs8 -topk8 -nocrypt -in key.pem\` ` +
      "can convert it"
}

/** Beside it there may be other blocks, such as `EC PARAMETERS`. */
const block = /-----BEGIN ((?:RSA |EC )?)PRIVATE KEY-----([^-]*)-----END \1PRIVATE KEY-----/u

const begin = /-----BEGIN ((?:[A-Z]{1,20} )*(?:PRIVATE KEY|PUBLIC KEY|CERTIFICATE|CERTIFICATE REQUEST))-----/u

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
