/** The modes without a session: what each sends with every request, and the client that is made of it. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as CoreCredential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Effect from "effect/Effect"
import type { ApiKey } from "../YamcsCredential.ts"
import * as Credentials from "../YamcsCredential.ts"
import type { Client, ModeName, Options } from "./mode.ts"
import { located } from "./mode.ts"
import * as Requests from "./requests.ts"

export const apiKey = <R>(given: Given<Untagged<ApiKey>, R>, options: Options): Client<never, R> =>
  Effect.flatMap(
    CredentialSource.make(given, { mode: "Yamcs/ApiKey", make: ({ key }) => Credentials.apiKey({ key }) }),
    (credential) => bind("Yamcs/ApiKey", credential, Requests.apiKey, options)
  )

/** The server reads the scheme of the header case-sensitively. */
export const basic = <R>(given: Given<Untagged<CoreCredential.Basic>, R>, options: Options): Client<never, R> =>
  Effect.flatMap(
    CredentialSource.make(given, {
      mode: "Yamcs/Basic",
      make: ({ password, username }) => CoreCredential.basic({ username, password })
    }),
    (credential) => bind("Yamcs/Basic", credential, RequestCredentials.basic, options)
  )

export const anonymous = (options: Options): Client =>
  AuthenticatedHttpClient.make(
    Authenticator.fixed(RequestCredentials.none, { mode: "Yamcs/Anonymous", explain: Requests.explainAnonymous }),
    located(options)
  )

const bind = <C>(
  mode: ModeName,
  credential: CredentialSource.CredentialSource<C>,
  credentials: (credential: C) => RequestCredentials.RequestCredentials,
  options: Options
) =>
  AuthenticatedHttpClient.make(
    Authenticator.fromCredential(credential, {
      mode,
      explain: Requests.explain,
      coolDown: options.refreshPolicy?.coolDown,
      credentials
    }),
    located(options)
  )
