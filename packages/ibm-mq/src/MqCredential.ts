/**
 * The credentials of the REST API of IBM MQ. The tag of a credential is its mode.
 *
 * @example
 * ```ts
 * import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
 * import * as MqCredential from "@effect-auth/ibm-mq/MqCredential"
 * import * as Config from "effect/Config"
 *
 * const Mq = IbmMq.layerLtpaConfig({
 *   baseUrl: Config.string("MQ_URL"),
 *   credential: MqCredential.ltpaConfig("MQ") // MQ_USERNAME and MQ_PASSWORD
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import { ClientCertificate } from "@effect-auth/core/ClientCertificate"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * User name and password, exchanged for an LTPA token that then travels as a cookie. Unlike with HTTP Basic the user
 * name may contain a colon.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Ltpa extends Schema.TaggedClass<Ltpa>("@effect-auth/ibm-mq/Ltpa")("Ltpa", {
  username: Credential.Name,
  password: Credential.Secret
}) {}

/**
 * Every credential of IBM MQ. Decode it from data to choose the mode at run time.
 *
 * @since 0.1.0
 * @category schemas
 */
export const MqCredential = Schema.Union(Ltpa, Credential.Basic, ClientCertificate)

/**
 * @since 0.1.0
 * @category models
 */
export type MqCredential = typeof MqCredential.Type

/**
 * A user name and a password. Basic and LTPA accept either class, so that changing the mode does not change the
 * credential.
 *
 * @since 0.1.0
 * @category models
 */
export type UserPassword = Ltpa | Credential.Basic

/**
 * Makes an {@link Ltpa} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ltpa = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
}): Either.Either<Ltpa, InvalidSetting> => Credential.construct(() => new Ltpa(fields))

/**
 * An {@link Ltpa} credential from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const ltpaConfig = (prefix: string): Config.Config<Ltpa> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      username: Credential.variableConfig(`${prefix}_USERNAME`, Either.right),
      password: Config.redacted(Credential.variableConfig(`${prefix}_PASSWORD`, Either.right))
    }),
    ltpa
  )
