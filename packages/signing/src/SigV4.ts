/**
 * AWS Signature Version 4: the mode `SigV4`, for AWS and for what is signed to in the same way, such as MinIO, R2 and
 * OpenSearch. Each request is signed as it is sent, by the clock of the server: the `Date` of a refusal corrects it.
 *
 * @since 0.1.0
 */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, InvalidSetting } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, InvalidSetting as InvalidSettingError } from "@effect-auth/core/AuthError"
import type { Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import type * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as System from "@effect-auth/core/System"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Mode from "./internal/mode.ts"
import type { Settings } from "./internal/sigv4/authenticator.ts"
import * as Signing from "./internal/sigv4/authenticator.ts"
import * as Signature from "./internal/sigv4/signature.ts"
import * as AwsTokens from "./internal/sigv4/tokens.ts"
import type { SigV4 } from "./SigningCredential.ts"
import * as Credentials from "./SigningCredential.ts"

export type { Settings }

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends Mode.Options<Self>, Settings, PlainOptions {}

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions {
  /** When and how a key that is an Effect is read anew. A key that does not change is not renewed. */
  readonly refreshPolicy?: RefreshPolicy.RefreshPolicy | undefined
}

/**
 * A key, or an Effect that gets one, such as those of `AwsCredentials`: it is run before the first request, before the key
 * expires, and when the service refuses it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Untagged<SigV4> | Effect.Effect<Untagged<SigV4>, ExchangeError, R>
}

/**
 * The authenticator by itself, for one client: it remembers the clocks of its servers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authenticator = <R = never>(
  options: Settings & PlainOptions & Credential<R>
): Effect.Effect<Authenticator.Authenticator, InvalidSetting, Scope.Scope | R> => {
  const { credential } = options
  return Effect.zipRight(
    checked(options),
    Effect.isEffect(credential)
      ? Effect.map(
        AwsTokens.make(credential, options.refreshPolicy),
        (tokens) => AwsTokens.authenticator(tokens, Signing.signer(options))
      )
      : Effect.map(Credentials.sigV4(credential), (credential) => {
        const { options: reading, sign } = Signing.signer(options)
        return Authenticator.perRequestFromCredential(CredentialSource.succeed(credential), sign, reading)
      })
  )
}

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options, R = never>(
  options: O & Credential<R>
): Mode.Client<O, Scope.Scope | R> => Mode.makeOf<O, Scope.Scope | R>(authenticator(options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as SigV4 from "@effect-auth/signing/SigV4"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Reports extends Context.Tag("app/Reports")<Reports, AuthenticatedHttpClient.Service>() {}
 *
 * const ReportsLive = SigV4.layer({
 *   client: Reports,
 *   baseUrl: "https://reports.s3.eu-central-1.amazonaws.com",
 *   region: "eu-central-1",
 *   service: "s3",
 *   credential: { accessKeyId: "AKIA...", secretAccessKey: Redacted.make("...") }
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
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<OriginPolicy.Options & Settings & { readonly credential: SigV4 }>,
  options?: Mode.PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

/**
 * A URL that is good by itself, for whoever has it, until it expires: at most a week, and not longer than a temporary key.
 * Its query is the secret. Headers that are given have to be sent with it.
 *
 * @example
 * ```ts
 * import * as SigV4 from "@effect-auth/signing/SigV4"
 * import * as Redacted from "effect/Redacted"
 *
 * const link = SigV4.presign({
 *   url: "https://reports.s3.eu-central-1.amazonaws.com/2026/november.pdf",
 *   region: "eu-central-1",
 *   service: "s3",
 *   expiresIn: "15 minutes",
 *   credential: { accessKeyId: "AKIA...", secretAccessKey: Redacted.make("...") }
 * })
 * ```
 *
 * @since 0.1.0
 * @category urls
 */
export const presign = (
  options: Pick<Settings, "paths" | "region" | "service" | "sessionTokenUnsigned"> & {
    readonly url: string
    /** Default: `GET`. */
    readonly method?: string | undefined
    readonly expiresIn: DurationWithUnit
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly credential: Untagged<SigV4>
  }
): Effect.Effect<Redacted.Redacted, InvalidSetting | CredentialUnavailable> =>
  Effect.gen(function*() {
    yield* checked(options)
    const credential = yield* Credentials.sigV4(options.credential)
    const url = yield* Either.fromOption(
      parsed(options.url),
      () => new InvalidSettingError({ setting: "url", problem: "is not an absolute URL" })
    )
    const seconds = Math.floor(Duration.toSeconds(options.expiresIn))
    if (!(seconds >= 1 && seconds <= longest)) {
      return yield* new InvalidSettingError({ setting: "expiresIn", problem: "must be from a second to seven days" })
    }
    const now = yield* Clock.currentTimeMillis
    if (AwsTokens.hasExpired(credential, now)) {
      return yield* new CredentialUnavailable({ mode: Signing.mode, problem: "the key has expired", final: true })
    }
    const headers = Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
    )
    const query = Signature.presign(
      Signing.messageOf(
        options.method ?? "GET",
        url,
        { host: url.host, ...headers },
        Signing.isS3(options) ? Signing.unsignedPayload : Signature.emptyHash
      ),
      Signing.keysOf(credential),
      Signing.targetOf(options),
      { time: Signature.timeOf(now), seconds, tokenUnsigned: options.sessionTokenUnsigned }
    )
    return Redacted.make(`${url.origin}${url.pathname}?${query}`)
  })

/** In seconds. */
const longest = 604_800

const parsed = Option.liftThrowable((url: string) => new URL(url))

/** Both are parts of the scope, which has slashes between its parts. */
const checked = ({ region, service }: Pick<Settings, "region" | "service">): Either.Either<void, InvalidSetting> => {
  const wrong = Object.entries({ region, service }).find(([, value]) => !/^[\w.-]+$/u.test(value))
  return wrong === undefined ? Either.void : Either.left(
    new InvalidSettingError({ setting: wrong[0], problem: "must be of letters, digits, hyphens and dots" })
  )
}
