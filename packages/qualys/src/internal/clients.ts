/** The client of each mode: how a request proves who sends it, and to which hosts the proof goes. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { SetupError } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import type * as Redacted from "effect/Redacted"
import * as Jwt from "./jwt.ts"
import type { Client, Login, Options } from "./mode.ts"
import { bind, located } from "./mode.ts"
import * as Refusal from "./refusal.ts"
import * as Session from "./session.ts"

type Bound = Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient>

export const basic = <R>(given: Given<Login, R>, options: Options): Client<never, R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Basic"
    const { hosts, platform } = yield* located(given, options)
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ password, username }) => Credential.basic({ username, password })
    })
    const latest = MutableRef.make("")
    const authenticator = Authenticator.fromCredential(credential, {
      mode,
      explain: (response) => Refusal.explainLogin({ platform, username: MutableRef.get(latest) })(response),
      coolDown: options.refreshPolicy?.coolDown,
      credentials: (credential) => {
        MutableRef.set(latest, credential.username)
        return RequestCredentials.basic(credential)
      }
    })
    return yield* bind(authenticator, options, [hosts.api, hosts.ui])
  })

export const session = <R>(tokens: TokenSource, given: Given<Login, R>, options: Options): Bound =>
  Effect.flatMap(located(given, options), ({ hosts }) =>
    bind(
      Authenticator.cookie(tokens, {
        mode: "Qualys/Session",
        name: Session.cookieName,
        explain: Refusal.explainCall
      }),
      options,
      [hosts.api]
    ))

export const jwt = <R>(tokens: TokenSource, given: Given<Login, R>, options: Options): Bound =>
  Effect.flatMap(
    located(given, options),
    ({ hosts }) =>
      bind(
        gatewayToken("Qualys/Jwt", tokens),
        options,
        options.alsoApi === true ? [hosts.gateway, hosts.api] : [hosts.gateway]
      )
  )

export const clientCredentials = (tokens: TokenSource, options: Options): Bound =>
  Effect.flatMap(
    located(undefined, options),
    ({ hosts }) => bind(gatewayToken("Qualys/ClientCredentials", tokens), options, [hosts.gateway, hosts.api])
  )

export const bearer = <R>(given: Given<Untagged<Credential.Bearer>, R>, options: Options): Client<never, R> =>
  Effect.gen(function*() {
    const mode = "Qualys/Bearer"
    const credential = yield* CredentialSource.make(given, {
      mode,
      make: ({ token }) => Credential.bearer({ token })
    })
    const { credentials, ...reading } = ofProvider()
    const authenticator = Authenticator.fromCredential(credential, {
      mode,
      ...reading,
      coolDown: options.refreshPolicy?.coolDown,
      credentials: ({ token }) => credentials(token)
    })
    return yield* bindBearer(authenticator, options)
  })

/** {@link bearer} with the tokens of another provider's source. */
export const bearerOf = (tokens: TokenSource, options: Options): Bound => {
  const { credentials, ...reading } = ofProvider()
  const authenticator = Authenticator.fromTokens(tokens, {
    mode: "Qualys/Bearer",
    ...reading,
    credentials: ({ value }) => credentials(value)
  })
  return bindBearer(authenticator, options)
}

const gatewayToken = (mode: string, tokens: TokenSource) =>
  Authenticator.bearer(tokens, { mode, explain: Refusal.explainCall, reviewBody: Refusal.unparsedJwt })

/** Bearers, and what the latest of them says about itself, for the refusal of one. */
const ofProvider = () => {
  const claims = MutableRef.make<string | undefined>(undefined)
  return {
    credentials: (token: Redacted.Redacted) => {
      MutableRef.set(claims, Jwt.described(token))
      return RequestCredentials.bearer(token)
    },
    explain: Refusal.explainBearer(() => MutableRef.get(claims)),
    reviewBody: Refusal.unparsedJwt
  }
}

const bindBearer = (authenticator: Authenticator.Authenticator, options: Options) =>
  Effect.flatMap(located(undefined, options), ({ hosts }) => bind(authenticator, options, [hosts.api, hosts.gateway]))
