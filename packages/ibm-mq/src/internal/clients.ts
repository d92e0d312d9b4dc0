/** The client of each mode: how a request proves who sends it; and the tokens of the mode that has some. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Credentials from "../MqCredential.ts"
import * as MqError from "../MqError.ts"
import * as Csrf from "./csrf.ts"
import * as Ltpa from "./ltpa.ts"
import type { Client, Needs, Options } from "./mode.ts"
import { bind, cookieName, csrfToken, withoutJar } from "./mode.ts"
import * as Refusal from "./refusal.ts"

export const basic = <R>(given: Given<Untagged<Credential.Basic>, R>, options: Options): Client<never, R> =>
  Effect.gen(function*() {
    const mode = "IbmMq/Basic"
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ password, username }) => Credential.basic({ username, password })
    })
    const csrf = Csrf.credentials(yield* csrfToken(options))
    return yield* bind(
      Authenticator.fromCredential(credential, {
        mode,
        explain: Refusal.explainBasic,
        coolDown: options.refreshPolicy?.coolDown,
        credentials: (credential) => RequestCredentials.all(RequestCredentials.basic(credential), csrf)
      }),
      options
    )
  })

export const ltpa = <R>(given: Given<Untagged<Credentials.Ltpa>, R>, options: Options): Client<ExchangeError, R> =>
  Effect.flatMap(ltpaTokens(given, options), (tokens) => ltpaOf(tokens, options))

export const ltpaTokens = <R>(
  given: Given<Untagged<Credentials.Ltpa>, R>,
  options: Options
): Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R> =>
  Effect.gen(function*() {
    const mode = "IbmMq/Ltpa"
    const { baseUrl } = yield* OriginPolicy.make(options)
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ password, username }) => Credentials.ltpa({ username, password })
    })
    const named = yield* cookieName(options)
    const endpoint: Ltpa.Endpoint = {
      baseUrl,
      mode,
      cookieName: named,
      lifetime: options.lifetime ?? "120 minutes",
      csrfToken: yield* csrfToken(options)
    }
    return yield* System.makeTokens({
      mode,
      origin: baseUrl,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, (credential) => Ltpa.login(endpoint, credential)),
      revoke: Ltpa.logout(endpoint)
    }, options).pipe(withoutJar(named))
  })

export const ltpaOf = (
  tokens: TokenSource,
  options: Options
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.flatMap(csrfToken(options), (csrfToken) =>
    bind(
      Authenticator.fromTokens(tokens, {
        mode: "IbmMq/Ltpa",
        explain: MqError.explain,
        credentials: Ltpa.credentials(csrfToken)
      }),
      options
    ))

/** A proof of the caller's own. */
export const proved = (
  authenticator: Authenticator.Authenticator,
  options: Options
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.flatMap(
    csrfToken(options),
    (csrfToken) => bind(authenticator, options, RequestCredentials.apply(Csrf.credentials(csrfToken)))
  )

export const clientCertificate = (options: Options): Client<never, MutualTls> =>
  Effect.gen(function*() {
    const { subject } = yield* MutualTls
    const { origins } = yield* OriginPolicy.make(options)
    if (origins.some((origin) => !origin.startsWith("https:"))) {
      return yield* new InvalidSetting({
        setting: "baseUrl",
        problem: "must begin with https://, as must all origins: a client certificate is presented in TLS only"
      })
    }
    return yield* bind(
      Authenticator.fixed(
        RequestCredentials.all(
          RequestCredentials.noHeader("authorization"),
          Csrf.credentials(yield* csrfToken(options))
        ),
        { mode: "IbmMq/ClientCertificate", explain: Refusal.explainCertificate(subject) }
      ),
      options
    )
  })

/** {@link clientCertificate} where the types could not ask for its evidence. */
export const installedCertificate = (options: Options): Client =>
  Effect.provideServiceEffect(
    clientCertificate(options),
    MutualTls,
    Effect.flatMap(
      Effect.serviceOption(MutualTls),
      Option.match({
        onNone: () =>
          Effect.fail(
            new InvalidSetting({
              setting: "credential",
              problem: "is a client certificate, which the HttpClient lacks"
            })
          ),
        onSome: Effect.succeed
      })
    )
  )
