import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** User name and password, exchanged for tokens. */
export class Password extends Schema.TaggedClass<Password>("acme/Password")("Password", {
  username: Credential.Name,
  password: Credential.Secret
}) {}

/** An API key, sent with every request. */
export class ApiKey extends Schema.TaggedClass<ApiKey>("acme/ApiKey")("ApiKey", {
  key: Credential.HeaderSecret
}) {}

export type AcmeCredential = Password | ApiKey

export const password = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
}): Either.Either<Password, InvalidSetting> => Credential.construct(() => new Password(fields))

export const apiKey = (fields: {
  readonly key: Redacted.Redacted
}): Either.Either<ApiKey, InvalidSetting> => Credential.construct(() => new ApiKey(fields))

/** From `<prefix>_USERNAME` and `<prefix>_PASSWORD`. */
export const passwordConfig = (prefix: string): Config.Config<Password> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      username: Credential.variableConfig(`${prefix}_USERNAME`, Either.right),
      password: Config.redacted(Credential.variableConfig(`${prefix}_PASSWORD`, Either.right))
    }),
    password
  )
