/** What every mode is made of: its options, its client and its layer over a token source. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type { Inferred } from "@effect-auth/core/CredentialSource"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Dpop } from "../Dpop.ts"
import type { Settings, TokenOptions, Tokens } from "./session.ts"

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions<Self = never> extends TokenOptions {
  /** The tag of the API's client. Default: the shared client alone. */
  readonly client?: Context.Tag<Self, AuthenticatedHttpClient.Service> | undefined
}

/**
 * The options of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends Settings, PlainOptions<Self> {}

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
  HttpClient.HttpClient | Scope.Scope | R
>

export const authenticatorOf = (
  mode: string,
  tokens: TokenSource,
  dpop: Dpop | undefined
): Authenticator.Authenticator =>
  dpop === undefined
    ? Authenticator.bearer(tokens, { mode, review: Authenticator.reviewDemands })
    : dpop.authenticator(mode, tokens)

export const makeOf = <const O extends AuthenticatedHttpClient.Options & Pick<TokenOptions, "dpop">, R>(
  mode: string,
  tokens: Tokens<R>,
  options: O
): Client<O, R> =>
  Effect.flatMap(tokens, (tokens) => AuthenticatedHttpClient.make(authenticatorOf(mode, tokens, options.dpop), options))

export const layerOf = <Self, R>(
  mode: string,
  tokens: Tokens<R>,
  options: AuthenticatedHttpClient.Options & Pick<PlainOptions<Self>, "client" | "dpop">
): ModeLayer<Self, never, R> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the same type; unseen while `R` is open
  AuthenticatedHttpClient.layer(
    Effect.map(tokens, (tokens) => authenticatorOf(mode, tokens, options.dpop)),
    options
  ) as ModeLayer<Self, never, R>
