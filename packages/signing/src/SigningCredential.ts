/**
 * What requests are signed with. The tag of a credential is its mode.
 *
 * @since 0.1.0
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * User name and password for HTTP Digest (RFC 7616). Unlike those of Basic, the name may have a colon in it only where the
 * server hashes it, so it has none. Either may be empty.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Digest extends Schema.TaggedClass<Digest>("@effect-auth/signing/Digest")("Digest", {
  username: Credential.Basic.fields.username,
  password: Credential.Basic.fields.password
}) {}

/**
 * Makes a {@link Digest} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const digest = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
}): Either.Either<Digest, InvalidSetting> => Credential.construct(() => new Digest(fields))

/**
 * A {@link Digest} credential from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const digestConfig = (prefix: string): Config.Config<Digest> =>
  Credential.checkedConfig(
    prefix,
    Config.all({ username: text(`${prefix}_USERNAME`), password: secret(`${prefix}_PASSWORD`) }),
    digest
  )

const text = (name: string): Config.Config<string> => Credential.variableConfig(name, Either.right)

const secret = (name: string): Config.Config<Redacted.Redacted> =>
  Credential.variableConfig(name, (text) => Either.right(Redacted.make(text)))
