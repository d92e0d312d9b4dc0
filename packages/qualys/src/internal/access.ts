/** What each mode can access, as layers of its evidence. */
import type { InvalidSetting, SetupError } from "@effect-auth/core/AuthError"
import type { Given, Inferred } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type { Access } from "../QualysAccess.ts"
import { Account, ApiAccess, GatewayAccess } from "../QualysAccess.ts"
import * as QualysCredential from "../QualysCredential.ts"
import * as Clients from "./clients.ts"
import type { Login, Options, Place } from "./mode.ts"
import { located } from "./mode.ts"

/** A user name and password, as they are or as a session. */
export const ofLogin = <R>(
  mode: string,
  given: Given<Login, R>,
  options: Options
): Layer.Layer<ApiAccess | Account, SetupError, HttpClient.HttpClient | Inferred<R>> =>
  Layer.merge(evidence(ApiAccess, mode, located(given, options)), account(given, options))

export const ofJwt = <R>(
  mode: string,
  given: Given<Login, R>,
  options: Options,
  tokens: TokenSource
): Layer.Layer<ApiAccess | GatewayAccess | Account, SetupError, HttpClient.HttpClient | Inferred<R>> => {
  const place = located(given, options)
  return Layer.mergeAll(
    evidence(GatewayAccess, mode, place),
    options.alsoApi === true
      ? evidence(ApiAccess, mode, place)
      // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the overloads of `layerJwt` claim it with `alsoApi` alone
      : Layer.empty as Layer.Layer<ApiAccess>,
    account(given, options, tokens)
  )
}

/** A token that both hosts take. */
export const ofBoth = (mode: string, options: Options): Layer.Layer<ApiAccess | GatewayAccess, InvalidSetting> => {
  const place = located(undefined, options)
  return Layer.merge(evidence(ApiAccess, mode, place), evidence(GatewayAccess, mode, place))
}

const evidence = <Self>(
  tag: Context.Tag<Self, Access>,
  mode: string,
  place: Either.Either<Place, InvalidSetting>
): Layer.Layer<Self, InvalidSetting> => Layer.effect(tag, Either.map(place, ({ hosts }) => ({ mode, hosts })))

/** A user and password open the API host by Basic, whatever the mode of the program; with its tokens, if they are JWTs. */
const account = <R>(
  given: Given<Login, R>,
  options: Options,
  tokens?: TokenSource
): Layer.Layer<Account, SetupError, HttpClient.HttpClient | Inferred<R>> =>
  System.inferred<Account, SetupError, R>(
    Layer.scoped(
      Account,
      Effect.gen(function*() {
        const { platform } = yield* located(given, options)
        const { read } = yield* CredentialSource.make(given, {
          mode: "Qualys/Basic",
          make: ({ password, username }): Either.Either<QualysCredential.QualysCredential, InvalidSetting> =>
            tokens === undefined
              ? QualysCredential.basic({ username, password, platform })
              : QualysCredential.jwt({ username, password, platform })
        })
        const credential = tokens === undefined
          ? read
          : Effect.flatMap(
            Effect.zip(read, tokens.get),
            ([{ password, username }, { value }]) =>
              QualysCredential.jwt({ username, password, token: value, platform })
          )
        return { client: yield* Clients.basic(given, options), credential }
      })
    )
  )
