/** What all modes of IBM MQ share: the client's tag, options, what layers provide, and how a client is made of a proof. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type * as Authenticator from "@effect-auth/core/Authenticator"
import type { InvalidSetting, SetupError } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import type { ClientCertificate } from "@effect-auth/core/ClientCertificate"
import type * as Credential from "@effect-auth/core/Credential"
import type { Fields, Inferred } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Ltpa, MqCredential } from "../MqCredential.ts"
import * as Gateway from "./gateway.ts"
import * as Proof from "./proof.ts"

// @effect-diagnostics-next-line deterministicKeys:off -- every system's client has the key `<package>/Client`
export class MqClient extends Context.Tag("@effect-auth/ibm-mq/Client")<MqClient, AuthenticatedHttpClient.Service>() {}

/**
 * The mode of a credential: `IbmMq/Ltpa`, `IbmMq/Basic` or `IbmMq/ClientCertificate`.
 *
 * @since 0.1.0
 * @category models
 */
export type Mode<C extends { readonly _tag: MqCredential["_tag"] }> = `IbmMq/${C["_tag"]}`

/**
 * The name of a mode.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeName = Mode<MqCredential>

/**
 * The settings of every mode, so that changing the mode changes nothing else.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings {
  /**
   * The value of the `ibm-mq-rest-csrf-token` header, which may be empty; `null` leaves the header out. Servers before
   * 9.0.5 issue the value with a login, and theirs is used then. Default: `local`.
   */
  readonly csrfToken?: string | null | undefined
  /**
   * The whole name of the token's cookie, if the server is configured with a name of its own. The modes without a token
   * never send it. Default: the cookie whose name begins with `LtpaToken2`.
   */
  readonly cookieName?: string | undefined
  /**
   * The queue manager through which remote ones are reached, on every command that does not name its own. A login never
   * carries it. Default: the server's choice.
   */
  readonly gatewayQmgr?: string | undefined
  /**
   * LTPA: how long the server's tokens live (its `ltpaExpiration`), which the cookie does not state. A server that
   * remembers an earlier login of the user (for ten minutes) answers with the token of that login, which expires sooner;
   * its refusal leads to a new login. Default: 120 minutes, as the server's.
   */
  readonly lifetime?: DurationWithUnit | undefined
  /**
   * LTPA: whether the token is logged out at the end of the Scope. Two logins of one user may be given the same token; a
   * server that tracks logouts (`trackLoggedOutSSOCookies`) then refuses it to everyone who has it, and each of them logs
   * in anew. `false` where several processes use one user. Default: yes, unless a store keeps the session.
   */
  readonly logout?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Settings, System.PlainOptions {}

/**
 * The credential of `make` and `layer`: a class or a plain object of its fields, whose `_tag` is the mode.
 *
 * @since 0.1.0
 * @category models
 */
export type TaggedCredential = Fields<Ltpa> | Fields<Credential.Basic> | Fields<ClientCertificate>

/**
 * What the layer of a mode provides.
 *
 * @since 0.1.0
 * @category models
 */
export type ModeLayer<Name extends string, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | MqClient | AuthMode.Evidence<Name>,
  SetupError | E,
  HttpClient.HttpClient | Inferred<R>
>

export type Needs = HttpClient.HttpClient | Scope.Scope

export type Client<E = never, R = never> = Effect.Effect<AuthenticatedHttpClient.Service, SetupError | E, Needs | R>

export const modeOf = <C extends TaggedCredential>(credential: C): Mode<C> => {
  const tag: C["_tag"] = credential._tag
  return `IbmMq/${tag}`
}

export const csrfToken = ({ csrfToken = "local" }: Settings): Either.Either<string | null, InvalidSetting> =>
  csrfToken === null ? Either.right(null) : System.headerSetting("csrfToken", csrfToken)

export const cookieName = (
  { cookieName }: Pick<Settings, "cookieName">
): Either.Either<string | undefined, InvalidSetting> =>
  cookieName === undefined ? Either.right(undefined) : System.nameSetting("cookieName", cookieName)

const gatewayQmgr = ({ gatewayQmgr }: Settings): Either.Either<string | undefined, InvalidSetting> =>
  gatewayQmgr === undefined ? Either.right(undefined) : Gateway.setting(gatewayQmgr)

/** mqweb answers only in JSON, and expects to be asked for it. `write` adds what the credentials do not. */
export const bind = (
  authenticator: Authenticator.Authenticator,
  options: Options,
  write: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest = (request) => request
): Effect.Effect<AuthenticatedHttpClient.Service, SetupError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const named = yield* cookieName(options)
    const gateway = yield* gatewayQmgr(options)
    const through = gateway === undefined ?
      write :
      (request: HttpClientRequest.HttpClientRequest) => Gateway.through(write(request), gateway)
    const alone = Proof.alone(authenticator, Proof.isToken(named), through)
    return yield* AuthenticatedHttpClient.make(alone, { ...options, defaultHeaders: { accept: "application/json" } })
      .pipe(withoutJar(named))
  })

export const withoutJar = (cookieName: string | undefined) =>
  Effect.updateService(HttpClient.HttpClient, (client) => Proof.withoutJar(client, Proof.isToken(cookieName)))

export const layerOf = <const Name extends string, E, R = never>(
  mode: Name,
  make: Effect.Effect<AuthenticatedHttpClient.Service, E, Needs | R>
): Layer.Layer<
  AuthenticatedHttpClient.AuthenticatedHttpClient | MqClient | AuthMode.Evidence<Name>,
  E,
  HttpClient.HttpClient | Inferred<R>
> =>
  System.inferred<AuthenticatedHttpClient.AuthenticatedHttpClient | MqClient | AuthMode.Evidence<Name>, E, R>(
    AuthenticatedHttpClient.layerMode({ mode, client: MqClient }, make)
  )
