/**
 * How a mode authenticates requests and reads refusals. Modes without a session write what they know; modes with one are
 * built over a `TokenSource`.
 *
 * @since 0.1.0
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { ExchangeError, OriginRefused } from "./AuthError.ts"
import { CredentialUnavailable } from "./AuthError.ts"
import type * as Credential from "./Credential.ts"
import type { CredentialSource, Untagged } from "./CredentialSource.ts"
import type {
  ActiveCredentials,
  Authenticator,
  BodyReview,
  Made,
  Options,
  Review
} from "./internal/request/activeCredentials.ts"
import * as Active from "./internal/request/activeCredentials.ts"
import * as Reread from "./internal/request/reread.ts"
import { fromTokens } from "./internal/request/tokenCredentials.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import * as RequestCredentials from "./RequestCredentials.ts"
import type { TokenSource } from "./TokenSource.ts"

export type { ActiveCredentials, Authenticator, BodyReview, Made, Options, Review }

export {
  /**
   * The answer to a request whose credentials were good.
   *
   * @since 0.1.0
   * @category reviews
   */
  accepted,
  /**
   * What the `WWW-Authenticate` field says (RFC 9110 section 11.6.1): the error it states, or what the server asks for.
   *
   * @since 0.1.0
   * @category reviews
   */
  explainChallenge,
  /**
   * The answer to a request whose credentials were not accepted.
   *
   * @since 0.1.0
   * @category reviews
   */
  refused,
  /**
   * A refusal that states what the token lacks is a demand: `insufficient_scope` (RFC 6750 section 3.1),
   * `insufficient_user_authentication` (RFC 9470) and `insufficient_claims`, in a 401 or a 403. Anything else is reviewed
   * as by {@link reviewStatus}.
   *
   * @since 0.1.0
   * @category reviews
   */
  reviewDemands,
  /**
   * 401 is a refusal (RFC 9110 section 15.5.2), everything else is not: a 403 means that the server knows who is asking.
   *
   * @since 0.1.0
   * @category reviews
   */
  reviewStatus
} from "./internal/request/activeCredentials.ts"

export {
  /**
   * All authenticators at once on every request, such as an API key and a session. A refusal does not say which of them
   * it concerns, so each is renewed that can be.
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
   * One authenticator for each origin of a client, by URL. Fails with `InvalidSetting` when a key is not a URL of an
   * origin. A request to an origin that is not among them fails with `OriginRefused`.
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
   * The first authenticator whose credential is available, decided anew for each request. It goes on to the next one
   * only after `CredentialUnavailable`: a rejected credential is a mistake, and silently using another one would hide it.
   * When none is available, `CredentialUnavailable` lists every attempt.
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
} from "./internal/request/composition.ts"

export {
  /**
   * The current token of a source, written on requests in the mode's own way. `credentials` is called once for each token.
   *
   * @since 0.1.0
   * @category constructors
   */
  fromTokens,
  /**
   * {@link perRequest} with the current token of a source, such as a proof of possession for it (RFC 9449). What is the same for
   * all requests of a token, `credentials`, is made once; what is made for each is written after it. A refusal renews the token;
   * a review that answers `Repeat`, such as to a nonce, has the same token proved anew.
   *
   * @example
   * ```ts
   * import * as Authenticator from "@effect-auth/core/Authenticator"
   * import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
   * import type * as Token from "@effect-auth/core/Token"
   * import type { TokenSource } from "@effect-auth/core/TokenSource"
   * import * as Effect from "effect/Effect"
   * import type * as Redacted from "effect/Redacted"
   *
   * declare const tokens: TokenSource
   * declare const sign: (url: string, token: Token.Token, now: number) => Effect.Effect<Redacted.Redacted>
   *
   * const authenticator = Authenticator.perRequestFromTokens(tokens, (token, request, now) =>
   *   Effect.map(sign(request.url, token, now), (signature) => ({
   *     credentials: RequestCredentials.header("x-signature", signature)
   *   })), { mode: "Acme/Signed", credentials: (token) => RequestCredentials.bearer(token.value) })
   * ```
   *
   * @since 0.1.0
   * @category constructors
   */
  perRequestFromTokens
} from "./internal/request/tokenCredentials.ts"

/**
 * HTTP Basic (RFC 7617) in UTF-8.
 *
 * @since 0.1.0
 * @category constructors
 */
export const basic = (
  credential: Untagged<Credential.Basic>,
  options?: Options
): Authenticator => fixed(RequestCredentials.basic(credential), { ...options, mode: options?.mode ?? "Basic" })

/**
 * A bearer token (RFC 6750): a fixed one, or the current one of a token source.
 *
 * @example
 * ```ts
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as Redacted from "effect/Redacted"
 *
 * const authenticator = Authenticator.bearer({ token: Redacted.make("...") })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const bearer = (token: TokenSource | Untagged<Credential.Bearer>, options?: Options): Authenticator => {
  const settings = { ...options, mode: options?.mode ?? "Bearer" }
  return "get" in token
    ? fromTokens(token, { ...settings, credentials: (token) => RequestCredentials.bearer(token.value) })
    : fixed(RequestCredentials.bearer(token.token), settings)
}

/**
 * An API key in a header, a query parameter or a cookie.
 *
 * @example
 * ```ts
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as Redacted from "effect/Redacted"
 *
 * const authenticator = Authenticator.apiKey({ key: Redacted.make("..."), in: "header", name: "x-api-key" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const apiKey = (credential: Untagged<Credential.ApiKey>, options?: Options): Authenticator =>
  fixed(RequestCredentials.apiKey(credential), { ...options, mode: options?.mode ?? "ApiKey" })

/**
 * The current token of a source as the cookie of this name.
 *
 * @since 0.1.0
 * @category constructors
 */
export const cookie = (tokens: TokenSource, options: Options & { readonly name: string }): Authenticator =>
  fromTokens(tokens, {
    ...options,
    mode: options.mode ?? "Cookie",
    credentials: (token) => RequestCredentials.cookie(options.name, token.value)
  })

/**
 * Credentials from a source that may change while the program runs. A credential that never changes is written on every
 * request. One that is read by an Effect is read before the first request, and again after a refusal, at most once per
 * `coolDown` (default: that of `RefreshPolicy.default`): a new value is tried at once, and the same value makes the
 * refusal final.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromCredential = <C>(
  source: CredentialSource<C>,
  options: Options & {
    readonly mode: string
    readonly credentials: (credential: C) => RequestCredentials.RequestCredentials
    readonly coolDown?: Duration.Duration | undefined
  }
): Authenticator =>
  Option.match(source.fixed, {
    onSome: (credential) => fixed(options.credentials(credential), options),
    onNone: () =>
      Reread.make(source.read, {
        mode: options.mode,
        coolDown: options.coolDown ?? RefreshPolicy.default.coolDown,
        proveWith: (credential, reject) => {
          const proved = Exit.fromEither(Active.make(options, options.credentials(credential), reject))
          return () => proved
        }
      })
  })

/**
 * Credentials made for each request, such as a signature over it. They are made after redirects and before each attempt,
 * for the request that is sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const perRequest = (
  make: (
    request: HttpClientRequest.HttpClientRequest,
    now: number
  ) => Effect.Effect<RequestCredentials.RequestCredentials, ExchangeError | OriginRefused>,
  options: Options & { readonly mode: string }
): Authenticator => ({
  mode: options.mode,
  prove: (request, now) =>
    Effect.flatMap(Effect.suspend(() => make(request, now)), (credentials) => Active.make(options, credentials, giveUp))
})

/**
 * {@link perRequest} with a credential from a source, such as a signature with a key that is rotated while the program
 * runs. The credential is read and read again as by {@link fromCredential}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const perRequestFromCredential = <C>(
  source: CredentialSource<C>,
  make: (
    credential: C,
    request: HttpClientRequest.HttpClientRequest,
    now: number
  ) => Effect.Effect<Made, ExchangeError | OriginRefused>,
  options: Options & { readonly mode: string; readonly coolDown?: Duration.Duration | undefined }
): Authenticator => {
  const proveWith = (credential: C, reject: ActiveCredentials["reject"]): Authenticator["prove"] => (request, now) =>
    Effect.flatMap(
      Effect.suspend(() => make(credential, request, now)),
      (made) => Active.makeOf(options, made, reject)
    )
  return Option.match(source.fixed, {
    onSome: (credential) => ({ mode: options.mode, prove: proveWith(credential, giveUp) }),
    onNone: () =>
      Reread.make(source.read, {
        mode: options.mode,
        coolDown: options.coolDown ?? RefreshPolicy.default.coolDown,
        proveWith
      })
  })
}

/**
 * The same credentials on every request.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fixed = (
  credentials: RequestCredentials.RequestCredentials,
  options: Options & { readonly mode: string }
): Authenticator => {
  const proved = Exit.fromEither(Active.make(options, credentials, giveUp))
  return { mode: options.mode, prove: () => proved }
}

/**
 * A credential that is missing; `problem` says what is missing and where it was looked for. {@link firstAvailable} skips
 * it; by itself it fails every request with `CredentialUnavailable`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unavailable = (options: { readonly mode: string; readonly problem: string }): Authenticator => ({
  mode: options.mode,
  prove: () => Effect.fail(new CredentialUnavailable({ ...options, final: true }))
})

const giveUp: ActiveCredentials["reject"] = () => Effect.succeed("fail")
