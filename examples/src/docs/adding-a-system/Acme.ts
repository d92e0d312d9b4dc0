import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import type { Fields, Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { AcmeCredential, ApiKey, Password } from "./AcmeCredential.ts"
import * as Credentials from "./AcmeCredential.ts"
import * as Exchanges from "./exchanges.ts"

export class AcmeClient extends Context.Tag("acme/Client")<AcmeClient, AuthenticatedHttpClient.Service>() {}

export { AcmeClient as Client }

export type Mode<C extends { readonly _tag: AcmeCredential["_tag"] }> = `Acme/${C["_tag"]}`

export type ModeName = Mode<AcmeCredential>

export interface Settings extends System.Settings {}

export interface Options extends Settings, System.PlainOptions {}

export type TaggedCredential = Fields<Password> | Fields<ApiKey>

export type ModeLayer<Name extends string, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AcmeClient | AuthMode.Evidence<Name>,
  SetupError | E,
  HttpClient.HttpClient | R
>

export const make = (options: Options & { readonly credential: TaggedCredential }): Client<ExchangeError> => {
  const { credential } = options
  return credential._tag === "ApiKey"
    ? makeApiKey(credential, options)
    : Effect.flatMap(makeTokens({ ...options, credential }), (tokens) => makeWith(tokens, options))
}

export const layer = <const C extends TaggedCredential>(
  options: Options & { readonly credential: C }
): ModeLayer<Mode<C>, ExchangeError> =>
  layerOf<Mode<C>, SetupError | ExchangeError, Needs>(modeOf(options.credential), make(options))

export const layerConfig = <C extends TaggedCredential>(
  config: Config.Config.Wrap<Settings & { readonly credential: C }>,
  options?: System.PlainOptions
): ModeLayer<Mode<C>, ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings): ModeLayer<Mode<C>, ExchangeError> => layer<C>({ ...options, ...settings }))

export const layerPassword = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Password>, R> }
): ModeLayer<"Acme/Password", ExchangeError, R> =>
  layerOf("Acme/Password", Effect.flatMap(makeTokens(options), (tokens) => makeWith(tokens, options)))

export const layerPasswordConfig = (
  config: Config.Config.Wrap<Settings & { readonly credential: Password }>,
  options?: System.PlainOptions
): ModeLayer<"Acme/Password", ExchangeError | ConfigError> =>
  System.layerConfig(config, (settings) => layerPassword({ ...options, ...settings }))

export const layerApiKey = <R = never>(
  options: Options & { readonly credential: Given<Untagged<ApiKey>, R> }
): ModeLayer<"Acme/ApiKey", never, R> => layerOf("Acme/ApiKey", makeApiKey(options.credential, options))

export const makeTokens = <R = never>(
  options: Options & { readonly credential: Given<Untagged<Password>, R> }
): Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R> =>
  Effect.gen(function*() {
    const mode = "Acme/Password"
    const { baseUrl } = yield* OriginPolicy.make(options)
    const credential = yield* CredentialSource.make(options.credential, {
      mode,
      make: ({ password, username }) => Credentials.password({ username, password })
    })
    const endpoint = { baseUrl, mode }
    return yield* System.makeTokens({
      mode,
      origin: baseUrl,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, (credential) => Exchanges.login(endpoint, credential)),
      refresh: Exchanges.refresh(endpoint)
    }, options)
  })

export const makeWith = (
  tokens: TokenSource,
  options: Options
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  AuthenticatedHttpClient.make(Authenticator.bearer(tokens, { mode: "Acme/Password" }), options)

export const require = <const Name extends ModeName>(
  mode: Name
): <A, E, R>(
  self: Effect.Effect<A, E, R>
) => Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode.AuthMode<Name>> | AcmeClient> =>
  AuthMode.require(mode, AcmeClient)

type Needs = HttpClient.HttpClient | Scope.Scope

type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

const makeApiKey = <R>(given: Given<Untagged<ApiKey>, R>, options: Options): Client<never, R> =>
  Effect.gen(function*() {
    const mode = "Acme/ApiKey"
    const credential = yield* CredentialSource.make(given, { mode, make: ({ key }) => Credentials.apiKey({ key }) })
    const authenticator = Authenticator.fromCredential(credential, {
      mode,
      coolDown: options.refreshPolicy?.coolDown,
      credentials: ({ key }) => RequestCredentials.header("x-acme-key", key)
    })
    return yield* AuthenticatedHttpClient.make(authenticator, options)
  })

const layerOf = <const Name extends string, E, R>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AcmeClient | AuthMode.Evidence<Name>,
  E,
  Exclude<R, Scope.Scope>
> => AuthenticatedHttpClient.layerMode({ mode, client: AcmeClient }, make)

const modeOf = <C extends TaggedCredential>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `Acme/${tag}`
}
