/** What all modes of Yamcs share: their options, what their layers provide, and how a client is made of their proof. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import type * as CoreCredential from "@effect-auth/core/Credential"
import type { Fields, Inferred, Untagged } from "@effect-auth/core/CredentialSource"
import type { LoginPrompt } from "@effect-auth/core/LoginPrompt"
import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as System from "@effect-auth/core/System"
import type { Token } from "@effect-auth/core/Token"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type {
  Anonymous,
  ApiKey,
  OpenId,
  Password,
  ServiceAccount,
  Session,
  Spnego,
  YamcsCredential
} from "../YamcsCredential.ts"
import * as Address from "./address.ts"
import { YamcsClient } from "./client.ts"
import * as Requests from "./requests.ts"

/** Every credential, those included that need more than themselves. */
type AnyCredential = YamcsCredential | Spnego | OpenId

/**
 * The mode of a credential, such as `Yamcs/Password` or `Yamcs/Spnego`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends { readonly _tag: AnyCredential["_tag"] }> = `Yamcs/${C["_tag"]}`

/**
 * The name of a mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeName = Mode<AnyCredential>

/**
 * The settings of every mode. `baseUrl` is the server's address: a URL, with its context path if it has one, or
 * `host:port`, which means https, and http for a loopback host. A trailing slash makes no difference.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings {}

/**
 * The options of every mode, so that changing the mode changes nothing else. `refreshPolicy` is that of `Yamcs.refreshPolicy` by
 * default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Settings, System.PlainOptions {}

/**
 * The options of `layerOpenId`.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenIdOptions extends Options {
  /** Default: one whose session is stored under no name. */
  readonly credential?: Untagged<OpenId> | undefined
  /** Where the redirect is received. Default: `http://127.0.0.1:<any port>/callback`. */
  readonly redirect?: RedirectReceiver.Options | undefined
}

/**
 * The options of `layerSpnego`.
 *
 * @since 0.1.0
 * @category models
 */
export interface SpnegoOptions extends Options {
  /** Default: the system's default principal, for `HTTP@` and the host of `baseUrl`. */
  readonly credential?: Untagged<Spnego> | undefined
}

/**
 * The services that a login in a browser needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Person = RedirectReceiver.RedirectReceiver | LoginPrompt

/**
 * The credential of `make` and `layer`: a class or a plain object of its fields, whose `_tag` is the mode.
 *
 * @since 0.1.0
 * @category models
 */
export type TaggedCredential =
  | TokenCredential
  | Fields<ApiKey>
  | Fields<CoreCredential.Basic>
  | Fields<Anonymous>

/** The credentials that are exchanged for tokens, or hold one. */
export type TokenCredential = Fields<Password> | Fields<Session> | Fields<ServiceAccount>

/**
 * What the layer of a mode provides.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Name extends string, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | YamcsClient | AuthMode.Evidence<Name>,
  SetupError | E,
  HttpClient.HttpClient | Inferred<R>
>

export const refreshPolicy: RefreshPolicy.RefreshPolicy = RefreshPolicy.default.pipe(
  RefreshPolicy.renewal(Schedule.union(
    RefreshPolicy.early,
    // half of what ends a session: after a request that finds the renewal not due, there is as much time for the next one
    Schedule.whileInput(
      Schedule.jitteredWith(RefreshPolicy.afterIssue("15 minutes"), { min: 0.95, max: 1 }),
      // an access token of client credentials belongs to no session (`AuthHandler`)
      ({ refreshToken }: Token) => refreshToken !== undefined
    )
  )),
  RefreshPolicy.retry(
    Schedule.exponential("500 millis").pipe(
      Schedule.union(Schedule.spaced("4 seconds")),
      Schedule.jitteredWith({ min: 0.5, max: 1.5 }),
      Schedule.intersect(Schedule.union(
        Schedule.recurs(3),
        Schedule.whileInput(Schedule.recurs(8), isTooManyRequests)
      ))
    )
  )
)

export type Needs = HttpClient.HttpClient | Scope.Scope

export type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

export type MakeTokens<R> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

export const layerOf = <const Name extends string, E, R = never>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, HttpClient.HttpClient | Scope.Scope | R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | YamcsClient | AuthMode.Evidence<Name>,
  E,
  HttpClient.HttpClient | Inferred<R>
> =>
  System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient | YamcsClient | AuthMode.Evidence<Name>, E, R>(
    AuthenticatedHttpClient.layerMode({ mode, client: YamcsClient }, make)
  )

export const layerTokens = <const Name extends string, R>(mode: Name, tokens: MakeTokens<R>, options: Options) =>
  layerOf(mode, Effect.flatMap(tokens, (tokens) => bindTokens(mode, tokens, options)))

export const bindTokens = (mode: string, tokens: TokenSource, options: Options) =>
  AuthenticatedHttpClient.make(Authenticator.bearer(tokens, { mode, explain: Requests.explain }), located(options))

export const modeOf = <C extends { readonly _tag: AnyCredential["_tag"] }>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `Yamcs/${tag}`
}

/** Only the address has short forms; `origins` are complete. */
export const located = (options: Options): Options => ({ ...options, baseUrl: Address.absolute(options.baseUrl) })

function isTooManyRequests(error: ExchangeError): boolean {
  return error._tag === "TokenEndpointError" && error.reason === "TooManyRequests"
}
