/** Signatures of home-made schemes, described as data. Pure. */
import { hmac } from "@noble/hashes/hmac.js"
import { md5, sha1 } from "@noble/hashes/legacy.js"
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js"
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"

/**
 * @since 0.1.0
 * @category models
 */
export type HashAlgorithm = "SHA-256" | "SHA-384" | "SHA-512" | "SHA-1" | "MD5"

/**
 * @since 0.1.0
 * @category models
 */
export type TextEncoding = "hex" | "base64" | "base64url"

/**
 * A part of what is signed, or of what is written:
 *
 * - `method`, `host`, `path`, `query` (without its question mark), `target` (path and query), `url`: as they are sent
 * - `body`: its bytes; `bodyHash`: their hash, as the template says
 * - `timestamp`, `nonce`, `keyId`: those of this signature
 * - `{ header }`: a header of the request, empty if it has none; `{ text }`: itself
 *
 * @since 0.1.0
 * @category models
 */
export type Part =
  | "method"
  | "host"
  | "path"
  | "query"
  | "target"
  | "url"
  | "body"
  | "bodyHash"
  | "timestamp"
  | "nonce"
  | "keyId"
  | { readonly header: string }
  | { readonly text: string }

/**
 * A scheme: what is signed, how it is joined, and where the signature goes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Template {
  /** Default: `SHA-256`. */
  readonly algorithm?: HashAlgorithm | undefined
  /** How the key is written. Default: `text`, whose bytes are the key. */
  readonly key?: "text" | TextEncoding | undefined
  readonly signed: ReadonlyArray<Part>
  /** Between the parts. Default: nothing. */
  readonly separator?: string | undefined
  /** How the signature is written. Default: `hex`. */
  readonly encoding?: TextEncoding | undefined
  /** Default: `seconds` since the epoch. */
  readonly timestamp?: "seconds" | "milliseconds" | "iso8601" | "http-date" | undefined
  /** Of `bodyHash`. Default: that of the signature, in `hex`. */
  readonly bodyHash?: { readonly algorithm: HashAlgorithm; readonly encoding: TextEncoding } | undefined
  /** The headers that are written, of parts that are joined as they are. */
  readonly headers?: Readonly<Record<string, ReadonlyArray<Part | "signature">>> | undefined
  /** The query parameters that are written, in this order. They are not part of the `query` that is signed. */
  readonly query?: Readonly<Record<string, ReadonlyArray<Part | "signature">>> | undefined
}

/** What a signature is made of. */
export interface Facts {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string | undefined>>
  /** `undefined`: it is not known before it is sent. */
  readonly body: Uint8Array | undefined
  /** Epoch milliseconds. */
  readonly now: number
  readonly nonce: string
  readonly keyId: string | undefined
}

export interface Written {
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly query: ReadonlyArray<readonly [name: string, value: string]>
}

/** Left: what stands in the way, in words. */
export const sign = (template: Template, key: string, facts: Facts): Either.Either<Written, string> =>
  Either.gen(function*() {
    const secret = yield* keyOf(template, key)
    const signed = yield* Either.all(template.signed.map((part) => bytesOf(template, part, facts)))
    const separator = utf8ToBytes(template.separator ?? "")
    const message = concatBytes(...signed.flatMap((bytes, index) => index === 0 ? [bytes] : [separator, bytes]))
    const signature = encode(
      hmac(functions[template.algorithm ?? "SHA-256"], secret, message),
      template.encoding ?? "hex"
    )
    const write = (fields: Template["headers"]) =>
      Either.all(
        Object.entries(fields ?? {}).map(([name, parts]) =>
          Either.map(
            Either.all(parts.map((part) =>
              part === "signature"
                ? Either.right(signature)
                : Either.map(bytesOf(template, part, facts), (bytes) => utf8.decode(bytes))
            )),
            (texts) => [name, texts.join("")] as const
          )
        )
      )
    return { headers: yield* write(template.headers), query: yield* write(template.query) }
  })

const bytesOf = (template: Template, part: Part, facts: Facts): Either.Either<Uint8Array, string> => {
  if (part === "body" || part === "bodyHash") {
    const { body } = facts
    if (body === undefined) {
      return Either.left(
        "the signature covers the body, and this body is not known before it is sent: give it as text or bytes"
      )
    }
    if (part === "body") return Either.right(body)
    const { algorithm, encoding } = template.bodyHash ??
      { algorithm: template.algorithm ?? "SHA-256", encoding: "hex" }
    return Either.right(utf8ToBytes(encode(functions[algorithm](body), encoding)))
  }
  if (part === "keyId" && facts.keyId === undefined) return Either.left("the scheme needs the id of the key")
  return Either.right(utf8ToBytes(textOf(template, part, facts)))
}

const textOf = (template: Template, part: Exclude<Part, "body" | "bodyHash">, facts: Facts): string => {
  const { headers, keyId = "", method, nonce, now, url } = facts
  if (typeof part !== "string") return "text" in part ? part.text : headers[part.header.toLowerCase()] ?? ""
  switch (part) {
    case "method":
      return method
    case "host":
      return url.host
    case "path":
      return url.pathname
    case "query":
      return url.search.slice(1)
    case "target":
      return url.pathname + url.search
    case "url":
      return url.origin + url.pathname + url.search
    case "timestamp":
      return timestampOf(template, now)
    case "nonce":
      return nonce
    case "keyId":
      return keyId
  }
}

const timestampOf = ({ timestamp = "seconds" }: Template, now: number): string => {
  switch (timestamp) {
    case "seconds":
      return String(Math.floor(now / 1000))
    case "milliseconds":
      return String(now)
    case "iso8601":
      return DateTime.formatIso(DateTime.unsafeMake(now))
    case "http-date":
      return DateTime.toDateUtc(DateTime.unsafeMake(now)).toUTCString()
  }
}

const keyOf = ({ key = "text" }: Template, text: string): Either.Either<Uint8Array, string> => {
  if (key === "text") return Either.right(utf8ToBytes(text))
  const decode = { hex: Encoding.decodeHex, base64: Encoding.decodeBase64, base64url: Encoding.decodeBase64Url }[key]
  return Either.mapLeft(decode(text), () => `the key is not in ${key}`)
}

const encode = (bytes: Uint8Array, encoding: TextEncoding): string =>
  ({ hex: Encoding.encodeHex, base64: Encoding.encodeBase64, base64url: Encoding.encodeBase64Url })[encoding](bytes)

const functions = { "SHA-256": sha256, "SHA-384": sha384, "SHA-512": sha512, "SHA-1": sha1, "MD5": md5 }

const utf8 = new TextDecoder()
