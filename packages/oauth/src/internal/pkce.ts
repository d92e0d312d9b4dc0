/** Proof Key for Code Exchange (RFC 7636): what ties a code to the client that asked for it. Only `S256`. */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"

export const challengeOf = (verifier: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
    (digest) => Encoding.encodeBase64Url(new Uint8Array(digest))
  )
