/** Unguessable texts, from the platform's cryptographic source and not `Random`. */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"

/** 24 random bytes in Base64url: 32 characters. */
export const token: Effect.Effect<string> = Effect.sync(() =>
  Encoding.encodeBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(24)))
)
