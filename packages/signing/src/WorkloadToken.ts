/**
 * What a workload is known by, where something else keeps it fresh: a file that is replaced under our feet, such as the
 * projected token of a Kubernetes service account, a command, or an endpoint. The mode is `WorkloadToken`: the token is sent as a bearer
 * token, and read again before it expires and when it is refused.
 *
 * To exchange it for another token instead, give {@link fromFile}, {@link fromCommand} or {@link fromEndpoint} to the mode that exchanges it, such
 * as `JwtBearer` (its assertion) or `TokenExchange` of `@effect-auth/oauth`.
 *
 * @since 0.1.0
 */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { CredentialUnavailable, ExchangeError } from "@effect-auth/core/AuthError"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Mode from "./internal/mode.ts"
import type { CommandOptions } from "./internal/workload/sources.ts"
import * as Sources from "./internal/workload/sources.ts"

/**
 * The content of a file, without the white space around it.
 *
 * @example
 * ```ts
 * import * as WorkloadToken from "@effect-auth/signing/WorkloadToken"
 *
 * const token = WorkloadToken.fromFile("/var/run/secrets/tokens/acme")
 * ```
 *
 * @since 0.1.0
 * @category sources
 */
export const fromFile = (
  path: string
): Effect.Effect<Redacted.Redacted, CredentialUnavailable, FileSystem.FileSystem> =>
  Effect.map(Sources.file(mode, path), Redacted.make)

/**
 * What a command prints, without the white space around it. The program has to be allowed by name.
 *
 * @since 0.1.0
 * @category sources
 */
export const fromCommand = (
  options: CommandOptions
): Effect.Effect<Redacted.Redacted, CredentialUnavailable, CommandExecutor.CommandExecutor> =>
  Effect.map(Sources.command(mode, options), Redacted.make)

/**
 * What an endpoint of the machine or of the platform answers with, such as the metadata of a cloud or the tokens of a CI job:
 * the token as text, or a member of its JSON. It is asked over https, on this machine, or at an address of metadata.
 *
 * @example
 * ```ts
 * import * as WorkloadToken from "@effect-auth/signing/WorkloadToken"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * const ofInstance = WorkloadToken.fromEndpoint({
 *   url: "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity?audience=acme",
 *   headers: { "metadata-flavor": "Google" }
 * })
 *
 * // GitHub Actions
 * const ofJob = Effect.gen(function*() {
 *   const url = yield* Config.string("ACTIONS_ID_TOKEN_REQUEST_URL")
 *   const token = yield* Config.redacted("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
 *   return WorkloadToken.fromEndpoint({ url: `${url}&audience=acme`, bearer: token, member: "value" })
 * })
 * ```
 *
 * @since 0.1.0
 * @category sources
 */
export const fromEndpoint = (options: {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** What the endpoint is asked with, if it wants a token itself. */
  readonly bearer?: Redacted.Redacted | undefined
  /** The member of a JSON answer that is the token. Default: the answer is the token. */
  readonly member?: string | undefined
}): Effect.Effect<Redacted.Redacted, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { bearer, headers, member, url } = options
    yield* Sources.allowed(mode, url, Sources.metadataHosts)
    const response = yield* TokenEndpoint.execute(
      yield* HttpClient.HttpClient,
      RequestCredentials.apply(bearer === undefined ? RequestCredentials.none : RequestCredentials.bearer(bearer))(
        HttpClientRequest.get(url, { headers })
      ),
      exchange
    )
    if (member === undefined) return Redacted.make(yield* TokenEndpoint.text(exchange)(response))
    const answer = yield* TokenEndpoint.json(Schema.Struct({ [member]: Schema.Redacted(Schema.String) }), exchange)(
      response
    )
    return answer[member] ?? (yield* Sources.unavailable(mode, "the answer has no token"))
  }).pipe(Effect.timeoutFail({
    duration: Sources.patience,
    onTimeout: () =>
      Sources.unavailable(mode, `the endpoint did not answer within ${Duration.format(Sources.patience)}`)
  }))

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions<R = never> {
  /** Such as {@link fromFile}; any other Effect will do. */
  readonly token: Effect.Effect<Redacted.Redacted, ExchangeError, R>
  /**
   * How long a token is used before it is read again. Default: as long as the token itself says, if it is a JWT; else 1
   * minute, so that one that was replaced is noticed.
   */
  readonly lifetime?: DurationWithUnit | undefined
  readonly refreshPolicy?: RefreshPolicy.RefreshPolicy | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never, R = never> extends Mode.Options<Self>, TokenOptions<R> {}

/**
 * The tokens by themselves.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: TokenOptions<R>
): Effect.Effect<TokenSource.TokenSource, never, Scope.Scope | R> =>
  TokenSource.make({
    mode,
    policy: options.refreshPolicy,
    login: Effect.flatMap(options.token, (value) => {
      const lifetime = options.lifetime ?? "1 minute"
      return options.lifetime === undefined && Option.isSome(Token.lifespan(Redacted.value(value)))
        ? Token.fromJwt({ mode, value, lifetime })
        : Token.make({ mode, value, lifetime })
    })
  })

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Mode.Options, R = never>(
  options: O & TokenOptions<R>
): Mode.Client<O, Scope.Scope | R> => Mode.makeOf<O, Scope.Scope | R>(authenticator(options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as WorkloadToken from "@effect-auth/signing/WorkloadToken"
 * import * as Context from "effect/Context"
 *
 * class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
 *
 * const AcmeLive = WorkloadToken.layer({
 *   client: Acme,
 *   baseUrl: "https://acme.internal.example",
 *   token: WorkloadToken.fromFile("/var/run/secrets/tokens/acme")
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(options: Options<Self, R>): Mode.ModeLayer<Self, never, R> =>
  Mode.layerOf<Self, R>(authenticator(options), options)

const mode = "WorkloadToken"

const exchange = { mode, dialect: Sources.dialect, endpoint: "the endpoint for tokens" }

const authenticator = <R>(
  options: TokenOptions<R>
): Effect.Effect<Authenticator.Authenticator, never, Scope.Scope | R> =>
  Effect.map(makeTokens(options), (tokens) => Authenticator.bearer(tokens, { mode }))
