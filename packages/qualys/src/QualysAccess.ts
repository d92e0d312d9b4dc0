/**
 * What a mode can access. A JWT opens the gateway but not the API host, a user name and password the API host but not the
 * gateway. A function requires the access it needs, and does not compile with a mode that lacks it.
 *
 * @since 0.1.0
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { ExchangeError, InvalidSetting } from "@effect-auth/core/AuthError"
import { AuthModeMismatch } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Hosts } from "./Platform.ts"
import * as QualysCredential from "./QualysCredential.ts"

/**
 * What stands behind the evidence: the mode, and the hosts, so that a function need not know what relative URLs are
 * relative to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Access {
  readonly mode: string
  readonly hosts: Hosts
}

/**
 * Evidence that the client may call the API host; the requirement of a function for `/api/2.0`, `/msp` or `/qps`. The
 * modes Basic, Session, Bearer and ClientCredentials provide it, and Jwt with `alsoApi`.
 *
 * @example
 * ```ts
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import * as QualysAccess from "@effect-auth/qualys/QualysAccess"
 * import * as Effect from "effect/Effect"
 *
 * const listScans = Effect.gen(function*() {
 *   const http = yield* Qualys.Client
 *   const { hosts } = yield* QualysAccess.ApiAccess
 *   const response = yield* http.get(`${hosts.api}/api/2.0/fo/scan/?action=list`)
 *   return yield* response.text
 * })
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class ApiAccess extends Context.Tag("@effect-auth/qualys/QualysAccess/ApiAccess")<ApiAccess, Access>() {}

/**
 * Evidence that the client may call the gateway. The modes Jwt, Bearer and ClientCredentials provide it.
 *
 * @since 0.1.0
 * @category tags
 */
export class GatewayAccess
  extends Context.Tag("@effect-auth/qualys/QualysAccess/GatewayAccess")<GatewayAccess, Access>()
{}

/**
 * Evidence of a user name and password, which open the API host by Basic whatever the mode is. The modes Basic, Session
 * and Jwt provide it.
 *
 * @since 0.1.0
 * @category tags
 */
export class Account extends Context.Tag("@effect-auth/qualys/QualysAccess/Account")<
  Account,
  {
    readonly client: AuthenticatedHttpClient.Service
    /** The credential as it is now, with the JWT that a mode with one holds. Logs in if it holds none. */
    readonly credential: Effect.Effect<QualysCredential.QualysCredential, ExchangeError | InvalidSetting>
  }
>() {}

/**
 * The credential as the JSON of `qualysdk` **with its secrets in the clear**, the live JWT among them: what its
 * `to_json_string` gives, because that logs in first. Nothing is sent in a mode without a JWT, whose `token` is null.
 *
 * @example
 * ```ts
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import * as Effect from "effect/Effect"
 *
 * const stored = Qualys.revealJson({ pretty: true }).pipe(
 *   Effect.provide(Qualys.layerJwtConfig({ credential: Qualys.credentialConfig("QUALYS") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category encoding
 */
export const revealJson = (
  options?: { readonly pretty?: boolean | undefined }
): Effect.Effect<string, ExchangeError | InvalidSetting, Account> =>
  Effect.flatMap(
    Account,
    ({ credential }) => Effect.map(credential, (credential) => QualysCredential.revealJson(credential, options))
  )

/**
 * Checks at run time that the mode may call the API host. Fails with `AuthModeMismatch` before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const requireApi = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, ApiAccess>> =>
  require(
    self,
    ApiAccess,
    "Qualys/Basic, Qualys/Session, Qualys/Bearer, Qualys/ClientCredentials or Qualys/Jwt with alsoApi"
  )

/**
 * Checks at run time that the mode may call the gateway. Fails with `AuthModeMismatch` before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const requireGateway = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, GatewayAccess>> =>
  require(self, GatewayAccess, "Qualys/Jwt, Qualys/Bearer or Qualys/ClientCredentials")

/**
 * Checks at run time that the mode has a user name and password. Fails with `AuthModeMismatch` before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const requireAccount = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, Account>> =>
  require(self, Account, "Qualys/Basic, Qualys/Session or Qualys/Jwt")

const require = <A, E, R, Self, Service>(
  self: Effect.Effect<A, E, R>,
  tag: Context.Tag<Self, Service>,
  expected: string
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, Self>> =>
  Effect.flatMap(
    Effect.context<never>(),
    (context): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, Self>> =>
      Option.match(Context.getOption(context, tag), {
        onNone: () => Effect.fail(new AuthModeMismatch({ expected, actual: AuthMode.modes(context).join(", ") })),
        onSome: (access) => Effect.provideService(self, tag, access)
      })
  )
