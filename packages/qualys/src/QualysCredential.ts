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
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as System from "@effect-auth/core/System"
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Qualysdk from "./internal/qualysdk.ts"
import type * as Platform from "./Platform.ts"

const hasHosts = ({ override, platformName }: Qualysdk.Place) =>
  platformName === "CUSTOM" && override === null
    ? { path: ["override_platform"], message: "must be given where platform is CUSTOM" }
    : undefined

/**
 * A user name and password that are sent with every call: `auth_type` is `basic`, and `token` is null.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Basic extends Schema.Class<Basic>("@effect-auth/qualys/Basic")(
  Schema.Struct({
    ...Qualysdk.basicFields,
    authType: Schema.Literal("basic"),
    ...Qualysdk.place
  }).pipe(Schema.filter(hasHosts))
) {
  /** The mode; not part of the JSON. */
  get _tag(): "Basic" {
    return "Basic"
  }

  /** The platform of the account: the override, else the id. */
  get platform(): Platform.Platform {
    return Qualysdk.located(this)
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
    ...Qualysdk.jwtFields,
    authType: Schema.Literal("token"),
    ...Qualysdk.place
  }).pipe(Schema.filter(hasHosts))
) {
  /** The mode; not part of the JSON. */
  get _tag(): "Jwt" {
    return "Jwt"
  }

  /** The platform of the account: the override, else the id. */
  get platform(): Platform.Platform {
    return Qualysdk.located(this)
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

const BasicFromJson = Schema.transform(
  Schema.Struct({
    ...Qualysdk.basicFields,
    auth_type: Schema.Literal("basic"),
    ...Qualysdk.placeInJson
  }).pipe(Schema.filter((json) => hasHosts(Qualysdk.fromNames(json)))),
  Schema.typeSchema(Basic),
  { strict: true, decode: (json) => new Basic(Qualysdk.fromNames(json)), encode: Qualysdk.toNames }
)

const JwtFromJson = Schema.transform(
  Schema.Struct({
    ...Qualysdk.jwtFields,
    auth_type: Schema.Literal("token"),
    ...Qualysdk.placeInJson
  }).pipe(Schema.filter((json) => hasHosts(Qualysdk.fromNames(json)))),
  Schema.typeSchema(Jwt),
  { strict: true, decode: (json) => new Jwt(Qualysdk.fromNames(json)), encode: Qualysdk.toNames }
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
    Qualysdk.placed(fields.platform),
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
    Qualysdk.placed(fields.platform),
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
  Either.flatMap(Qualysdk.complete(input), decode)

/**
 * Decodes a credential from a JSON text; see {@link fromUnknown}.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromJson = (json: string): Either.Either<QualysCredential, InvalidSetting> =>
  Either.flatMap(Credential.fromJson(Schema.Unknown)(json), fromUnknown)

/**
 * The credential as JSON with `<redacted>` in place of its secrets, for display.
 *
 * @since 0.1.0
 * @category encoding
 */
export const toJson = (credential: QualysCredential, options?: Qualysdk.Options): string =>
  Qualysdk.write(credential, options, String)

/**
 * The credential as JSON **with its secrets in the clear**, for storing it somewhere safe.
 *
 * @since 0.1.0
 * @category encoding
 */
export const revealJson = (credential: QualysCredential, options?: Qualysdk.Options): string =>
  Qualysdk.write(credential, options, Redacted.value)

/**
 * A credential from one variable that holds its JSON.
 *
 * @since 0.1.0
 * @category config
 */
export const config = (name: string): Config.Config<QualysCredential> =>
  Credential.variableConfig(name, (json) => Either.mapLeft(fromJson(json), (error) => error.message))

const decode = Credential.fromUnknown(QualysCredential)
