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

/** Signs a signature base. */
export type Sign = (base: string) => Effect.Effect<Uint8Array, CredentialUnavailable>

export const mode = "MessageSignature"

/** The key of a credential, ready to sign. */
export const load = ({ algorithm, key }: MessageSignature): Effect.Effect<Sign, CredentialUnavailable> => {
  const text = Redacted.value(key).replaceAll("\\n", "\n").trim()
  if (algorithm === "hmac-sha256") {
    return Either.match(Encoding.decodeBase64(text), {
      onLeft: () => unavailable("the key of hmac-sha256 must be in Base64"),
      onRight: (secret) => Effect.succeed((base) => Effect.sync(() => hmac(sha256, secret, encoder.encode(base))))
    })
  }
  const { importing, signing } = algorithms[algorithm]
  const failed = () => unavailable(`the key is no private key for ${algorithm}, in PEM (BEGIN PRIVATE KEY) or as a JWK`)
  return Effect.map(
    Effect.tryPromise({
      try: () =>
        Option.match(jwkOf(text), {
          onNone: () => globalThis.crypto.subtle.importKey("pkcs8", derOf(text), importing, false, ["sign"]),
          onSome: (jwk) => globalThis.crypto.subtle.importKey("jwk", jwk, importing, false, ["sign"])
        }),
      catch: failed
    }),
    (key): Sign => (base) =>
      Effect.map(
        Effect.tryPromise({
          try: () => globalThis.crypto.subtle.sign(signing, key, encoder.encode(base)),
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

const derOf = (pem: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(
    Either.getOrElse(
      Encoding.decodeBase64(pem.replace(/-----(?:BEGIN|END) PRIVATE KEY-----|\s/gu, "")),
      () => new Uint8Array()
    )
  )

const jwkOf: (text: string) => Option.Option<JsonWebKey> = Option.liftThrowable((text) => JSON.parse(text))

const unavailable = (problem: string) => new CredentialUnavailable({ mode, problem, final: true })

const encoder = new TextEncoder()
