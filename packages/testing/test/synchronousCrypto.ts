/**
 * Web Crypto without threads, for all unit tests: a virtual clock does not wait for a thread, so that a hash or a
 * signature between two sleeps would be a race against bounds in time. What is computed is the same, by `node:crypto`.
 * Real Web Crypto is tried where time is real, in the integration tests.
 */
import * as Crypto from "node:crypto"

const subtle = globalThis.crypto.subtle
const { decrypt, encrypt, sign, verify } = subtle

/** What the parameters and the keys of all algorithms may say. */
interface Parameters extends Algorithm {
  readonly hash?: AlgorithmIdentifier
  readonly length?: number
  readonly saltLength?: number
  readonly iv?: BufferSource
  readonly additionalData?: BufferSource
}

const nameOf = (algorithm: AlgorithmIdentifier): string =>
  (typeof algorithm === "string" ? algorithm : algorithm.name).toUpperCase()

const parametersOf = (algorithm: AlgorithmIdentifier): Parameters =>
  typeof algorithm === "string" ? { name: algorithm } : algorithm

/** `SHA-256` is `sha256` in Node. */
const hashOf = (algorithm: AlgorithmIdentifier): string => nameOf(algorithm).replace("-", "").toLowerCase()

const bytesOf = (data: BufferSource): Uint8Array =>
  data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

const answer = (bytes: Uint8Array): Promise<ArrayBuffer> => Promise.resolve(new Uint8Array(bytes).buffer)

/** The hash and the key as Node takes them; `undefined` for an algorithm that is left to Web Crypto. */
const signing = (
  algorithm: AlgorithmIdentifier,
  key: CryptoKey
): { readonly hash?: string; readonly key: Crypto.SignKeyObjectInput } | undefined => {
  const own: Parameters = key.algorithm
  const given = parametersOf(algorithm)
  const object = Crypto.KeyObject.from(key)
  const hash = given.hash ?? own.hash
  if (nameOf(own) === "ED25519") return { key: { key: object } }
  if (hash === undefined) return undefined
  switch (nameOf(own)) {
    case "ECDSA":
      return { hash: hashOf(hash), key: { key: object, dsaEncoding: "ieee-p1363" } }
    case "RSASSA-PKCS1-V1_5":
      return { hash: hashOf(hash), key: { key: object } }
    case "RSA-PSS": {
      const { saltLength = 32 } = given
      return { hash: hashOf(hash), key: { key: object, padding: Crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength } }
    }
    default:
      return undefined
  }
}

const hmacOf = (key: CryptoKey, data: BufferSource): Buffer => {
  const { hash = "SHA-256" }: Parameters = key.algorithm
  return Crypto.createHmac(hashOf(hash), Crypto.KeyObject.from(key)).update(bytesOf(data)).digest()
}

const cipherOf = (key: CryptoKey): Crypto.CipherGCMTypes => {
  const { length }: Parameters = key.algorithm
  return length === 128 ? "aes-128-gcm" : length === 192 ? "aes-192-gcm" : "aes-256-gcm"
}

// a worker that runs several files needs it once
if (!Object.hasOwn(subtle, "digest")) {
  Object.assign(subtle, {
    digest: ((algorithm, data) =>
      answer(Crypto.createHash(hashOf(algorithm)).update(bytesOf(data)).digest())) satisfies SubtleCrypto["digest"],

    sign: ((algorithm, key, data) => {
      if (nameOf(key.algorithm) === "HMAC") {
        return answer(hmacOf(key, data))
      }
      const way = signing(algorithm, key)
      return way === undefined
        ? sign.call(subtle, algorithm, key, data)
        : answer(Crypto.sign(way.hash, bytesOf(data), way.key))
    }) satisfies typeof sign,

    verify: ((algorithm, key, signature, data) => {
      if (nameOf(key.algorithm) === "HMAC") {
        return Promise.resolve(hmacOf(key, data).equals(bytesOf(signature)))
      }
      const way = signing(algorithm, key)
      return way === undefined
        ? verify.call(subtle, algorithm, key, signature, data)
        : Promise.resolve(Crypto.verify(way.hash, bytesOf(data), way.key, bytesOf(signature)))
    }) satisfies typeof verify,

    encrypt: ((algorithm, key, data) => {
      const { additionalData, iv } = parametersOf(algorithm)
      if (iv === undefined || nameOf(algorithm) !== "AES-GCM") {
        return encrypt.call(subtle, algorithm, key, data)
      }
      const cipher = Crypto.createCipheriv(cipherOf(key), Crypto.KeyObject.from(key), bytesOf(iv))
      if (additionalData !== undefined) {
        cipher.setAAD(bytesOf(additionalData))
      }
      return answer(Buffer.concat([cipher.update(bytesOf(data)), cipher.final(), cipher.getAuthTag()]))
    }) satisfies typeof encrypt,

    decrypt: ((algorithm, key, data) => {
      const { additionalData, iv } = parametersOf(algorithm)
      const sealed = bytesOf(data)
      const end = sealed.length - 16
      if (iv === undefined || nameOf(algorithm) !== "AES-GCM" || end < 0) {
        return decrypt.call(subtle, algorithm, key, data)
      }
      const decipher = Crypto.createDecipheriv(cipherOf(key), Crypto.KeyObject.from(key), bytesOf(iv))
      if (additionalData !== undefined) {
        decipher.setAAD(bytesOf(additionalData))
      }
      decipher.setAuthTag(sealed.subarray(end))
      try {
        return answer(Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]))
      } catch {
        return Promise.reject(
          new DOMException("The operation failed for an operation-specific reason", "OperationError")
        )
      }
    }) satisfies typeof decrypt
  })
}
