/** Proofs of possession at an OAuth server (RFC 9449 section 4.3): what one says, and whether it is good. */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { hashOf, urlOf } from "./oauthRequest.ts"

/** `key` is the thumbprint of the key that was proved (RFC 7638), `id` what is unique of a proof. */
export type Proof =
  | { readonly _tag: "None" }
  | { readonly _tag: "Good"; readonly key: string; readonly id: string }
  | { readonly _tag: "Bad"; readonly error: "invalid_dpop_proof" | "use_dpop_nonce" }

/** What a proof has to be for, beside the request that it comes with. */
export interface Expected {
  /** In epoch milliseconds. */
  readonly now: number
  /** `undefined`: none is asked for. */
  readonly nonce: string | undefined
  /** That it goes with; `undefined` where there is none yet. */
  readonly token: string | undefined
}

export const algorithms = ["ES256", "ES384", "EdDSA", "PS256", "RS256"] as const

export const none: Proof = { _tag: "None" }

export const bad: Proof = { _tag: "Bad", error: "invalid_dpop_proof" }

export const read = (
  request: HttpServerRequest.HttpServerRequest,
  { nonce, now, token }: Expected
): Effect.Effect<Proof> =>
  Effect.gen(function*() {
    const text = request.headers["dpop"]
    if (text === undefined) return none
    const proof = Option.getOrUndefined(parsed(text))
    if (proof === undefined || !(yield* isSigned(proof))) return bad
    const { ath, htm, htu, iat, jti, nonce: stated } = proof.claims
    const { origin, pathname } = urlOf(request)
    const isForThis = htm === request.method && htu === origin + pathname &&
      ath === (token === undefined ? undefined : yield* hashOf(token))
    if (!isForThis || Math.abs(iat * 1000 - now) > tolerated) return bad
    if (nonce !== undefined && stated !== nonce) return { _tag: "Bad", error: "use_dpop_nonce" }
    return { _tag: "Good", key: yield* thumbprint(proof.header.jwk), id: jti }
  })

/** The thumbprint of the key that was proved. */
export const keyOf = (proof: Proof): string | undefined => proof._tag === "Good" ? proof.key : undefined

const Text = Schema.optionalWith(Schema.String, { exact: true })

const Jwk = Schema.Struct({
  kty: Schema.String,
  crv: Text,
  x: Text,
  y: Text,
  n: Text,
  e: Text,
  // of a private key, which nobody may show
  d: Schema.optional(Schema.Never)
})

const Header = Schema.Struct({
  typ: Schema.Literal("dpop+jwt"),
  alg: Schema.Literal(...algorithms),
  jwk: Jwk
})

const Claims = Schema.Struct({
  jti: Schema.NonEmptyString,
  htm: Schema.String,
  htu: Schema.String,
  iat: Schema.Number,
  ath: Schema.optional(Schema.String),
  nonce: Schema.optional(Schema.String)
})

interface Parsed {
  readonly header: typeof Header.Type
  readonly claims: typeof Claims.Type
  readonly input: string
  readonly signature: Uint8Array
}

const parsed = (text: string): Option.Option<Parsed> => {
  const [header = "", claims = "", signature = "", ...others] = text.split(".")
  return others.length > 0 ? Option.none() : Option.all({
    header: member(Header, header),
    claims: member(Claims, claims),
    input: Option.some(`${header}.${claims}`),
    signature: Either.getRight(Encoding.decodeBase64Url(signature))
  })
}

const member = <A, I>(schema: Schema.Schema<A, I>, text: string): Option.Option<A> =>
  Option.flatMap(
    Either.getRight(Encoding.decodeBase64UrlString(text)),
    Schema.decodeOption(Schema.parseJson(schema))
  )

const isSigned = ({ header: { alg, jwk }, input, signature }: Parsed): Effect.Effect<boolean> =>
  Effect.tryPromise(async () => {
    const { keys, signatures = keys } = parameters[alg]
    const { d: _, ...shown } = jwk
    const key = await globalThis.crypto.subtle.importKey("jwk", shown, keys, false, ["verify"])
    const bytes = new TextEncoder().encode(input)
    return globalThis.crypto.subtle.verify(signatures, key, new Uint8Array(signature), bytes)
  }).pipe(Effect.orElseSucceed(() => false))

/** RFC 7638 section 3.2. */
const thumbprint = (jwk: typeof Jwk.Type): Effect.Effect<string> =>
  hashOf(JSON.stringify(Object.fromEntries(
    Object.entries(jwk).sort(([a], [b]) => a < b ? -1 : 1)
  )))

/** How keys are imported, and what signatures are made with, where that is more. */
const parameters: Record<(typeof algorithms)[number], {
  readonly keys: EcKeyImportParams | RsaHashedImportParams
  readonly signatures?: EcdsaParams | RsaPssParams
}> = {
  ES256: { keys: { name: "ECDSA", namedCurve: "P-256" }, signatures: { name: "ECDSA", hash: "SHA-256" } },
  ES384: { keys: { name: "ECDSA", namedCurve: "P-384" }, signatures: { name: "ECDSA", hash: "SHA-384" } },
  EdDSA: { keys: { name: "Ed25519", namedCurve: "Ed25519" } },
  PS256: { keys: { name: "RSA-PSS", hash: "SHA-256" }, signatures: { name: "RSA-PSS", saltLength: 32 } },
  RS256: { keys: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" } }
}

/** In milliseconds: how far the clocks may be apart. */
const tolerated = 300_000
