/**
 * How a mode puts its proof on a request, and how it reads a refusal. Modes without a session sign with what they
 * know; modes with one are built over a `TokenSource`.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type { AuthError } from "./AuthError.ts"
import { CredentialUnavailable } from "./AuthError.ts"
import * as Challenge from "./Challenge.ts"
import type * as Credential from "./Credential.ts"
import * as InPlaces from "./internal/places.ts"
import type { Token } from "./Token.ts"
import type { TokenSource } from "./TokenSource.ts"
import type { Rung } from "./TokenState.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Authenticator {
  /** The mode's name, such as `Qualys/Jwt`. */
  readonly mode: string
  /** Every place on a request that this authenticator ever writes to. */
  readonly places: Places
  /** Obtains a proof for a request (its URL is absolute): at once when there is a good one, else after a login. */
  readonly prove: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<Proof, AuthError>
  /**
   * The proof that `prove` would give at once, whatever the request, at this time (ms); left out where that cannot be told
   * without an effect. It spares a request whose token is fresh the way through `prove`.
   */
  readonly ready?: ((now: number) => Proof | undefined) | undefined
}

/**
 * A proof of identity that is good for any number of requests until the server refuses it, and how its refusal is read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proof {
  /** The mode that it is of; shown in errors. */
  readonly mode: string
  readonly sign: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  /**
   * Tells that the server refused this proof, for a request that has already climbed to `climbed`; answers the rung by
   * which `prove` will come by another, or `fail`.
   */
  readonly refuse: (climbed: Rung) => Effect.Effect<Rung>
  readonly review: (response: HttpClientResponse.HttpClientResponse) => Review
  /** Reads from a refusal what a person should know. Runs at most once per failed request. */
  readonly explain: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<Explanation>
}

/**
 * Names of headers (lower case), query parameters and cookies that carry credentials.
 *
 * @since 0.1.0
 * @category models
 */
export interface Places {
  readonly headers: ReadonlyArray<string>
  readonly urlParams: ReadonlyArray<string>
  readonly cookies: ReadonlyArray<string>
}

/**
 * - `Accepted`: the proof was good, whatever else the answer says
 * - `Refused`: the proof was not accepted; another one may be
 * - `Failed`: renewing the proof cannot help
 *
 * @since 0.1.0
 * @category models
 */
export type Review =
  | { readonly _tag: "Accepted" }
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Failed"; readonly error: AuthError }

/**
 * The server's own code for a refusal and a sentence about it; without secrets.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

/**
 * A way of writing on a request, and the places it writes to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Signature {
  readonly sign: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  readonly places: Places
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly mode?: string | undefined
  /** Default: {@link reviewStatus}. */
  readonly review?: Proof["review"] | undefined
  /** Default: {@link explainChallenge}. */
  readonly explain?: Proof["explain"] | undefined
}

/**
 * @since 0.1.0
 * @category reviews
 */
export const accepted: Review = { _tag: "Accepted" }

/**
 * @since 0.1.0
 * @category reviews
 */
export const refused: Review = { _tag: "Refused" }

/**
 * 401 is a refusal (RFC 9110 section 15.5.2), everything else is not: 403 means that the server knows who is asking.
 *
 * @since 0.1.0
 * @category reviews
 */
export const reviewStatus = (response: HttpClientResponse.HttpClientResponse): Review =>
  response.status === 401 ? refused : accepted

/**
 * What the `WWW-Authenticate` field tells (RFC 9110 section 11.6.1): the error that it states, or what the server asks
 * for.
 *
 * @since 0.1.0
 * @category reviews
 */
export const explainChallenge = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Explanation> =>
  Effect.succeed(Challenge.explain(Challenge.fromHeaders(response.headers)))

/**
 * HTTP Basic (RFC 7617) in UTF-8.
 *
 * @since 0.1.0
 * @category constructors
 */
export const basic = (
  credential: { readonly username: string; readonly password: Redacted.Redacted },
  options?: Options
): Authenticator => fixed({ ...options, mode: options?.mode ?? "Basic" }, userPass(credential))

/**
 * A bearer token (RFC 6750): a fixed one, or the current one of a token source.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bearer = (token: TokenSource | Credential.Bearer, options?: Options): Authenticator => {
  const settings = { ...options, mode: options?.mode ?? "Bearer" }
  return "get" in token
    ? fromTokens(token, { ...settings, sign: (token) => authorization(`Bearer ${Redacted.value(token.value)}`) })
    : fixed(settings, authorization(`Bearer ${Redacted.value(token.token)}`))
}

/**
 * An API key in a header, a query parameter or a cookie.
 *
 * @since 0.1.0
 * @category constructors
 */
export const apiKey = (credential: Credential.ApiKey, options?: Options): Authenticator => {
  const settings = { ...options, mode: options?.mode ?? "ApiKey" }
  const key = Redacted.value(credential.key)
  switch (credential.in) {
    case "header":
      return fixed(settings, header(credential.name, key))
    case "query":
      return fixed(settings, urlParam(credential.name, key))
    case "cookie":
      return fixed(settings, cookie(credential.name, key))
  }
}

/**
 * The current token of a source, put on requests in the mode's own way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTokens = (
  tokens: TokenSource,
  options: Options & {
    readonly mode: string
    readonly sign: (token: Token) => Signature
    /** Where `sign` writes to; default: the `Authorization` header. */
    readonly places?: Places | undefined
  }
): Authenticator => {
  // the proof of the current token, so that a header value is built once for a token and not once for a request
  const latest = MutableRef.make<{ readonly token: Token; readonly proof: Proof } | undefined>(undefined)
  const proofOf = (token: Token): Proof => {
    const cached = MutableRef.get(latest)
    if (cached !== undefined && cached.token === token) return cached.proof
    const proof = makeProof(options, options.sign(token), (climbed) => tokens.reject(token, climbed))
    MutableRef.set(latest, { token, proof })
    return proof
  }
  const prove = Effect.map(tokens.get, proofOf)
  return {
    mode: options.mode,
    places: options.places ?? authorization("").places,
    prove: () => prove,
    ready: (now) => {
      const token = tokens.peek(now)
      return token === undefined ? undefined : proofOf(token)
    }
  }
}

/**
 * Something written on every request that never changes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fixed = (options: Options & { readonly mode: string }, signature: Signature): Authenticator => {
  const proof = makeProof(options, signature, () => Effect.succeed("fail"))
  return { mode: options.mode, places: signature.places, prove: () => Effect.succeed(proof), ready: () => proof }
}

/**
 * A credential that is not there; `problem` says what is missing and where it was looked for. Something for
 * {@link firstAvailable} to pass over; by itself it fails every request with `CredentialUnavailable`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unavailable = (options: { readonly mode: string; readonly problem: string }): Authenticator => ({
  mode: options.mode,
  places: { headers: [], urlParams: [], cookies: [] },
  prove: () => Effect.fail(new CredentialUnavailable(options))
})

export {
  /**
   * All proofs at once on every request, such as an API key and a session. A refusal does not say which of them it
   * means, so each is renewed that can be.
   *
   * @example
   * ```ts
   * import * as Authenticator from "@effect-auth/core/Authenticator"
   * import type * as Credential from "@effect-auth/core/Credential"
   * import type { TokenSource } from "@effect-auth/core/TokenSource"
   *
   * declare const key: Credential.ApiKey
   * declare const session: TokenSource
   *
   * const authenticator = Authenticator.all(Authenticator.apiKey(key), Authenticator.bearer(session))
   * ```
   *
   * @since 0.1.0
   * @category combinators
   */
  all,
  /**
   * One authenticator for each origin of a client, by URL. Fails with `InvalidSetting` when a key is no such URL. A
   * request to an origin that is not among them fails with `OriginRefused`.
   *
   * @example
   * ```ts
   * import * as Authenticator from "@effect-auth/core/Authenticator"
   *
   * declare const api: Authenticator.Authenticator
   * declare const gateway: Authenticator.Authenticator
   *
   * const authenticator = Authenticator.byOrigin({
   *   "https://api.acme.example": api,
   *   "https://gateway.acme.example": gateway
   * })
   * ```
   *
   * @since 0.1.0
   * @category combinators
   */
  byOrigin,
  /**
   * The first authenticator whose credential is available, asked for anew with each request. It goes on to the next one
   * only after `CredentialUnavailable`: a credential that was rejected is somebody's mistake, and using another one in
   * silence would hide it. When none is available, `CredentialUnavailable` lists every attempt.
   *
   * @example
   * ```ts
   * import * as Authenticator from "@effect-auth/core/Authenticator"
   * import * as Credential from "@effect-auth/core/Credential"
   * import * as Config from "effect/Config"
   * import * as Option from "effect/Option"
   *
   * declare const fallback: Credential.Basic
   *
   * const authenticator = Config.map(Config.option(Credential.bearerConfig("ACME")), (bearer) =>
   *   Authenticator.firstAvailable(
   *     Option.match(bearer, {
   *       onNone: () => Authenticator.unavailable({ mode: "Bearer", problem: "ACME_TOKEN is not set" }),
   *       onSome: (credential) => Authenticator.bearer(credential)
   *     }),
   *     Authenticator.basic(fallback)
   *   ))
   * ```
   *
   * @since 0.1.0
   * @category combinators
   */
  firstAvailable
} from "./internal/composition.ts"

/**
 * Writes the `Authorization` header.
 *
 * @since 0.1.0
 * @category signatures
 */
export const authorization = (value: string): Signature => header("authorization", value)

/**
 * Writes the `Authorization` header of HTTP Basic (RFC 7617) in UTF-8, for a mode that signs with more than that.
 *
 * @since 0.1.0
 * @category signatures
 */
export const userPass = (
  credential: { readonly username: string; readonly password: Redacted.Redacted }
): Signature =>
  authorization(`Basic ${Encoding.encodeBase64(`${credential.username}:${Redacted.value(credential.password)}`)}`)

/**
 * Writes a header.
 *
 * @since 0.1.0
 * @category signatures
 */
export const header = (name: string, value: string): Signature => ({
  places: { headers: [name.toLowerCase()], urlParams: [], cookies: [] },
  sign: (request) => HttpClientRequest.setHeader(request, name, value)
})

/**
 * Writes a query parameter.
 *
 * @since 0.1.0
 * @category signatures
 */
export const urlParam = (name: string, value: string): Signature => ({
  places: { headers: [], urlParams: [name], cookies: [] },
  sign: (request) => HttpClientRequest.setUrlParam(request, name, value)
})

/**
 * Writes a cookie beside the caller's own, byte for byte as the server sent it (no URI encoding).
 *
 * @since 0.1.0
 * @category signatures
 */
export const cookie = (name: string, value: string): Signature => {
  const pair = `${name}=${value}`
  return {
    places: { headers: [], urlParams: [], cookies: [name] },
    sign: (request) => {
      const others = (request.headers["cookie"] ?? "").split(/; */).filter((other) =>
        other !== "" && !other.startsWith(`${name}=`)
      )
      return HttpClientRequest.setHeader(request, "cookie", [...others, pair].join("; "))
    }
  }
}

/**
 * Several signatures written one after the other.
 *
 * @since 0.1.0
 * @category signatures
 */
export const signatures = (...all: ReadonlyArray<Signature>): Signature => ({
  places: InPlaces.union(all.map(({ places }) => places)),
  sign: (request) => all.reduce((request, { sign }) => sign(request), request)
})

const makeProof = (
  options: Options & { readonly mode: string },
  { sign }: Signature,
  refuse: Proof["refuse"]
): Proof => ({
  mode: options.mode,
  sign,
  refuse,
  review: options.review ?? reviewStatus,
  explain: options.explain ?? explainChallenge
})
