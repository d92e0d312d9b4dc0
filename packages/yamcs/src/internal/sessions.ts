/** The modes that exchange something for tokens: what each brings, and the token source that is made of it. */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import type { Negotiate } from "@effect-auth/core/Negotiate"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as System from "@effect-auth/core/System"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { OpenId, Password, ServiceAccount, Session, Spnego } from "../YamcsCredential.ts"
import * as Credentials from "../YamcsCredential.ts"
import type { MakeTokens, ModeName, Options, Person } from "./mode.ts"
import * as Mode from "./mode.ts"
import * as Once from "./once.ts"
import * as OpenIdLogin from "./openId.ts"
import * as SlidingWindow from "./slidingWindow.ts"
import * as SpnegoLogin from "./spnego.ts"
import * as Tokens from "./tokens.ts"

export const password = <R>(given: Given<Untagged<Password>, R>, options: Options): MakeTokens<R> =>
  make("Yamcs/Password", given, options, {
    make: ({ password, username }) => Credentials.password({ username, password }),
    account: ({ username }) => username,
    login: Tokens.password
  })

export const serviceAccount = <R>(given: Given<Untagged<ServiceAccount>, R>, options: Options): MakeTokens<R> =>
  Effect.flatMap(Once.make("Yamcs/ServiceAccount"), (once) =>
    make("Yamcs/ServiceAccount", given, options, {
      make: ({ asItself, become, clientId, clientSecret }) =>
        Credentials.serviceAccount({ clientId, clientSecret, become, asItself }),
      account: ({ become, clientId }) => become === undefined ? clientId : `${clientId} as ${become}`,
      login: (endpoint, account) => {
        const exchange = Tokens.clientCredentials(endpoint, account)
        return account.become === undefined ? once(exchange) : exchange
      }
    }))

export const bearer = <R>(given: Given<Untagged<Session>, R>, options: Options): MakeTokens<R> => {
  const refreshes = Effect.isEffect(given) || given.refreshToken !== undefined
  const refreshPolicy = options.refreshPolicy ?? (refreshes ? keptAlive : Mode.refreshPolicy)
  return Effect.tap(
    make("Yamcs/Bearer", given, { ...options, refreshPolicy }, {
      make: ({ accessToken, expiresAt, refreshToken }) => Credentials.session({ accessToken, expiresAt, refreshToken }),
      // no account is named: the session itself is what a stored token continues
      account: ({ accessToken, refreshToken }) => Redacted.value(refreshToken ?? accessToken),
      login: ({ mode }) => Tokens.sessionOver(mode),
      initial: Tokens.given
    }),
    // it began before this program, and ends however long the first request takes to come
    (tokens) => refreshes && refreshPolicy.keepAlive ? Effect.forkScoped(Effect.ignore(tokens.get)) : Effect.void
  )
}

/** Without a principal nothing is stored, because it would be found by whoever has a ticket. */
export const spnego = (credential: Untagged<Spnego>, options: Options): MakeTokens<Negotiate> => {
  const { principal } = credential
  return make("Yamcs/Spnego", credential, options, {
    make: ({ principal, service }) => Credentials.spnego({ service, principal }),
    account: principal === undefined ? undefined : () => principal,
    login: SpnegoLogin.login
  })
}

export const openId = (
  credential: Untagged<OpenId>,
  options: Options & Pick<OpenIdLogin.Options, "redirect">
): MakeTokens<Person> => {
  const refreshPolicy = options.refreshPolicy ?? keptAlive
  return make("Yamcs/OpenId", credential, { ...options, refreshPolicy }, {
    make: ({ account, issuer }) => Credentials.openId({ account, issuer }),
    account: ({ account = "" }) => account,
    interactive: (endpoint, credential) =>
      OpenIdLogin.login(endpoint, credential, { ...options, retry: refreshPolicy.retry })
  })
}

/** For sessions that cannot be logged in again without a person: 30 minutes without a refresh end them. */
const keptAlive = RefreshPolicy.keepAlive(Mode.refreshPolicy, true)

interface Brings<F, C, R> {
  readonly make: (fields: F) => Either.Either<C, InvalidSetting>
  readonly account: ((credential: C) => string) | undefined
  readonly login?: ((endpoint: Tokens.Endpoint, credential: C) => Tokens.Exchange<R>) | undefined
  readonly interactive?: ((endpoint: Tokens.Endpoint, credential: C) => Tokens.Exchange<R>) | undefined
  readonly initial?: ((mode: string, credential: C) => Tokens.Given) | undefined
}

const make = <R, F extends object, C, R2 = never>(
  mode: ModeName,
  given: Given<F, R>,
  options: Options,
  { account, initial, interactive, login, make }: Brings<F, C, R2>
): MakeTokens<R | R2> =>
  Effect.gen(function*() {
    const { baseUrl } = yield* OriginPolicy.make(Mode.located(options))
    const { read } = yield* CredentialSource.make(given, { mode, make })
    const endpoint: Tokens.Endpoint = { baseUrl, mode, delaying: yield* SlidingWindow.make(tokenRequests) }
    return yield* System.makeTokens(
      {
        mode,
        origin: baseUrl,
        account: account === undefined ? undefined : Effect.map(read, account),
        login: login === undefined ? undefined : Effect.flatMap(read, (credential) => login(endpoint, credential)),
        interactive: interactive === undefined
          ? undefined
          : () => Effect.flatMap(read, (credential) => interactive(endpoint, credential)),
        refresh: Tokens.refresh(endpoint),
        initial: initial === undefined
          ? undefined
          : Effect.asSome(Effect.flatMap(read, (credential) => initial(mode, credential)))
      },
      { ...options, refreshPolicy: options.refreshPolicy ?? Mode.refreshPolicy }
    )
  })

/**
 * The server answers 429 to the sixth token request of an address within a second (`maxAuthRequestsPerSecond`). A fifth
 * of a second is added, because requests may arrive closer together than they were sent.
 */
const tokenRequests: SlidingWindow.Limit = { starts: 5, within: "1200 millis" }
