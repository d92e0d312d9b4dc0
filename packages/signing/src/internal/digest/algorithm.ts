/** The hash functions of Digest (RFC 7616 section 6.1), of which Web Crypto has one only. Pure. */
import { md5 } from "@noble/hashes/legacy.js"
import { sha256, sha512_256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Bytewise from "./bytewise.ts"

/**
 * A hash function of RFC 7616.
 *
 * @since 0.1.0
 * @category models
 */
export type Algorithm = "SHA-512-256" | "SHA-256" | "MD5"

/** From the strongest to the weakest. */
export const all: ReadonlyArray<Algorithm> = ["SHA-512-256", "SHA-256", "MD5"]

/** An algorithm as a challenge names it, and whether its key is one of the session (section 3.4.2). */
export interface Named {
  readonly algorithm: Algorithm
  readonly session: boolean
}

/** `undefined`: one that is not known. A challenge that names none means MD5 (section 3.3). */
export const named = (name = "MD5"): Named | undefined => {
  const upper = name.toUpperCase()
  const session = upper.endsWith("-SESS")
  const algorithm = all.find((known) => known === (session ? upper.slice(0, -"-SESS".length) : upper))
  return algorithm === undefined ? undefined : { algorithm, session }
}

/** In lower-case hexadecimal (section 3.1.3). A text has one character for each byte. */
export const hash = (algorithm: Algorithm, data: string | Uint8Array): string =>
  bytesToHex(functions[algorithm](typeof data === "string" ? Bytewise.bytes(data) : data))

const functions = { "MD5": md5, "SHA-256": sha256, "SHA-512-256": sha512_256 }
