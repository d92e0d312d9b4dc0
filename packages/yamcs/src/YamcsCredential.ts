/**
 * What an application can know to enter Yamcs; the credential's tag is the mode.
 *
 * @since 0.1.0
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import type * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * User name and password, exchanged for an access and a refresh token. Unlike with HTTP Basic the user name may contain
 * a colon.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Password extends Schema.TaggedClass<Password>("@effect-auth/yamcs/Password")("Password", {
  username: Credential.Name,
  password: Credential.Secret
}) {}

/**
 * Every credential of Yamcs. Decode it from data to choose the mode at run time.
 *
 * @since 0.1.0
 * @category schemas
 */
export const YamcsCredential = Schema.Union(Password, Credential.Basic)

/**
 * @since 0.1.0
 * @category models
 */
export type YamcsCredential = typeof YamcsCredential.Type

/**
 * Makes a {@link Password}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const password = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
}): Either.Either<Password, InvalidSetting> => Credential.construct(() => new Password(fields))

/**
 * A {@link Password} from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const passwordConfig = (prefix: string): Config.Config<Password> =>
  Credential.checkedConfig(
    prefix,
    Config.all({ username: Config.string(`${prefix}_USERNAME`), password: Config.redacted(`${prefix}_PASSWORD`) }),
    password
  )
