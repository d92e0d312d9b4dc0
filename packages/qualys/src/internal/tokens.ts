/** The modes that exchange something for tokens: what each brings, and the token source that is made of it. */
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as QualysCredential from "../QualysCredential.ts"
import * as ClientToken from "./clientToken.ts"
import * as Jwt from "./jwt.ts"
import type { Login, ModeName, Needs, Options } from "./mode.ts"
import { located } from "./mode.ts"
import * as Session from "./session.ts"

type Tokens<R> = Effect.Effect<TokenSource, SetupError | ExchangeError, Needs | R>

export const jwt = <R>(given: Given<Login, R>, options: Options): Tokens<R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Jwt"
    const { hosts, platform } = yield* located(given, options)
    const credential = yield* login(mode, given)
    const kept = yield* keptToken(given)
    return yield* System.makeTokens({
      mode,
      origin: hosts.gateway,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, Jwt.login({ mode, platform, gateway: hosts.gateway })),
      initial: kept === undefined ? undefined : Jwt.given(mode, kept)
    }, options)
  })

export const session = <R>(given: Given<Login, R>, options: Options): Tokens<R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Session"
    const { hosts, platform } = yield* located(given, options)
    const credential = yield* login(mode, given)
    const endpoint = { mode, platform, api: hosts.api }
    return yield* System.makeTokens({
      mode,
      origin: hosts.api,
      account: Effect.map(credential.read, ({ username }) => username),
      login: Effect.flatMap(credential.read, Session.login(endpoint)),
      revoke: Session.logout(endpoint),
      // the number of open sessions is limited
      endReplaced: true
    }, options)
  })

export const clientCredentials = <R>(
  given: Given<Untagged<QualysCredential.ClientCredentials>, R>,
  options: Options
): Tokens<R> =>
  Effect.gen(function*() {
    const mode = "Qualys/ClientCredentials"
    const { hosts, platform } = yield* located(undefined, options)
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ clientId, clientSecret, level }) => QualysCredential.clientCredentials({ clientId, clientSecret, level })
    })
    return yield* System.makeTokens({
      mode,
      origin: hosts.gateway,
      account: Effect.map(credential.read, ({ clientId, level }) => `${level} ${clientId}`),
      login: Effect.flatMap(credential.read, ClientToken.login({ mode, platform, gateway: hosts.gateway }))
    }, options)
  })

/** What is exchanged is not empty, as what is sent by Basic may be. */
const login = <R>(mode: ModeName, given: Given<Login, R>) =>
  CredentialSource.make(given, {
    mode,
    make: ({ password, username }) => QualysCredential.jwt({ username, password })
  })

/** One that an Effect gives has nothing to say about the JWT of this process. */
const keptToken = <R>(given: Given<Login, R>): Either.Either<Redacted.Redacted | undefined, InvalidSetting> =>
  Effect.isEffect(given) || given.token === undefined || given.token === null
    ? Either.right(undefined)
    : Either.flatMap(
      Credential.bearer({ token: given.token }),
      ({ token }) =>
        Redacted.value(token).split(".").length === 3
          ? Either.right(token)
          : Either.left(
            new InvalidSetting({ setting: "credential.token", problem: "is not a JWT, which has three parts" })
          )
    )
