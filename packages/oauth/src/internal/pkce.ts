/** Proof Key for Code Exchange (RFC 7636): what ties a code to the client that asked for it. Only `S256`. */
import * as Effect from "effect/Effect"
import * as Base64url from "./base64url.ts"

export const challengeOf = (verifier: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
    (digest) => Base64url.ofBytes(new Uint8Array(digest))
  )
