/**
 * Signatures by Node's own cryptography, on the calling thread. The Web Cryptography API hands each one to another thread; for a
 * key of 256 bits, the way there and back takes almost as long as the signature.
 */
import * as Option from "effect/Option"

/** Signs ASCII text; the signature is in Base64url. `None`: it could not. */
export type Sign = (text: string) => Option.Option<string>

/**
 * `None` for keys that are worth a thread or may not leave the Web Cryptography API, and in runtimes without `node:crypto`, or
 * with another idea of it: a signature is tried, and has to have the length that it has in a token (RFC 7518 section 3.4, RFC
 * 8037 section 3.1).
 */
export const of = (key: CryptoKey, algorithm: string): Option.Option<Sign> => {
  const short = shortKeys.find((short) => short.algorithm === algorithm && short.name === key.algorithm.name)
  return short !== undefined && key.extractable
    ? Option.filter(
      Option.flatten(signer(key, short.digest)),
      (sign) => Option.exists(sign(""), ({ length }) => length === 86)
    )
    : Option.none()
}

const signer = Option.liftThrowable((key: CryptoKey, digest: string | undefined): Option.Option<Sign> =>
  Option.map(modules(), ({ Buffer, KeyObject, sign }) => {
    const options = { key: KeyObject.from(key), dsaEncoding: "ieee-p1363" } as const
    return Option.liftThrowable((text) => sign(digest, Buffer.from(text, "latin1"), options).toString("base64url"))
  })
)

/** Not those of Deno, whose signature takes as long as a thread's. */
const modules = (): Option.Option<Crypto & BufferModule> =>
  typeof process === "undefined" || process.getBuiltinModule === undefined || process.versions?.deno !== undefined
    ? Option.none()
    : Option.some({ ...process.getBuiltinModule("node:crypto"), ...process.getBuiltinModule("node:buffer") })

/** What is needed of the runtime, whose types are no dependency of this package. */
declare const process: {
  readonly versions?: { readonly deno?: string }
  readonly getBuiltinModule?: ((id: "node:crypto") => Crypto) & ((id: "node:buffer") => BufferModule)
} | undefined

interface Crypto {
  readonly KeyObject: { readonly from: (key: CryptoKey) => KeyObject }
  readonly sign: (
    digest: string | undefined,
    bytes: Uint8Array,
    key: { readonly key: KeyObject; readonly dsaEncoding: "ieee-p1363" }
  ) => { readonly toString: (encoding: "base64url") => string }
}

interface KeyObject {
  readonly type: string
}

interface BufferModule {
  readonly Buffer: { readonly from: (text: string, encoding: "latin1") => Uint8Array }
}

/** Ed25519 has a digest of its own. */
const shortKeys = [
  { algorithm: "ES256", name: "ECDSA", digest: "sha256" },
  { algorithm: "EdDSA", name: "Ed25519", digest: undefined }
]
