/**
 * ID tokens: what an authorization server says of the person who logged in (OpenID Connect Core section 3.1.3.7). They are
 * verified only where that is asked for. One that came from the token endpoint over TLS needs no check of its signature; one
 * that came any other way does.
 *
 * @since 0.1.0
 */
import type { ExchangeError, InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { checkedUrl } from "./internal/checkedUrl.ts"
import * as Document from "./internal/document.ts"
import * as Jose from "./internal/jose.ts"

/**
 * What an ID token states. Times are in seconds since the epoch, by the server's clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Claims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | ReadonlyArray<string>
  readonly azp?: string | undefined
  readonly exp: number
  readonly iat: number
  readonly nbf?: number | undefined
  readonly nonce?: string | undefined
  readonly [name: string]: unknown
}

/**
 * The parts of an ID token, of which nothing is known to be true.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decoded {
  readonly algorithm: string
  readonly isSigned: boolean
  readonly claims: Claims
}

/**
 * What an ID token has to state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Expected {
  /** The server that was asked, character by character. */
  readonly issuer: string
  /** The client that asked. */
  readonly clientId: string
  /** What the authorization request sent. Default: none was sent, and none is looked at. */
  readonly nonce?: Redacted.Redacted | undefined
  /** How far the clocks may differ. Default: 30 seconds. */
  readonly tolerance?: DurationWithUnit | undefined
}

/**
 * A set of public keys (RFC 7517 section 5), or the server's `jwks_uri`, which is read for each token.
 *
 * @since 0.1.0
 * @category models
 */
export type Keys = string | { readonly keys: ReadonlyArray<Readonly<Record<string, unknown>>> }

/**
 * What is wrong with an ID token.
 *
 * - `Malformed`: it is no JWT with the claims that every ID token has; or it is encrypted
 * - `Unsigned`: its algorithm is `none`
 * - `Issuer`, `Audience`: it is from another server, or for another client
 * - `AuthorizedParty`: it is for several, and was issued to another one
 * - `Expired`, `NotYetValid`: it is good no more, or not yet
 * - `Nonce`: it answers another request
 * - `Signature`: none of the keys has made its signature
 *
 * @since 0.1.0
 * @category models
 */
export type Problem =
  | "Audience"
  | "AuthorizedParty"
  | "Expired"
  | "Issuer"
  | "Malformed"
  | "Nonce"
  | "NotYetValid"
  | "Signature"
  | "Unsigned"

/**
 * Reads an ID token without believing it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (idToken: Redacted.Redacted): Either.Either<Decoded, Problem> => {
  const [header, payload, signature, ...others] = Redacted.value(idToken).split(".", 4)
  if (header === undefined || payload === undefined || signature === undefined || others.length > 0) {
    return Either.left("Malformed")
  }
  return Either.mapBoth(Either.all({ header: part(HeaderJson, header), claims: part(ClaimsJson, payload) }), {
    onLeft: (): Problem => "Malformed",
    onRight: ({ claims, header }) => ({ algorithm: header.alg, isSigned: signature !== "", claims })
  })
}

/**
 * Whether an ID token states what it has to, at an instant in epoch milliseconds. Its signature is another matter.
 *
 * @since 0.1.0
 * @category decisions
 */
export const check = (
  { algorithm, claims, isSigned }: Decoded,
  expected: Expected,
  now: number
): Either.Either<Claims, Problem> => {
  const { aud, azp, exp, iat, iss, nbf = iat, nonce } = claims
  const audiences = typeof aud === "string" ? [aud] : aud
  const tolerance = Duration.toSeconds(expected.tolerance ?? defaultTolerance)
  const seconds = now / 1000
  const problems: ReadonlyArray<readonly [Problem, boolean]> = [
    ["Unsigned", algorithm.toLowerCase() === "none" || !isSigned],
    ["Issuer", iss !== expected.issuer],
    ["Audience", !audiences.includes(expected.clientId)],
    ["AuthorizedParty", azp === undefined ? audiences.length > 1 : azp !== expected.clientId],
    ["Expired", seconds >= exp + tolerance],
    ["NotYetValid", Math.max(iat, nbf) > seconds + tolerance],
    ["Nonce", expected.nonce !== undefined && nonce !== Redacted.value(expected.nonce)]
  ]
  const found = problems.find(([, isFound]) => isFound)
  return found === undefined ? Either.right(claims) : Either.left(found[0])
}

/**
 * The claims of an ID token, if it states what it has to by the Clock and, where `keys` are given, one of them has signed it
 * with an asymmetric algorithm. Fails with `MalformedTokenResponse`, whose `code` is the {@link Problem}; it quotes nothing.
 *
 * @example
 * ```ts
 * import type * as Token from "@effect-auth/core/Token"
 * import * as IdToken from "@effect-auth/oauth/IdToken"
 * import * as Effect from "effect/Effect"
 *
 * const subjectOf = ({ idToken }: Token.Token) =>
 *   idToken === undefined
 *     ? Effect.succeedNone
 *     : Effect.asSome(
 *       IdToken.verify(idToken, {
 *         mode: "Acme",
 *         issuer: "https://login.acme.example",
 *         clientId: "reporting",
 *         keys: "https://login.acme.example/jwks"
 *       })
 *     )
 * ```
 *
 * @since 0.1.0
 * @category verification
 */
export const verify = (
  idToken: Redacted.Redacted,
  options: Expected & {
    /** The mode the token is for; shown in errors. */
    readonly mode: string
    /** Default: the signature is not looked at. */
    readonly keys?: Keys | undefined
  }
): Effect.Effect<Claims, ExchangeError | InvalidSetting | InsecureTransport, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { keys, mode } = options
    const refused = (problem: Problem) =>
      new MalformedTokenResponse({ mode, code: problem, detail: `the ID token ${explanations[problem]}` })
    const now = yield* Clock.currentTimeMillis
    // the claims first: for a token that is no good anyway no key is asked for
    const claims = yield* Either.mapLeft(
      Either.flatMap(decode(idToken), (decoded) => check(decoded, options, now)),
      refused
    )
    if (keys !== undefined && !(yield* isSignedBy(idToken, yield* keySet(keys, mode)))) {
      return yield* refused("Signature")
    }
    return claims
  })

const keySet = (keys: Keys, mode: string) =>
  typeof keys !== "string"
    ? Effect.succeed(keys)
    : Effect.flatMap(
      HttpClient.HttpClient,
      (client) =>
        Effect.zipRight(
          checkedUrl("keys", keys),
          Document.fetched(client, keys, KeySet, { mode, endpoint: "the server of the keys" })
        )
    )

const isSignedBy = (
  idToken: Redacted.Redacted,
  { keys }: Exclude<Keys, string>
): Effect.Effect<boolean, InvalidSetting> =>
  Effect.flatMap(Jose.load, ({ compactVerify, createLocalJWKSet, errors }) => {
    const verified = (key: Parameters<typeof compactVerify>[1]) =>
      compactVerify(Redacted.value(idToken), key).then(() => true)
    return Effect.promise(async () => {
      try {
        // it takes no algorithm with a symmetric key, by which whoever can verify can also sign
        const set = createLocalJWKSet({ keys: keys.map((key) => ({ ...key })) })
        return await verified(set)
      } catch (error) {
        // several keys without an id: any of them may have signed it
        if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return false
        for await (const key of error) {
          if (await verified(key).catch(() => false)) return true
        }
        return false
      }
    })
  })

const defaultTolerance = Duration.seconds(30)

const explanations: Record<Problem, string> = {
  Malformed: "cannot be read",
  Unsigned: "is not signed",
  Issuer: "is from another server",
  Audience: "is for another client",
  AuthorizedParty: "was issued to another client",
  Expired: "has expired",
  NotYetValid: "is not valid yet (is the clock right?)",
  Nonce: "answers another login",
  Signature: "is not signed by a key of the server"
}

const part = <A, I>(schema: Schema.Schema<A, I>, text: string): Either.Either<A, unknown> =>
  Either.flatMap(
    Encoding.decodeBase64UrlString(text),
    Schema.decodeUnknownEither(Schema.parseJson(schema))
  )

const HeaderJson = Schema.Struct({ alg: Schema.String })

const ClaimsJson = Schema.Struct(
  {
    iss: Schema.String,
    sub: Schema.NonEmptyString,
    aud: Schema.Union(Schema.String, Schema.Array(Schema.String)),
    azp: Document.member(Schema.String),
    exp: Schema.Finite,
    iat: Schema.Finite,
    nbf: Document.member(Schema.Finite),
    nonce: Document.member(Schema.String)
  },
  { key: Schema.String, value: Schema.Unknown }
)

const KeySet = Schema.Struct({
  keys: Schema.Array(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
})
