/**
 * A person logs in with a browser on another device (RFC 8628): the mode `OAuth/Device`, for a machine without one. The code
 * to enter is shown by core's `LoginPrompt`.
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { InteractionRequired, TokenEndpointError } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as System from "@effect-auth/core/System"
import type { Token } from "@effect-auth/core/Token"
import type { Demand } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { DeviceAuthorization } from "./internal/deviceAuthorization.ts"
import * as DeviceAuthorizations from "./internal/deviceAuthorization.ts"
import * as Mode from "./internal/mode.ts"
import * as Parameters from "./internal/parameters.ts"
import * as Pkce from "./internal/pkce.ts"
import * as Random from "./internal/random.ts"
import * as Session from "./internal/session.ts"
import * as TokenRequest from "./internal/tokenRequest.ts"
import type { Device } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<Device>, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /**
   * The name of the person, under which the session is stored. Without one, all who use the
   * store share one session: give each person a store of their own.
   */
  readonly account?: string | undefined
  /** Whether the code is tied to this client (RFC 7636), which Keycloak wants of clients that have to. Default: no. */
  readonly pkce?: boolean | undefined
}

/**
 * The tokens by themselves. A person has as long as the server's code is good, but no longer than the policy's `interaction`,
 * which is 30 minutes by default here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Session.TokenSettings & Session.TokenOptions & Grant & Credential<R>
): Session.Tokens<R | LoginPrompt.LoginPrompt> => {
  const { account = "", credential: given, refreshPolicy = patient } = options
  return Session.makeTokens({ ...options, refreshPolicy }, {
    name,
    given,
    make: Credentials.device,
    account: () => account,
    refreshes: true,
    interactive: logIn(options)
  })
}

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Mode.Options & Grant, R = never>(
  options: O & Credential<R>
): Mode.Client<O, R | LoginPrompt.LoginPrompt> =>
  Mode.makeOf<O, R | LoginPrompt.LoginPrompt>(name, makeTokens(options), options)

/**
 * The client as a layer. The first request shows the code, and waits until it was entered.
 *
 * @example
 * ```ts
 * import * as Device from "@effect-auth/oauth/Device"
 *
 * const AcmeLive = Device.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "acme-cli" },
 *   scope: ["reports:read"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Mode.Options<Self> & Grant & Credential<R>
): Mode.ModeLayer<Self, never, R | LoginPrompt.LoginPrompt> => Mode.layerOf(name, makeTokens(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Session.Settings & { readonly credential: Untagged<Device> }>,
  options?: Mode.PlainOptions<Self> & Grant
): Mode.ModeLayer<Self, ConfigError, LoginPrompt.LoginPrompt> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "OAuth/Device"

/** Codes are good for a quarter of an hour, as a rule. */
const patient = RefreshPolicy.interaction(RefreshPolicy.default, "30 minutes")

const logIn =
  (options: Session.TokenSettings & Grant) =>
  ({ client, exchange }: Session.Connection<Device>, demand: Demand): Effect.Effect<
    Token,
    ExchangeError,
    HttpClient.HttpClient | LoginPrompt.LoginPrompt
  > =>
    Effect.gen(function*() {
      const prompt = yield* LoginPrompt.LoginPrompt
      const endpoint = TokenRequest.endpointOf(client, "deviceAuthorization")
      if (endpoint === undefined) {
        return yield* new TokenEndpointError({
          mode: name,
          reason: "Unexpected",
          detail: "the authorization server has no device authorization endpoint"
        })
      }
      const verifier = options.pkce === true ? yield* Random.token : undefined
      const scope = Parameters.scopeOf(options, demand)
      const authorization = yield* DeviceAuthorizations.request(
        client,
        endpoint,
        Parameters.make(
          options,
          verifier === undefined ? {} : {
            code_challenge: yield* Pkce.challengeOf(verifier),
            code_challenge_method: "S256"
          },
          scope
        )
      )
      const expiresAt = DateTime.addDuration(yield* DateTime.now, authorization.lifetime)
      const shown = prompt.showCode({
        mode: name,
        userCode: authorization.userCode,
        verificationUri: authorization.verificationUri,
        verificationUriComplete: authorization.verificationUriComplete,
        expiresAt
      })
      const question = exchange({
        grant_type: grantType,
        device_code: Redacted.value(authorization.deviceCode),
        code_verifier: verifier
      }, { scope, dialect: DeviceAuthorizations.dialect, retryAfter: DeviceAuthorizations.statedInterval })
      return yield* Effect.raceFirst(
        asked(question, authorization.interval, DateTime.toEpochMillis(expiresAt)),
        Effect.zipRight(shown, Effect.never)
      )
    })

/** Asks until the code was entered or is good no more: before the first question, too, there is a wait. */
const asked = <R>(
  question: Effect.Effect<Token, ExchangeError, R>,
  interval: DeviceAuthorization["interval"],
  deadline: number
): Effect.Effect<Token, ExchangeError, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const left = deadline - now
    if (left <= 0) {
      return new InteractionRequired({
        mode: name,
        code: DeviceAuthorizations.expired,
        detail: "nobody entered the code in time"
      })
    }
    return Effect.delay(question, Duration.min(interval, Duration.millis(left))).pipe(
      Effect.catchAll((error) => {
        const next = DeviceAuthorizations.nextInterval(interval, error)
        return next === undefined ? Effect.fail(error) : asked(question, next, deadline)
      })
    )
  })

/** RFC 8628 section 3.4. */
const grantType = "urn:ietf:params:oauth:grant-type:device_code"
