/** What all modes of Qualys share: the client's tag, options, what layers provide, and how a client is made of a proof. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type * as Authenticator from "@effect-auth/core/Authenticator"
import type { InvalidSetting, SetupError } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import type { Fields, Given, Inferred } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import type { RateLimitPolicy } from "@effect-auth/rate-limit/RateLimitPolicy"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Platform from "../Platform.ts"
import type * as QualysCredential from "../QualysCredential.ts"
import * as QualysQuota from "../QualysQuota.ts"
import * as RequestedWith from "./requestedWith.ts"

// @effect-diagnostics-next-line deterministicKeys:off -- every system's client has the key `<package>/Client`
export class QualysClient
  extends Context.Tag("@effect-auth/qualys/Client")<QualysClient, AuthenticatedHttpClient.Service>()
{}

/**
 * The mode of a credential: `Qualys/Basic`, `Qualys/Session`, `Qualys/Jwt`, `Qualys/ClientCredentials` or
 * `Qualys/Bearer`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends { readonly _tag: TaggedCredential["_tag"] }> = `Qualys/${C["_tag"]}`

/**
 * The name of a mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeName = Mode<TaggedCredential>

/**
 * User name and password, as `Qualys.credentialConfig` or `QualysCredential` give them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Login {
  readonly username: string
  readonly password: Redacted.Redacted
  /** A JWT obtained before. The mode `Qualys/Jwt` uses it while it is valid. */
  readonly token?: Redacted.Redacted | null | undefined
  readonly platform?: Platform.Platform | undefined
}

/**
 * The credential of `make` and `layer`: a class or a plain object of its fields, whose `_tag` is the mode.
 *
 * @since 0.1.0
 * @category models
 */
export type TaggedCredential =
  | (Login & { readonly _tag: "Basic" })
  | TokenCredential
  | Fields<Credential.Bearer>

/** The credentials that are exchanged for tokens. */
export type TokenCredential =
  | (Login & { readonly _tag: "Jwt" | "Session" })
  | Fields<QualysCredential.ClientCredentials>

/**
 * The settings of every mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends Omit<System.Settings, "baseUrl"> {
  /** The platform of the account. Default: the credential's platform, else `qg3`. */
  readonly platform?: Platform.Platform | undefined
}

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions extends Omit<System.PlainOptions, "rateLimiter"> {
  /**
   * Respects the subscription's quotas: a limiter, or the policy of one. Default: `QualysQuota.policy`, which waits as
   * long as Qualys says, a day at most.
   */
  readonly rateLimiter?: RateLimiter.RateLimiter | RateLimitPolicy | undefined
  /**
   * Whether the JWT goes to the API host as well, where the newer versions of some APIs take it. Relative URLs stay below
   * the gateway. `Qualys/Jwt` alone has a choice. Default: no.
   */
  readonly alsoApi?: boolean | undefined
}

/**
 * The options of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Settings, PlainOptions {}

/**
 * What the layer of a mode provides: the shared client, the client of Qualys, the evidence of the mode, and what the mode
 * can access.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Name extends string, Access = never, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | QualysClient | AuthMode.Evidence<Name> | Access,
  SetupError | E,
  HttpClient.HttpClient | Inferred<R>
>

export type Needs = HttpClient.HttpClient | Scope.Scope

export type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

/** The platform and its hosts. */
export interface Place {
  readonly platform: Platform.Platform
  readonly hosts: Platform.Hosts
}

/** As the options say, else as the credential says; one that an Effect gives says nothing. */
export const located = <R>(
  given: Given<Login, R> | undefined,
  options: Options
): Either.Either<Place, InvalidSetting> => {
  const stated = given === undefined || Effect.isEffect(given) ? undefined : given.platform
  const platform = options.platform ?? stated ?? Platform.defaultPlatform
  return Either.map(Platform.hosts(platform), (hosts) => ({ platform, hosts }))
}

export const modeOf = <C extends TaggedCredential>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `Qualys/${tag}`
}

/** Relative URLs are below the first host. */
export const bind = (
  authenticator: Authenticator.Authenticator,
  options: Options,
  [baseUrl, ...others]: readonly [string, ...ReadonlyArray<string>]
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const limiter = options.rateLimiter ?? QualysQuota.policy
    return yield* AuthenticatedHttpClient.make(authenticator, {
      ...options,
      baseUrl,
      origins: [...others, ...(options.origins ?? [])],
      defaultHeaders: RequestedWith.headers,
      rateLimiter: RateLimiter.isRateLimiter(limiter) ? limiter : yield* RateLimiter.make(limiter)
    })
  })

export const layerOf = <const Name extends string, E, R = never>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, Needs | R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | QualysClient | AuthMode.Evidence<Name>,
  E,
  HttpClient.HttpClient | Inferred<R>
> =>
  System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient | QualysClient | AuthMode.Evidence<Name>, E, R>(
    AuthenticatedHttpClient.layerMode({ mode, client: QualysClient }, make)
  )
