/**
 * What a mode may call. A JWT opens the gateway and not the API host, a user name and password the other way round; a
 * function says in its requirements which it needs, and does not compile with a mode that cannot call it.
 *
 * @since 0.1.0
 */
import { AuthModeMismatch } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Platform from "./Platform.ts"

/**
 * What stands behind the evidence: the mode, and the hosts, so that a function need not know what relative URLs are
 * relative to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Access {
  readonly mode: string
  readonly hosts: Platform.Hosts
}

/**
 * Evidence that the client may call the API host; the requirement of a function for `/api/2.0`, `/msp` or `/qps`. The
 * modes Basic, Session and Bearer provide it.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as QualysAccess from "@effect-auth/qualys/QualysAccess"
 * import * as Effect from "effect/Effect"
 *
 * const listScans = Effect.gen(function*() {
 *   const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
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
        onNone: () => Effect.fail(new AuthModeMismatch({ expected, actual: actualMode(context) })),
        onSome: (access) => Effect.provideService(self, tag, access)
      })
  )

/** All modes share one key, whatever their name. */
const actualMode = (context: Context.Context<never>): string =>
  Option.match(Context.getOption(context, AuthMode.AuthMode<string>("Qualys")), {
    onNone: () => "no mode",
    onSome: ({ mode }) => mode
  })
