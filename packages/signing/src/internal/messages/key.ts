/** Keys of HTTP Message Signatures (RFC 9421 section 3.3). */
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { MessageSignature } from "../../SigningCredential.ts"

/** A key of this process, ready to sign. */
interface Loaded extends Pick<MessageSignature, "keyId" | "algorithm"> {
  readonly sign: (bytes: Uint8Array) => Effect.Effect<Uint8Array, CredentialUnavailable>
}

export const mode = "MessageSignature"

export const load = ({ algorithm, key, keyId }: MessageSignature): Effect.Effect<Loaded, CredentialUnavailable> =>
  Effect.map(signingWith(algorithm, key), (sign) => ({ algorithm, keyId, sign }))

/** What is wrong with a signature; `undefined`: nothing that can be seen. */
export const problemOf = (
  algorithm: MessageSignature["algorithm"],
  signature: Uint8Array
): string | undefined => {
  const length = lengths[algorithm]
  return length === undefined || length === signature.length
    ? undefined
    : `a signature of ${algorithm} has ${length} bytes, and the signer gave ${signature.length}${
      algorithm.startsWith("ecdsa") ? ": it has to be the two numbers one after the other, not DER" : ""
    }`
}

/** In bytes. That of RSA is the length of the key. */
const lengths: Partial<Record<MessageSignature["algorithm"], number>> = {
  "ed25519": 64,
  "ecdsa-p256-sha256": 64,
  "ecdsa-p384-sha384": 96,
  "hmac-sha256": 32
}

const signingWith = (
  algorithm: MessageSignature["algorithm"],
  key: MessageSignature["key"]
): Effect.Effect<Loaded["sign"], CredentialUnavailable> => {
  const text = Redacted.value(key).replace(/(?:\\r)?\\n/gu, "\n").trim()
  if (algorithm === "hmac-sha256") {
    return Either.match(Encoding.decodeBase64(text), {
      onLeft: () => unavailable("the key of hmac-sha256 must be in Base64"),
      onRight: (secret) => Effect.succeed((bytes) => Effect.sync(() => hmac(sha256, secret, bytes)))
    })
  }
  const { importing, signing } = algorithms[algorithm]
  const failed = () => unavailable(`the key ${problemIn(text, algorithm)}`)
  return Effect.map(
    Effect.tryPromise({
      try: () =>
        Option.match(jwkOf(text), {
          onNone: () => globalThis.crypto.subtle.importKey("pkcs8", derOf(text), importing, false, ["sign"]),
          onSome: (jwk) => globalThis.crypto.subtle.importKey("jwk", jwk, importing, false, ["sign"])
        }),
      catch: failed
    }),
    (key): Loaded["sign"] => (bytes) =>
      Effect.map(
        Effect.tryPromise({
          try: () => globalThis.crypto.subtle.sign(signing, key, new Uint8Array(bytes)),
          catch: () => unavailable(`the key cannot sign with ${algorithm}`)
        }),
        (signature) => new Uint8Array(signature)
      )
  )
}

const algorithms = {
  "ed25519": { importing: { name: "Ed25519" }, signing: { name: "Ed25519" } },
  "ecdsa-p256-sha256": {
    importing: { name: "ECDSA", namedCurve: "P-256" },
    signing: { name: "ECDSA", hash: "SHA-256" }
  },
  "ecdsa-p384-sha384": {
    importing: { name: "ECDSA", namedCurve: "P-384" },
    signing: { name: "ECDSA", hash: "SHA-384" }
  },
  "rsa-pss-sha512": {
    importing: { name: "RSA-PSS", hash: "SHA-512" },
    // section 3.3.1
    signing: { name: "RSA-PSS", saltLength: 64 }
  },
  "rsa-v1_5-sha256": {
    importing: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" },
    signing: { name: "RSASSA-PKCS1-v1_5" }
  }
}

/** Whatever is around it, such as quotes. */
const derOf = (pem: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Either.getOrElse(
      Encoding.decodeBase64(block.exec(pem)?.[1]?.replace(/\s/gu, "") ?? ""),
      () => new Uint8Array()
    )
  )

const block = /-----BEGIN PRIVATE KEY-----([^-]*)-----END PRIVATE KEY-----/u

const problemIn = (text: string, algorithm: string): string =>
  text.includes("ENCRYPTED")
    ? "is encrypted: decrypt it with `openssl pkey -in key.pem`"
    : text.includes("-----BEGIN") && !text.includes("-----END")
    ? "ends within a PEM block: write \\n for its line ends where a value cannot have several lines"
    : `is no private key for ${algorithm}, in PEM (BEGIN PRIVATE KEY) or as a JWK`

const jwkOf: (text: string) => Option.Option<JsonWebKey> = Option.liftThrowable((text) => JSON.parse(text))

const unavailable = (problem: string) => new CredentialUnavailable({ mode, problem, final: true })
