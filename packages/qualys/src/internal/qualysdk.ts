/**
 * A credential as the JSON object of the Python client `qualysdk`: its keys, what it makes of a dictionary, and how it is
 * written.
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Platform from "../Platform.ts"
import * as PythonJson from "./pythonJson.ts"

/** Hosts that are given one by one have no id; `CUSTOM` takes its place. */
const PlatformName = Schema.NullOr(Schema.Union(Schema.Literal("CUSTOM"), Platform.PlatformId)).annotations({
  message: () => ({ message: `must be one of ${Object.keys(Platform.platforms).join(", ")}`, override: true })
})

export const basicFields = {
  username: Credential.Basic.fields.username,
  password: Credential.Basic.fields.password,
  token: Schema.optionalWith(Schema.Null, { default: () => null })
}

export const jwtFields = {
  username: Credential.Basic.fields.username.pipe(Schema.filter((name) => name !== "" || "must not be empty")),
  password: Credential.Secret,
  token: Schema.optionalWith(Schema.NullOr(Credential.Bearer.fields.token), { default: () => null })
}

export const place = {
  platformName: Schema.optionalWith(Schema.typeSchema(PlatformName), { default: () => Platform.defaultPlatform }),
  override: Schema.optionalWith(Schema.NullOr(Schema.typeSchema(Platform.Override)), { default: () => null })
}

export interface Place {
  readonly platformName: typeof PlatformName.Type
  readonly override: Platform.Override | null
}

interface Fields<AuthType, Token> extends Place {
  readonly username: string
  readonly password: Redacted.Redacted
  readonly token: Token
  readonly authType: AuthType
}

/** The fields by the names that `qualysdk` has for them. */
interface Json<AuthType, Token> {
  readonly username: string
  readonly password: Redacted.Redacted
  readonly token: Token
  readonly auth_type: AuthType
  readonly platform: Place["platformName"]
  readonly override_platform: Place["override"]
}

export const fromNames = <AuthType, Token>(json: Json<AuthType, Token>): Fields<AuthType, Token> => ({
  username: json.username,
  password: json.password,
  token: json.token,
  authType: json.auth_type,
  platformName: json.platform,
  override: json.override_platform
})

export const toNames = <AuthType, Token>(fields: Fields<AuthType, Token>): Json<AuthType, Token> => ({
  username: fields.username,
  password: fields.password,
  token: fields.token,
  auth_type: fields.authType,
  platform: fields.platformName,
  override_platform: fields.override
})

export const located = (fields: Place): Platform.Platform =>
  fields.override !== null
    ? fields.override
    : fields.platformName === null || fields.platformName === "CUSTOM"
    ? Platform.defaultPlatform
    : fields.platformName

export const placeInJson = {
  platform: Schema.optionalWith(PlatformName, { default: () => Platform.defaultPlatform }),
  override_platform: Schema.optionalWith(Schema.NullOr(Platform.OverrideFromText), { default: () => null })
}

/** The fields that say a platform. */
export const placed = (platform: Platform.Platform = Platform.defaultPlatform) =>
  Either.map(Platform.fromUnknown(platform), (platform) =>
    typeof platform === "string"
      ? { platformName: platform, override: null }
      : { platformName: "CUSTOM" as const, override: platform })

interface Dictionary {
  readonly [key: string]: unknown
}

/** The members of a dictionary, with those that it leaves out. */
export const complete = (input: unknown): Either.Either<Dictionary, InvalidSetting> =>
  Predicate.isReadonlyRecord(input)
    ? typed(completed(input))
    : Either.left(new InvalidSetting({ setting: "credential", problem: `must be an object with the keys ${known}` }))

/** How a credential is written, to the byte as `qualysdk` writes it: on one line, or `pretty` with an indentation of four. */
export interface Options {
  readonly pretty?: boolean | undefined
}

/** Exactly these keys, in this order. */
export const write = (
  credential: Fields<string, Redacted.Redacted | null>,
  options: Options | undefined,
  secret: (secret: Redacted.Redacted) => string
): string =>
  PythonJson.write(
    {
      ...toNames(credential),
      password: secret(credential.password),
      token: credential.token === null ? null : secret(credential.token),
      override_platform: credential.override === null ? null : { ...credential.override }
    },
    options?.pretty === true ? 4 : undefined
  )

const known = "username, password, token, auth_type, platform and override_platform"

/** With what `qualysdk` makes of a dictionary. */
const completed = ({ generated_on: _, ...input }: Dictionary): Dictionary => {
  const override = input["override_platform"]
  const isEmpty = Predicate.isReadonlyRecord(override) && Object.keys(override).length === 0
  return {
    auth_type: Predicate.isNullable(input["token"]) ? "basic" : "token",
    platform: Predicate.isNullable(override) || isEmpty ? Platform.defaultPlatform : "CUSTOM",
    ...input,
    ...(isEmpty ? { override_platform: null } : undefined)
  }
}

/** One thing is said of the type and its token, where a union of schemas would name every field of both. */
const typed = (input: Dictionary): Either.Either<Dictionary, InvalidSetting> =>
  input["auth_type"] !== "basic" && input["auth_type"] !== "token"
    ? Either.left(new InvalidSetting({ setting: "credential.auth_type", problem: "must be basic or token" }))
    : input["auth_type"] === "basic" && Predicate.isNotNullable(input["token"])
    ? Either.left(
      new InvalidSetting({ setting: "credential.token", problem: "must be null where auth_type is basic" })
    )
    : Either.right(input)
