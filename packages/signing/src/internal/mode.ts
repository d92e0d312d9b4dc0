/** What every mode is made of: its options, its client and its layer over an authenticator. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type { Inferred } from "@effect-auth/core/CredentialSource"
import type * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"

/**
 * What only code can give, and is the same for every mode.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions<Self = never>
  extends Pick<AuthenticatedHttpClient.Options, "rateLimiter" | "redirects" | "replay" | "defaultHeaders">
{
  /** The tag of the API's client. Default: the shared client alone. */
  readonly client?: Context.Tag<Self, AuthenticatedHttpClient.Service> | undefined
}

/**
 * The options of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends OriginPolicy.Options, PlainOptions<Self> {}

/**
 * What the layer of a mode provides: the shared client, and the client of the API under its tag.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Self, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | Inferred<Self>,
  SetupError | ExchangeError | E,
  HttpClient.HttpClient | Inferred<R>
>

/**
 * The client of a mode by itself.
 *
 * @since 0.1.0
 * @category models
 */
export type Client<O, R = never> = Effect.Effect<
  AuthenticatedHttpClient.Service<AuthenticatedHttpClient.Failures<O>>,
  SetupError | ExchangeError,
  HttpClient.HttpClient | R
>

/** The authenticator of a mode, as its options make it. */
export type Made<R> = Effect.Effect<
  Authenticator.Authenticator,
  SetupError | ExchangeError,
  HttpClient.HttpClient | R
>

export const makeOf = <const O extends AuthenticatedHttpClient.Options, R>(made: Made<R>, options: O): Client<O, R> =>
  Effect.flatMap(made, (authenticator) => AuthenticatedHttpClient.make(authenticator, options))

export const layerOf = <Self, R>(made: Made<R | Scope.Scope>, options: Options<Self>): ModeLayer<Self, never, R> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the same type; unseen while `R` is open
  AuthenticatedHttpClient.layer(made, options) as ModeLayer<Self, never, R>
