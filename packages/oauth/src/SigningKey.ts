/**
 * Private keys that sign JSON Web Tokens (RFC 7515). `jose` is loaded when one is read from text, and not before.
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, InvalidSetting } from "@effect-auth/core/AuthError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Base64url from "./internal/base64url.ts"
import * as Jose from "./internal/jose.ts"
import * as NodeSignature from "./internal/nodeSignature.ts"
import * as PrivateKey from "./internal/privateKey.ts"

/**
 * The algorithms of private keys. `ES256` is what new keys should be for.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm =
  | "ES256"
  | "ES384"
  | "ES512"
  | "EdDSA"
  | "PS256"
  | "PS384"
  | "PS512"
  | "RS256"
  | "RS384"
  | "RS512"

/**
 * @since 0.1.0
 * @category models
 */
export interface SigningKey {
  readonly algorithm: Algorithm
  /** Further members of the header, such as `kid`, or `x5t#S256`, which Entra wants. */
  readonly header: Readonly<Record<string, unknown>>
  /** Signs bytes: the header and the payload of a token. */
  readonly sign: (bytes: Uint8Array) => Effect.Effect<Uint8Array, ExchangeError>
  /** @internal */
  readonly now?: Now | undefined
}

/**
 * Signs ASCII text on the calling thread, where that takes no longer than to hand it to another. The signature is in Base64url;
 * `None`: it could not, and `sign` is asked.
 *
 * @internal
 */
interface Now {
  readonly sign: NodeSignature.Sign
  /** What it stands for: a copy of a key with a `sign` of its own, such as one that counts, signs by that. */
  readonly insteadOf: SigningKey["sign"]
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly algorithm: Algorithm
  /** The id under which the server knows the key. */
  readonly keyId?: string | undefined
  readonly header?: Readonly<Record<string, unknown>> | undefined
}

/**
 * A key that is somewhere else and signs there: in a KMS, an HSM or an agent.
 *
 * @example
 * ```ts
 * import * as SigningKey from "@effect-auth/oauth/SigningKey"
 * import * as Effect from "effect/Effect"
 *
 * declare const kms: { readonly sign: (bytes: Uint8Array) => Promise<Uint8Array> }
 *
 * const key = SigningKey.make((bytes) => Effect.promise(() => kms.sign(bytes)), { algorithm: "ES256", keyId: "2026-01" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  sign: (bytes: Uint8Array) => Effect.Effect<Uint8Array, ExchangeError>,
  options: Options
): SigningKey => ({
  algorithm: options.algorithm,
  header: { ...(options.keyId === undefined ? undefined : { kid: options.keyId }), ...options.header },
  sign
})

/**
 * A key of the Web Cryptography API. Node signs by a P-256 or Ed25519 key that can be exported on the calling thread, which takes
 * half of the time; any other key signs on a thread of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromCryptoKey = (key: CryptoKey, options: Options): SigningKey => {
  const made = make(
    (bytes) =>
      Effect.promise(() =>
        globalThis.crypto.subtle.sign(parameters[options.algorithm](), key, new Uint8Array(bytes))
          .then((signature) => new Uint8Array(signature))
      ),
    options
  )
  return Option.match(NodeSignature.of(key, options.algorithm), {
    onNone: () => made,
    onSome: (sign) => ({ ...made, now: { sign, insteadOf: made.sign } })
  })
}

/**
 * A key in PEM (PKCS#8, `BEGIN PRIVATE KEY`; or PKCS#1 and SEC 1, `BEGIN RSA PRIVATE KEY` and `BEGIN EC PRIVATE KEY`) or as a
 * JWK in JSON. Line ends may be written as `\n`, as in an environment variable. A `kid` of the JWK is used. Fails with
 * `InvalidSetting`, without quoting the key.
 *
 * @example
 * ```ts
 * import * as SigningKey from "@effect-auth/oauth/SigningKey"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * const key = Effect.flatMap(
 *   Config.redacted("ACME_PRIVATE_KEY"),
 *   (text) => SigningKey.fromText(text, { algorithm: "ES256", keyId: "2026-01" })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromText = (key: Redacted.Redacted, options: Options): Effect.Effect<SigningKey, InvalidSetting> =>
  Effect.gen(function*() {
    const text = Redacted.value(key).replace(/(?:\\r)?\\n/gu, "\n").trim()
    const { algorithm } = options
    const { importJWK, importPKCS8 } = yield* Jose.load
    const failed = () => new InvalidSetting({ setting: "key", problem: PrivateKey.problemOf(text, algorithm) })
    const jwk = Option.getOrUndefined(parseJwk(text))
    const pem = jwk === undefined ? yield* Effect.mapError(PrivateKey.toPkcs8(text, algorithm), failed) : ""
    const imported = yield* Effect.tryPromise({
      try: () =>
        jwk === undefined
          ? importPKCS8(pem, algorithm, exportable)
          : importJWK({ ...jwk }, algorithm, exportable),
      catch: failed
    })
    if (imported instanceof Uint8Array || imported.type !== "private") return yield* failed()
    const keyId = options.keyId ?? (typeof jwk?.["kid"] === "string" ? jwk["kid"] : undefined)
    return fromCryptoKey(imported, { ...options, keyId })
  })

/**
 * A signed token in the compact form (RFC 7515 section 3.1).
 *
 * @since 0.1.0
 * @category signing
 */
export const sign = (
  key: SigningKey,
  ownHeader: Readonly<Record<string, unknown>>,
  claims: Readonly<Record<string, unknown>>,
  options: { readonly mode: string }
): Effect.Effect<Redacted.Redacted, ExchangeError> => signAfter(key, headerOf(key, ownHeader), claims, options)

/**
 * The header as it stands in a token, for a key that signs many with the same one.
 *
 * @internal
 */
export const headerOf = (
  { algorithm, header }: SigningKey,
  ownHeader: Readonly<Record<string, unknown>>
): string => Base64url.ofText(JSON.stringify({ typ: "JWT", ...header, ...ownHeader, alg: algorithm }))

/** @internal */
export const signAfter = (
  { now, sign }: SigningKey,
  header: string,
  claims: Readonly<Record<string, unknown>>,
  { mode }: { readonly mode: string }
): Effect.Effect<Redacted.Redacted, ExchangeError> => {
  const input = `${header}.${Base64url.ofText(JSON.stringify(claims))}`
  const signature = now?.insteadOf === sign ? now.sign(input) : undefined
  if (signature !== undefined && Option.isSome(signature)) {
    return Exit.succeed(Redacted.make(`${input}.${signature.value}`))
  }
  return Effect.suspend(() => sign(encoder.encode(input))).pipe(
    Effect.map((signature) => Redacted.make(`${input}.${Base64url.ofBytes(signature)}`)),
    // its words may quote the key
    Effect.catchAllDefect(() =>
      Effect.fail(new CredentialUnavailable({ mode, problem: "the private key could not sign", final: true }))
    )
  )
}

/**
 * A key pair whose private half can be exported.
 *
 * @internal
 */
export const generate = (algorithm: Algorithm): Promise<CryptoKeyPair> =>
  globalThis.crypto.subtle.generateKey(generation[algorithm], true, ["sign", "verify"])

/** @internal */
export const importPrivateKey = (algorithm: Algorithm, jwk: JsonWebKey): Promise<CryptoKey> =>
  globalThis.crypto.subtle.importKey("jwk", { ...jwk, key_ops: ["sign"] }, generation[algorithm], true, ["sign"])

/** Anyone who has the text has the key already, so that this gives nothing away; and Node can sign with it at once. */
const exportable = { extractable: true }

const encoder = new TextEncoder()

const parseJwk = (text: string) =>
  text.startsWith("{")
    ? Schema.decodeOption(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })))(text)
    : Option.none()

const ecdsa = (hash: string) => () => ({ name: "ECDSA", hash })
const pkcs1 = () => ({ name: "RSASSA-PKCS1-v1_5" })
const pss = (saltLength: number) => () => ({ name: "RSA-PSS", saltLength })

/** RFC 7518 section 3.1, RFC 8037. */
const parameters: Record<Algorithm, () => AlgorithmIdentifier | EcdsaParams | RsaPssParams> = {
  ES256: ecdsa("SHA-256"),
  ES384: ecdsa("SHA-384"),
  ES512: ecdsa("SHA-512"),
  EdDSA: () => ({ name: "Ed25519" }),
  RS256: pkcs1,
  RS384: pkcs1,
  RS512: pkcs1,
  PS256: pss(32),
  PS384: pss(48),
  PS512: pss(64)
}

const curve = (namedCurve: string) => ({ name: "ECDSA", namedCurve })
const rsa = (name: string, hash: string) => ({
  name,
  hash,
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1])
})

/** What keys are made and imported for. */
const generation: Record<Algorithm, EcKeyGenParams | RsaHashedKeyGenParams> = {
  ES256: curve("P-256"),
  ES384: curve("P-384"),
  ES512: curve("P-521"),
  EdDSA: { name: "Ed25519", namedCurve: "Ed25519" },
  RS256: rsa("RSASSA-PKCS1-v1_5", "SHA-256"),
  RS384: rsa("RSASSA-PKCS1-v1_5", "SHA-384"),
  RS512: rsa("RSASSA-PKCS1-v1_5", "SHA-512"),
  PS256: rsa("RSA-PSS", "SHA-256"),
  PS384: rsa("RSA-PSS", "SHA-384"),
  PS512: rsa("RSA-PSS", "SHA-512")
}
