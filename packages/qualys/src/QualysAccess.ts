/**
 * What a mode can access. A JWT opens the gateway but not the API host, a user name and password the API host but not the
 * gateway. A function requires the access it needs, and does not compile with a mode that lacks it.
 *
 * @since 0.1.0
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import { AuthModeMismatch } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Access } from "./internal/access.ts"

export type {
  /**
   * What stands behind the evidence: the mode, and the hosts, so that a function need not know what relative URLs are
   * relative to.
   *
   * @since 0.1.0
   * @category models
   */
  Access
}

/**
 * Evidence that the client may call the API host; the requirement of a function for `/api/2.0`, `/msp` or `/qps`. The
 * modes Basic, Session and Bearer provide it.
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
 * Evidence that the client may call the gateway. The modes Jwt and Bearer provide it.
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
  { readonly client: AuthenticatedHttpClient.Service }
>() {}

/**
 * Checks at run time that the mode may call the API host. Fails with `AuthModeMismatch` before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const requireApi = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, ApiAccess>> =>
  require(self, ApiAccess, "Qualys/Basic, Qualys/Session or Qualys/Bearer")

/**
 * Checks at run time that the mode may call the gateway. Fails with `AuthModeMismatch` before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const requireGateway = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, GatewayAccess>> =>
  require(self, GatewayAccess, "Qualys/Jwt or Qualys/Bearer")

const require = <A, E, R, Self>(
  self: Effect.Effect<A, E, R>,
  tag: Context.Tag<Self, Access>,
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
