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
import type * as Credential from "./Credential.ts"
import type { Token } from "./Token.ts"
import type { TokenSource } from "./TokenSource.ts"
import type { Rung } from "./TokenState.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Authenticator {
  /** The mode's name, such as `Qualys/Jwt`; shown in errors. */
  readonly mode: string
  /** Every place on a request that this authenticator ever writes to. */
  readonly places: Places
  /** Obtains a proof for a request: at once when there is a good one, else after a login. */
  readonly prove: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<Proof, AuthError>
  readonly review: (response: HttpClientResponse.HttpClientResponse) => Review
  /** Reads from a refusal what a person should know. Runs at most once per failed request. */
  readonly explain: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<Explanation>
}

/**
 * A proof of identity that is good for any number of requests until the server refuses it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proof {
  readonly sign: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  /**
   * Tells that the server refused this proof, for a request that has already climbed to `climbed`; answers the rung by
   * which `prove` will come by another, or `fail`.
   */
  readonly refuse: (climbed: Rung) => Effect.Effect<Rung>
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
  readonly review?: Authenticator["review"] | undefined
  /** Default: nothing to add. */
  readonly explain?: Authenticator["explain"] | undefined
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
    const proof = { sign: options.sign(token).sign, refuse: (climbed: Rung) => tokens.reject(token, climbed) }
    MutableRef.set(latest, { token, proof })
    return proof
  }
  const prove = Effect.map(tokens.get, proofOf)
  return make(options, options.places ?? authorization("").places, () => prove)
}

/**
 * Something written on every request that never changes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fixed = (options: Options & { readonly mode: string }, signature: Signature): Authenticator => {
  const proof = Effect.succeed<Proof>({ sign: signature.sign, refuse: () => Effect.succeed("fail") })
  return make(options, signature.places, () => proof)
}

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
  places: {
    headers: all.flatMap(({ places }) => places.headers),
    urlParams: all.flatMap(({ places }) => places.urlParams),
    cookies: all.flatMap(({ places }) => places.cookies)
  },
  sign: (request) => all.reduce((request, { sign }) => sign(request), request)
})

const make = (
  options: Options & { readonly mode: string },
  places: Places,
  prove: Authenticator["prove"]
): Authenticator => ({
  mode: options.mode,
  places,
  prove,
  review: options.review ?? reviewStatus,
  explain: options.explain ?? (() => Effect.succeed({}))
})
