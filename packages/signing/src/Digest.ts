/**
 * HTTP Digest (RFC 7616): the mode `Digest`. The password is not sent; each request carries a hash over it, over the
 * request, and over a nonce of the server's. The first request is sent without one, which the server answers with a
 * challenge, and every request after it is answered at once.
 *
 * Digest is not a replacement for TLS: who reads the traffic can try passwords at leisure.
 *
 * @since 0.1.0
 */
import type * as Authenticator from "@effect-auth/core/Authenticator"
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import type * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as System from "@effect-auth/core/System"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import type { Algorithm } from "./internal/digest/algorithm.ts"
import type { Settings } from "./internal/digest/authenticator.ts"
import * as DigestAuthenticator from "./internal/digest/authenticator.ts"
import * as Mode from "./internal/mode.ts"
import type { Digest } from "./SigningCredential.ts"
import * as Credentials from "./SigningCredential.ts"

export type { Algorithm, Settings }

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
  readonly credential: Given<Untagged<Digest>, R>
}

/**
 * The authenticator by itself, for one client: it remembers the nonces of its servers. A credential that is an Effect is
 * read before the first request and again after a refusal.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Digest from "@effect-auth/signing/Digest"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * const camera = Effect.gen(function*() {
 *   const authenticator = yield* Digest.authenticator({
 *     credential: { username: "viewer", password: Redacted.make("...") }
 *   })
 *   return yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: "https://camera.example" })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const authenticator = <R = never>(
  options: Settings & Credential<R>
): Effect.Effect<Authenticator.Authenticator, InvalidSetting, R> =>
  Effect.map(
    CredentialSource.make(options.credential, { mode: DigestAuthenticator.mode, make: Credentials.digest }),
    (source) => DigestAuthenticator.make(source, options)
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
 * import * as Digest from "@effect-auth/signing/Digest"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Camera extends Context.Tag("app/Camera")<Camera, AuthenticatedHttpClient.Service>() {}
 *
 * const CameraLive = Digest.layer({
 *   client: Camera,
 *   baseUrl: "https://camera.example",
 *   credential: { username: "viewer", password: Redacted.make("...") },
 *   algorithms: ["SHA-256", "SHA-512-256"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Options<Self> & Credential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf(authenticator(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<OriginPolicy.Options & Settings & { readonly credential: Digest }>,
  options?: Mode.PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))
