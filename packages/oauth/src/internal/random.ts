/** Unguessable texts: ids of assertions, states, verifiers. From the platform's cryptographic source, not `Random`. */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"

/** 32 random bytes in Base64url: 43 characters. */
export const token: Effect.Effect<string> = Effect.sync(() =>
  Encoding.encodeBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(32)))
)
