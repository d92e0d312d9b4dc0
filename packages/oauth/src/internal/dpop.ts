/** Proofs of possession (RFC 9449): keys, and what is signed with them. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, TokenEndpointError } from "@effect-auth/core/AuthError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Algorithm, SigningKey } from "../SigningKey.ts"
import * as SigningKeys from "../SigningKey.ts"
import * as Base64url from "./base64url.ts"
import type { Server } from "./dpopServers.ts"
import type { AuthorizationServer } from "./server.ts"

/** A key and what is said of it. */
export interface ProofKey {
  readonly key: SigningKey
  /** The public half (RFC 7517). */
  readonly jwk: Readonly<Record<string, unknown>>
  /** That of all its proofs, encoded. */
  readonly header: string
  /** The private half as a JWK in JSON, which is kept beside the tokens; `undefined` if it is kept elsewhere. */
  readonly kept: Redacted.Redacted | undefined
}

/** What a proof is for. */
export interface Target {
  readonly method: string
  readonly url: string
  readonly server: Server
  /** The hash of the token that goes with it; `undefined` at the authorization server. */
  readonly tokenHash: string | undefined
}

/** Of the JWK only the public half is shown. */
export const proofKey = (
  key: SigningKey,
  jwk: Readonly<Record<string, unknown>>,
  kept: Redacted.Redacted | undefined
): ProofKey => {
  const shown = publicHalf(jwk)
  return { key, jwk: shown, header: SigningKeys.headerOf(key, { typ: "dpop+jwt", jwk: shown }), kept }
}

/** RFC 9449 section 4.2. `now` in epoch milliseconds, by our clock. Each proof is good once. */
export const prove = (
  { header, key }: ProofKey,
  { method, server, tokenHash, url }: Target,
  now: number,
  mode: string
): Effect.Effect<Redacted.Redacted, ExchangeError> => {
  const { origin, pathname } = new URL(url)
  return SigningKeys.signAfter(key, header, {
    jti: globalThis.crypto.randomUUID(),
    htm: method.toUpperCase(),
    htu: origin + pathname,
    iat: Math.floor((now + server.ahead) / 1000),
    ath: tokenHash,
    nonce: server.nonce
  }, { mode })
}

export const hashOf = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (digest) => Base64url.ofBytes(new Uint8Array(digest))
  )

/** RFC 7638. */
export const thumbprint = ({ jwk }: ProofKey): Effect.Effect<string> =>
  hashOf(JSON.stringify(Object.fromEntries(
    ["crv", "e", "kty", "n", "x", "y"].flatMap((name) => name in jwk ? [[name, jwk[name]]] : [])
  )))

/** Whether a server accepts proofs of an algorithm, as far as it says so. */
export const accepts = (
  { dpopAlgorithms }: Pick<AuthorizationServer, "dpopAlgorithms">,
  algorithm: Algorithm
): boolean => dpopAlgorithms?.includes(algorithm) !== false

export const unaccepted = (mode: string, what: string): Effect.Effect<never, TokenEndpointError> =>
  new TokenEndpointError({
    mode,
    reason: "Unexpected",
    detail: `the authorization server accepts no proofs of ${what}`
  })

/** A new key for the best algorithm that the server accepts. */
export const generate = (
  server: Pick<AuthorizationServer, "dpopAlgorithms">,
  mode: string
): Effect.Effect<ProofKey, ExchangeError> =>
  Effect.suspend(() => {
    const algorithm = generable.find((algorithm) => accepts(server, algorithm))
    return algorithm === undefined
      ? unaccepted(mode, "the algorithms that keys can be generated for")
      : Effect.flatMap(
        Effect.promise(async () => {
          const { privateKey } = await SigningKeys.generate(algorithm)
          return JSON.stringify({ ...await globalThis.crypto.subtle.exportKey("jwk", privateKey), alg: algorithm })
        }),
        (text) => restore(Redacted.make(text), mode)
      )
  })

/** The key that was kept beside a token. */
export const restore = (kept: Redacted.Redacted, mode: string): Effect.Effect<ProofKey, ExchangeError> =>
  Option.match(decodeKept(Redacted.value(kept)), {
    onNone: () => unusable(mode),
    onSome: ({ alg, ...jwk }) =>
      Effect.tryPromise({
        try: async () =>
          proofKey(
            SigningKeys.fromCryptoKey(await SigningKeys.importPrivateKey(alg, jwk), { algorithm: alg }),
            jwk,
            kept
          ),
        // its words may quote the key
        catch: () => undefined
      }).pipe(Effect.catchAll(() => unusable(mode)))
  })

/** What an authorization server, or an API, says that wants a nonce. */
export const wantsNonce = "use_dpop_nonce"

/** A browser shows a program only the headers that the server names. */
export const noNonce =
  "the server wants a nonce in the proof and gives none; to programs in browsers it has to expose " +
  "the header DPoP-Nonce (Access-Control-Expose-Headers)"

/** What they say of a proof that they refuse, be it for its time. */
export const refusesProof = "invalid_dpop_proof"

const unusable = (mode: string) =>
  new CredentialUnavailable({ mode, problem: "the key that the token is bound to cannot be used", final: true })

/** What a verifier may see: only members of public keys (RFC 7518 sections 6.2.1 and 6.3.1, RFC 8037 section 2). */
const publicHalf = (jwk: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    ["kty", "crv", "x", "y", "n", "e"].flatMap((name) => typeof jwk[name] === "string" ? [[name, jwk[name]]] : [])
  )

const generable: ReadonlyArray<Algorithm> = ["ES256", "ES384", "EdDSA", "PS256", "RS256"]

const decodeKept = Schema.decodeOption(Schema.parseJson(Schema.Struct(
  { alg: Schema.Literal("ES256", "ES384", "EdDSA", "PS256", "RS256"), kty: Schema.String },
  { key: Schema.String, value: Schema.Unknown }
)))
