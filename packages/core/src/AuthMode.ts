/**
 * Evidence of how a program is authenticated. Every mode's layer provides `AuthMode<"Vendor/Mode">` beside its client;
 * a function that works with one mode only says so in its requirements and does not compile with another.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { AuthModeMismatch } from "./AuthError.ts"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-auth/core/AuthMode")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * The requirement "authenticated by the mode `Name`". Invariant in `Name`: a mode chosen at run time
 * (`AuthMode<"A" | "B">`) does not satisfy a requirement for `AuthMode<"A">`; see {@link require}.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthMode<in out Name extends string> {
  readonly [TypeId]: (name: Name) => Name
}

/**
 * What stands behind the evidence: the mode's name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service<out Name extends string> {
  readonly mode: Name
}

/**
 * The tag of a mode. All modes share one key: a program has one authenticated client, hence one mode.
 *
 * @since 0.1.0
 * @category tags
 */
export const AuthMode = <const Name extends string>(_name: Name): Context.Tag<AuthMode<Name>, Service<Name>> =>
  Context.GenericTag<AuthMode<Name>, Service<Name>>("@effect-auth/core/AuthMode")

/**
 * @since 0.1.0
 * @category context
 */
export const context = <const Name extends string>(name: Name): Context.Context<AuthMode<Name>> =>
  Context.make(AuthMode(name), { mode: name })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer = <const Name extends string>(name: Name): Layer.Layer<AuthMode<Name>> =>
  Layer.succeedContext(context(name))

/**
 * Checks at run time what the types could not: for layers whose mode was decoded from data. Fails with
 * `AuthModeMismatch` ("expected Qualys/Jwt, got Qualys/Basic") before the effect runs.
 *
 * @since 0.1.0
 * @category combinators
 */
export const require = <const Name extends string>(name: Name) =>
<A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode<Name>>> =>
  Effect.flatMap(
    Effect.context<never>(),
    (context): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode<Name>>> => {
      const actual = Option.match(Context.getOption(context, AuthMode<string>(name)), {
        onNone: () => "no mode",
        onSome: (service) => service.mode
      })
      return actual === name
        ? Effect.provideService(self, AuthMode(name), { mode: name })
        : Effect.fail(new AuthModeMismatch({ expected: name, actual }))
    }
  )
