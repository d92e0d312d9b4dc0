/**
 * Yamcs: authenticated access to its HTTP API. The credential says the mode; each mode is a layer that provides an
 * `AuthenticatedHttpClient` for paths such as `/api/user`.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type { TokenStore } from "@effect-auth/core/TokenStore"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Tokens from "./internal/tokens.ts"
import type { YamcsCredential } from "./YamcsCredential.ts"

export {
  /**
   * @since 0.1.0
   * @category config
   */
  passwordConfig as credentialConfig
} from "./YamcsCredential.ts"

/**
 * The mode of a credential: `Yamcs/Password`, `Yamcs/Basic`, ...
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends YamcsCredential> = `Yamcs/${C["_tag"]}`

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<C extends YamcsCredential> extends AuthenticatedHttpClient.Options {
  readonly credential: C
  /** When and how tokens are renewed. */
  readonly refresh?: RefreshPolicy.RefreshPolicy | undefined
  /** Where tokens outlive this process. */
  readonly store?: TokenStore | undefined
}

/**
 * An authenticated client for Yamcs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <C extends YamcsCredential>(
  options: Options<C>
): Effect.Effect<
  AuthenticatedHttpClient.Service,
  InvalidSetting | InsecureTransport,
  HttpClient.HttpClient | Scope.Scope
> => Effect.flatMap(authenticator(options), (authenticator) => AuthenticatedHttpClient.make(authenticator, options))

/**
 * The mode of the given credential as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <C extends YamcsCredential>(
  options: Options<C>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AuthMode.AuthMode<Mode<C>>,
  InvalidSetting | InsecureTransport,
  HttpClient.HttpClient
> => AuthenticatedHttpClient.layerMode(modeOf(options.credential), make(options))

/**
 * {@link layer} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <C extends YamcsCredential>(
  options: Config.Config.Wrap<Options<C>>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | AuthMode.AuthMode<Mode<C>>,
  InvalidSetting | InsecureTransport | ConfigError,
  HttpClient.HttpClient
> => Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

const modeOf = <C extends YamcsCredential>(credential: C) => `Yamcs/${credential._tag}` as const

const authenticator = <C extends YamcsCredential>(options: Options<C>) =>
  Effect.gen(function*() {
    const credential: YamcsCredential = options.credential
    const mode = modeOf(credential)
    switch (credential._tag) {
      case "Basic":
        return Authenticator.basic(credential, { mode })
      case "Password": {
        const { baseUrl } = yield* OriginPolicy.make(options)
        const endpoint = { baseUrl, mode }
        const tokens = yield* TokenSource.make({
          mode,
          login: Tokens.password(endpoint, credential),
          refresh: Tokens.refresh(endpoint),
          policy: options.refresh,
          store: options.store
        })
        return Authenticator.bearer(tokens, { mode })
      }
    }
  })
