/**
 * Home-made signatures with a shared key: the mode `Hmac`. The scheme is data: what is signed, how it is joined, and where it goes.
 *
 * @since 0.1.0
 */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import type * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Bodies from "./internal/body.ts"
import type { HashAlgorithm, Part, Template, TextEncoding } from "./internal/hmac/template.ts"
import * as Templates from "./internal/hmac/template.ts"
import * as Mode from "./internal/mode.ts"
import * as Random from "./internal/random.ts"
import * as Targets from "./internal/target.ts"
import type { Hmac } from "./SigningCredential.ts"
import * as Credentials from "./SigningCredential.ts"

export type { HashAlgorithm, Part, Template, TextEncoding }

/**
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  readonly template: Template
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends Mode.Options<Self>, Settings {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<Hmac>, R>
}

/**
 * The authenticator by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authenticator = <R = never>(
  options: Settings & Credential<R>
): Effect.Effect<Authenticator.Authenticator, InvalidSetting, R> =>
  Effect.map(
    CredentialSource.make(options.credential, { mode, make: Credentials.hmac }),
    (source) =>
      Authenticator.perRequestFromCredential(
        source,
        (credential, request, now) => signed(credential, request, now, options),
        { mode }
      )
  )

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options, R = never>(options: O & Credential<R>): Mode.Client<O, R> =>
  Mode.makeOf<O, R>(authenticator(options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Hmac from "@effect-auth/signing/Hmac"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Exchange extends Context.Tag("app/Exchange")<Exchange, AuthenticatedHttpClient.Service>() {}
 *
 * const ExchangeLive = Hmac.layer({
 *   client: Exchange,
 *   baseUrl: "https://api.exchange.example",
 *   credential: { keyId: "reporting", key: Redacted.make("...") },
 *   template: {
 *     key: "base64",
 *     signed: ["timestamp", "method", "target", "body"],
 *     encoding: "base64",
 *     headers: { "x-key": ["keyId"], "x-timestamp": ["timestamp"], "x-signature": ["signature"] }
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Options<Self> & Credential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf<Self, R>(authenticator(options), options)

/**
 * {@link layer} with its settings from Config; the template is code.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<OriginPolicy.Options & { readonly credential: Hmac }>,
  options: Mode.PlainOptions<Self> & Settings
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const mode = "Hmac"

const signed = (
  { key, keyId }: Hmac,
  request: HttpClientRequest.HttpClientRequest,
  now: number,
  { template }: Settings
): Effect.Effect<Authenticator.Made, CredentialUnavailable> => {
  const url = signedUrl(request, Object.keys(template.query ?? {}))
  if (url === undefined) return Effect.succeed({ credentials: RequestCredentials.none })
  return Effect.flatMap(Random.token, (nonce) => {
    const { headers, method } = request
    const facts = { method, url, headers, body: Bodies.bytesOf(request.body), now, nonce, keyId }
    return Effect.mapBoth(Templates.sign(template, Redacted.value(key), facts), {
      onFailure: (problem) => new CredentialUnavailable({ mode, problem, final: true }),
      onSuccess: (written) => ({
        credentials: RequestCredentials.all(
          ...written.headers.map(([name, value]) => RequestCredentials.header(name, value)),
          ...written.query.map(([name, value]) => RequestCredentials.queryParameter(name, value))
        )
      })
    })
  })
}

/**
 * The URL without what is written into its query. The parameters of a request become part of its URL where one is written,
 * so that the rest of the query is not the one that the platform would send otherwise.
 */
const signedUrl = (
  request: HttpClientRequest.HttpClientRequest,
  names: ReadonlyArray<string>
): URL | undefined => {
  const write = RequestCredentials.apply(
    RequestCredentials.all(...names.map((name) => RequestCredentials.queryParameter(name, "")))
  )
  const url = Targets.urlOf(write(request))
  if (url === undefined || names.length === 0) return url
  const stripped = new URL(url)
  stripped.search = url.search.split("&").slice(0, -names.length).join("&")
  return url.search.split("&").length > names.length ? stripped : new URL(url.origin + url.pathname)
}
