/**
 * Credentials of Qualys as they are kept in files and secret stores: one JSON object with the keys `username`,
 * `password`, `token`, `auth_type`, `platform` and `override_platform`, as the Python client `qualysdk` reads and writes
 * them. Decoding and revealing give the same object.
 *
 * @example
 * ```ts
 * import * as QualysCredential from "@effect-auth/qualys/QualysCredential"
 *
 * // as `qualysdk` writes it
 * const credential = (file: string) => QualysCredential.fromJson(file)
 * ```
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as System from "@effect-auth/core/System"
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as PythonJson from "./internal/pythonJson.ts"
import * as Platform from "./Platform.ts"

/** Hosts that are given one by one have no id; `CUSTOM` takes its place. */
const PlatformName = Schema.NullOr(Schema.Union(Schema.Literal("CUSTOM"), Platform.PlatformId)).annotations({
  message: () => ({ message: `must be one of ${Object.keys(Platform.platforms).join(", ")}`, override: true })
})

const basicFields = {
  username: Credential.Basic.fields.username,
  password: Credential.Basic.fields.password,
  token: Schema.optionalWith(Schema.Null, { default: () => null })
}

const jwtFields = {
  username: Credential.Basic.fields.username.pipe(Schema.filter((name) => name !== "" || "must not be empty")),
  password: Credential.Secret,
  token: Schema.optionalWith(Schema.NullOr(Credential.Bearer.fields.token), { default: () => null })
}

const place = {
  platformName: Schema.optionalWith(Schema.typeSchema(PlatformName), { default: () => Platform.defaultPlatform }),
  override: Schema.optionalWith(Schema.NullOr(Schema.typeSchema(Platform.Override)), { default: () => null })
}

interface Place {
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

const fromNames = <AuthType, Token>(json: Json<AuthType, Token>): Fields<AuthType, Token> => ({
  username: json.username,
  password: json.password,
  token: json.token,
  authType: json.auth_type,
  platformName: json.platform,
  override: json.override_platform
})

const toNames = <AuthType, Token>(fields: Fields<AuthType, Token>): Json<AuthType, Token> => ({
  username: fields.username,
  password: fields.password,
  token: fields.token,
  auth_type: fields.authType,
  platform: fields.platformName,
  override_platform: fields.override
})

const hasHosts = ({ override, platformName }: Place) =>
  platformName === "CUSTOM" && override === null
    ? { path: ["override_platform"], message: "must be given where platform is CUSTOM" }
    : undefined

const located = (fields: Place): Platform.Platform =>
  fields.override !== null
    ? fields.override
    : fields.platformName === null || fields.platformName === "CUSTOM"
    ? Platform.defaultPlatform
    : fields.platformName

/**
 * A user name and password that are sent with every call: `auth_type` is `basic`, and `token` is null.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Basic extends Schema.Class<Basic>("@effect-auth/qualys/Basic")(
  Schema.Struct({
    ...basicFields,
    authType: Schema.Literal("basic"),
    ...place
  }).pipe(Schema.filter(hasHosts))
) {
  /** The mode; not part of the JSON. */
  get _tag(): "Basic" {
    return "Basic"
  }

  /** The platform of the account: the override, else the id. */
  get platform(): Platform.Platform {
    return located(this)
  }
}

/**
 * A user name and password that are exchanged for a JWT: `auth_type` is `token`. A stored `token` is used while it is
 * valid.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Jwt extends Schema.Class<Jwt>("@effect-auth/qualys/Jwt")(
  Schema.Struct({
    ...jwtFields,
    authType: Schema.Literal("token"),
    ...place
  }).pipe(Schema.filter(hasHosts))
) {
  /** The mode; not part of the JSON. */
  get _tag(): "Jwt" {
    return "Jwt"
  }

  /** The platform of the account: the override, else the id. */
  get platform(): Platform.Platform {
    return located(this)
  }
}

/**
 * A client of the subscription or of one of its users, as an administrator registers it, with its secret. What it obtains
 * is good for four hours. The token of a user's client ends with that user, and is the one that WAS takes. It has no form
 * in the JSON of `qualysdk`.
 *
 * @see https://docs.qualys.com/en/oauth/oauth-phase2/
 * @since 0.1.0
 * @category schemas
 */
export class ClientCredentials
  extends Schema.TaggedClass<ClientCredentials>("@effect-auth/qualys/ClientCredentials")("ClientCredentials", {
    clientId: Credential.Name.pipe(
      Schema.filter((id) =>
        Either.match(System.headerSetting("clientId", id), { onLeft: ({ problem }) => problem, onRight: () => true })
      )
    ),
    clientSecret: Credential.HeaderSecret,
    level: Schema.Literal("user", "subscription")
  })
{}

const placeInJson = {
  platform: Schema.optionalWith(PlatformName, { default: () => Platform.defaultPlatform }),
  override_platform: Schema.optionalWith(Schema.NullOr(Platform.OverrideFromText), { default: () => null })
}

const BasicFromJson = Schema.transform(
  Schema.Struct({
    ...basicFields,
    auth_type: Schema.Literal("basic"),
    ...placeInJson
  }).pipe(Schema.filter((json) => hasHosts(fromNames(json)))),
  Schema.typeSchema(Basic),
  { strict: true, decode: (json) => new Basic(fromNames(json)), encode: toNames }
)

const JwtFromJson = Schema.transform(
  Schema.Struct({
    ...jwtFields,
    auth_type: Schema.Literal("token"),
    ...placeInJson
  }).pipe(Schema.filter((json) => hasHosts(fromNames(json)))),
  Schema.typeSchema(Jwt),
  { strict: true, decode: (json) => new Jwt(fromNames(json)), encode: toNames }
)

/**
 * Either of them, as the JSON object; `auth_type` tells which.
 *
 * @since 0.1.0
 * @category schemas
 */
export const QualysCredential = Schema.Union(BasicFromJson, JwtFromJson)

/**
 * @since 0.1.0
 * @category models
 */
export type QualysCredential = Basic | Jwt

/**
 * Makes a {@link Basic}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const basic = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
  readonly platform?: Platform.Platform | undefined
}): Either.Either<Basic, InvalidSetting> =>
  Either.flatMap(
    placed(fields.platform),
    (place) =>
      Credential.construct(() =>
        new Basic({ username: fields.username, password: fields.password, authType: "basic", ...place })
      )
  )

/**
 * Makes a {@link Jwt}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const jwt = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
  readonly token?: Redacted.Redacted | undefined
  readonly platform?: Platform.Platform | undefined
}): Either.Either<Jwt, InvalidSetting> =>
  Either.flatMap(
    placed(fields.platform),
    (place) =>
      Credential.construct(() =>
        new Jwt({
          username: fields.username,
          password: fields.password,
          token: fields.token ?? null,
          authType: "token",
          ...place
        })
      )
  )

/**
 * Makes a {@link ClientCredentials}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientCredentials = (fields: {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly level: "user" | "subscription"
}): Either.Either<ClientCredentials, InvalidSetting> => Credential.construct(() => new ClientCredentials(fields))

/**
 * {@link ClientCredentials} of a level from `<prefix>_CLIENT_ID` and `<prefix>_CLIENT_SECRET`.
 *
 * @since 0.1.0
 * @category config
 */
export const clientCredentialsConfig = (
  prefix: string,
  level: "user" | "subscription"
): Config.Config<ClientCredentials> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      clientId: Credential.variableConfig(`${prefix}_CLIENT_ID`, Either.right),
      clientSecret: Config.redacted(Credential.variableConfig(`${prefix}_CLIENT_SECRET`, Either.right))
    }),
    (fields) => clientCredentials({ ...fields, level })
  )

/**
 * Decodes a credential from a dictionary. Where `auth_type` is missing it is `token` if there is a token, else `basic`;
 * a missing `platform` is `qg3`, or `CUSTOM` where there is an override. The URLs of an override are completed as by
 * `Platform.OverrideFromText`. `generated_on`, which a `TokenAuth` of `qualysdk` has as well, is ignored; any other
 * unknown key is refused by name, because it may be a mistake. The error names the field and never quotes its value.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromUnknown = (input: unknown): Either.Either<QualysCredential, InvalidSetting> =>
  Predicate.isReadonlyRecord(input)
    ? Either.flatMap(typed(complete(input)), decode)
    : Either.left(new InvalidSetting({ setting: "credential", problem: `must be an object with the keys ${known}` }))

/**
 * Decodes a credential from a JSON text; see {@link fromUnknown}.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromJson = (json: string): Either.Either<QualysCredential, InvalidSetting> =>
  Either.flatMap(Credential.fromJson(Schema.Unknown)(json), fromUnknown)

/** How a credential is written, to the byte as `qualysdk` writes it: on one line, or `pretty` with an indentation of four. */
interface JsonOptions {
  readonly pretty?: boolean | undefined
}

/**
 * The credential as JSON with `<redacted>` in place of its secrets, for display.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toJson = (credential: QualysCredential, options?: JsonOptions): string =>
  write(credential, options, String)

/**
 * The credential as JSON **with its secrets in the clear**, for storing it somewhere safe.
 *
 * @since 0.1.0
 * @category encoding
 */
export const revealJson = (credential: QualysCredential, options?: JsonOptions): string =>
  write(credential, options, Redacted.value)

/**
 * A credential from one variable that holds its JSON.
 *
 * @since 0.1.0
 * @category config
 */
export const config = (name: string): Config.Config<QualysCredential> =>
  Credential.variableConfig(name, (json) => Either.mapLeft(fromJson(json), (error) => error.message))

const known = "username, password, token, auth_type, platform and override_platform"

const complete = (
  { generated_on: _, ...input }: { readonly [key: string]: unknown }
): { readonly [key: string]: unknown } => {
  const override = input["override_platform"]
  const isEmpty = Predicate.isReadonlyRecord(override) && Object.keys(override).length === 0
  return {
    // what `qualysdk` makes of a dictionary
    auth_type: Predicate.isNullable(input["token"]) ? "basic" : "token",
    platform: Predicate.isNullable(override) || isEmpty ? Platform.defaultPlatform : "CUSTOM",
    ...input,
    ...(isEmpty ? { override_platform: null } : undefined)
  }
}

/** One thing is said of the type and its token, where a union of schemas would name every field of both. */
const typed = <A extends { readonly [key: string]: unknown }>(input: A): Either.Either<A, InvalidSetting> =>
  input["auth_type"] !== "basic" && input["auth_type"] !== "token"
    ? Either.left(new InvalidSetting({ setting: "credential.auth_type", problem: "must be basic or token" }))
    : input["auth_type"] === "basic" && Predicate.isNotNullable(input["token"])
    ? Either.left(
      new InvalidSetting({ setting: "credential.token", problem: "must be null where auth_type is basic" })
    )
    : Either.right(input)

const decode = Credential.fromUnknown(QualysCredential)

const placed = (platform: Platform.Platform = Platform.defaultPlatform) =>
  Either.map(Platform.fromUnknown(platform), (platform) =>
    typeof platform === "string"
      ? { platformName: platform, override: null }
      : { platformName: "CUSTOM" as const, override: platform })

/** Exactly these keys, in this order. */
const write = (
  credential: QualysCredential,
  options: JsonOptions | undefined,
  secret: (secret: Redacted.Redacted) => string
): string =>
  PythonJson.write(
    {
      ...toNames<string, Redacted.Redacted | null>(credential),
      password: secret(credential.password),
      token: credential.token === null ? null : secret(credential.token),
      override_platform: credential.override === null ? null : { ...credential.override }
    },
    options?.pretty === true ? 4 : undefined
  )
