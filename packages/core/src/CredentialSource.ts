/**
 * Where a mode gets its credential: a value given once, or an Effect that is run whenever the credential is needed, so
 * that a secret manager can rotate it while the program runs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { InvalidSetting } from "./AuthError.ts"
import { CredentialUnavailable } from "./AuthError.ts"

/**
 * The fields of a credential class as a plain object, its `_tag` included.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields<C> = { readonly [Key in keyof C]: C[Key] }

/**
 * The fields of a credential class without its `_tag`, for a layer whose mode is known by its name.
 *
 * @since 0.1.0
 * @category models
 */
export type Untagged<C> = Omit<Fields<C>, "_tag">

/**
 * What a layer of one mode takes as its credential: an instance of the class, a plain object of its fields, or an Effect
 * of either, which is run at each login.
 *
 * @since 0.1.0
 * @category models
 */
export type Given<C, R = never> = C | Effect.Effect<C, CredentialUnavailable, R>

/**
 * `R` in the type of a result, where it is to be inferred from the arguments alone. A credential that is a plain object
 * says nothing about `R`, and TypeScript would take it from where the result is used: a context that asks for
 * `Layer<any, any, any>`, such as the `lookup` of a `LayerMap`, would make it `any`. `NoInfer` is not enough: `Exclude`
 * does not take a union in it apart.
 *
 * @since 0.1.0
 * @category models
 */
export type Inferred<R> = [R][R extends unknown ? 0 : never]

/**
 * A credential and how often to read it.
 *
 * @since 0.1.0
 * @category models
 */
export interface CredentialSource<out C> {
  /** The credential, when it never changes. */
  readonly fixed: Option.Option<C>
  /** The credential as it is now. */
  readonly read: Effect.Effect<C, CredentialUnavailable>
}

/**
 * A source of the given credential. A value is checked here and fails with `InvalidSetting`. The value of an Effect is
 * checked at each read: one that cannot be sent fails that read with `CredentialUnavailable`, which names the field.
 *
 * @example
 * ```ts
 * import * as Credential from "@effect-auth/core/Credential"
 * import * as CredentialSource from "@effect-auth/core/CredentialSource"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * declare const fromVault: Effect.Effect<string>
 *
 * const source = CredentialSource.make(
 *   Effect.map(fromVault, (password) => ({ username: "reader", password: Redacted.make(password) })),
 *   { mode: "Acme/Basic", make: Credential.basic }
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <Fields extends object, C, R = never>(
  given: Given<Fields, R>,
  options: {
    /** The mode the credential is for, such as `Acme/Basic`; shown in errors. */
    readonly mode: string
    readonly make: (fields: Fields) => Either.Either<C, InvalidSetting>
  }
): Effect.Effect<CredentialSource<C>, InvalidSetting, R> => {
  if (!Effect.isEffect(given)) {
    return Effect.map(options.make(given), succeed)
  }
  const unusable = ({ problem, setting }: InvalidSetting) =>
    new CredentialUnavailable({ mode: options.mode, problem: `${setting}: ${problem}`, final: true })
  const read = Effect.flatMap(given, (fields) => Either.mapLeft(options.make(fields), unusable))
  return Effect.map(Effect.context<R>(), (context) => ({ fixed: Option.none(), read: Effect.provide(read, context) }))
}

/**
 * A source of a credential that never changes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const succeed = <C>(credential: C): CredentialSource<C> => ({
  fixed: Option.some(credential),
  read: Effect.succeed(credential)
})
