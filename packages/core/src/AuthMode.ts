/**
 * Evidence of how a program is authenticated. Every mode's layer provides `AuthMode<"System/Mode">`, and the service
 * behind that tag is the client of the mode itself: a function that needs one mode takes its client, does not compile
 * with another mode, and is never confused with other systems.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { AuthModeMismatch } from "./AuthError.ts"
import type { AuthenticatedHttpClient, Service } from "./internal/service.ts"
import { AuthenticatedHttpClient as SharedClient } from "./internal/service.ts"

const TypeId: unique symbol = Symbol.for("@effect-auth/core/AuthMode")

type TypeId = typeof TypeId

/**
 * The requirement "the client of the mode `Name`". Invariant in `Name`, so that one mode never stands for another.
 *
 * @since 0.1.0
 * @category models
 */
export interface AuthMode<in out Name extends string> {
  // `in out` makes it invariant. A function of `Name` would too, but a compile error would then be longer, and end in the
  // two modes the wrong way round.
  readonly [TypeId]: Name
}

/**
 * What a layer of the mode `Name` may claim. A mode known only at run time, a union or `string`, is no evidence; see
 * {@link require}.
 *
 * @since 0.1.0
 * @category models
 */
export type Evidence<Name extends string> = string extends Name ? never : IsUnion<Name> extends true ? never
: AuthMode<Name>

/**
 * The client of one mode. Its name is written out: a union or a `string` does not compile.
 *
 * @example
 * ```ts
 * import * as AuthMode from "@effect-auth/core/AuthMode"
 * import * as Effect from "effect/Effect"
 *
 * // Effect<..., ..., AuthMode<"Qualys/Jwt">>
 * const countAssets = Effect.flatMap(AuthMode.client("Qualys/Jwt"), (http) => http.get("/rest/2.0/count/am/asset"))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const client = <const Name extends string>(
  name: One<Name>
): Context.Tag<AuthMode<Name>, Service> => tag<AuthMode<Name>>(name)

/**
 * What a layer of this mode provides beside its other tags.
 *
 * @since 0.1.0
 * @category context
 */
export const evidence = <const Name extends string>(name: Name, client: Service): Context.Context<Evidence<Name>> =>
  Context.make(tag<Evidence<Name>>(name), client)

/**
 * Checks at run time what the types cannot: for layers whose mode was decoded from data. The effect gets the client of
 * the mode if the layer has that mode; otherwise it fails with `AuthModeMismatch` ("expected Qualys/Jwt, got
 * Qualys/Basic") before it runs. `from` is the client the layer provides (default: the shared one). A union or a
 * `string` is no mode: it does not compile, or with `from` it leaves the program's requirement as it is.
 *
 * @since 0.1.0
 * @category combinators
 */
export const require: {
  <const Name extends string>(
    name: One<Name>
  ): <A, E, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode<Name>> | AuthenticatedHttpClient>
  <const Name extends string, Self>(
    name: Name,
    from: Context.Tag<Self, Service>
  ): <A, E, R>(
    self: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode<Name>> | Self>
} = <Name extends string>(name: Name, from: Context.Tag<AuthenticatedHttpClient, Service> = SharedClient) =>
<A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode<Name>> | AuthenticatedHttpClient> =>
  Effect.zipRight(
    from,
    Effect.contextWithEffect(
      (context: Context.Context<never>): Effect.Effect<A, E | AuthModeMismatch, Exclude<R, AuthMode<Name>>> =>
        Option.match(Context.getOption(context, tag<AuthMode<Name>>(name)), {
          onNone: () => Effect.fail(new AuthModeMismatch({ expected: name, actual: modes(context).join(", ") })),
          onSome: (client) => Effect.provideService(self, tag<AuthMode<Name>>(name), client)
        })
    )
  )

/**
 * The modes whose clients a context holds; `no mode` if there is none. For messages.
 *
 * @since 0.1.0
 * @category context
 */
export const modes = (context: Context.Context<never>): ReadonlyArray<string> => {
  const names = Array.from(context.unsafeMap.keys()).filter((key) => key.startsWith(prefix)).map((key) =>
    key.slice(prefix.length)
  )
  return names.length === 0 ? ["no mode"] : names
}

/** `Name`, or else the message that a compile error ends in. */
type One<Name extends string> = string extends Name ? "a mode's name, written out"
  : IsUnion<Name> extends true ? "one mode at a time: choose it first"
  : Name

type IsUnion<T, U = T> = [T] extends [never] ? false : T extends unknown ? [U] extends [T] ? false : true : never

const prefix = "@effect-auth/core/AuthMode/"

const tag = <Self>(name: string): Context.Tag<Self, Service> => Context.GenericTag<Self, Service>(prefix + name)
