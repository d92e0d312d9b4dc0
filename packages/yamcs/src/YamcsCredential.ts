/**
 * The credentials of Yamcs. The tag of a credential is its mode.
 *
 * @example
 * ```ts
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
 * import * as Config from "effect/Config"
 *
 * const Ops = Yamcs.layerServiceAccountConfig({
 *   baseUrl: Config.string("YAMCS_URL"),
 *   // YAMCS_CLIENT_ID and YAMCS_CLIENT_SECRET, and YAMCS_BECOME or YAMCS_AS_ITSELF
 *   credential: YamcsCredential.serviceAccountConfig("YAMCS")
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
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
 * A session that began elsewhere, or in an earlier run of this program: an access token, with its refresh token if there
 * is one. Its tag, and with it the mode, is `Bearer`.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Session extends Schema.TaggedClass<Session>("@effect-auth/yamcs/Session")("Bearer", {
  accessToken: Credential.Bearer.fields.token,
  /** Without one the session ends when the server refuses the access token, whatever `expiresAt` says. */
  refreshToken: Schema.optional(Credential.Secret),
  /** When the access token expires. Default: what the token itself states (RFC 7519 section 4.1.4). */
  expiresAt: Schema.optional(Schema.DateTimeUtc)
}) {}

/**
 * The application of a service account: what `POST /api/service-accounts` answers as `applicationId` and
 * `applicationSecret`, and the account to act as.
 *
 * A service account acts as itself only with `asItself: true`. Yamcs 5.13 never answers that login, and each request for it
 * keeps one of the server's workers busy for good, until none is left for anybody. Such a login is therefore sent once: if
 * it is not answered, the client fails with `CredentialUnavailable` from then on.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ServiceAccount extends Schema.TaggedClass<ServiceAccount>("@effect-auth/yamcs/ServiceAccount")(
  "ServiceAccount",
  Schema.Struct({
    clientId: Credential.Name,
    clientSecret: Credential.Secret,
    /** The account to act as. */
    become: Schema.optional(Credential.Name),
    /** Whether the service account acts as itself if there is no `become`. Default: false. */
    asItself: Schema.optional(Schema.Boolean)
  }).pipe(
    Schema.filter(({ asItself, become }) =>
      become === undefined && asItself !== true
        ? {
          path: ["become"],
          message:
            "must name the account to act as, or asItself be true: Yamcs may never answer an account that acts as itself"
        }
        : undefined
    )
  )
) {}

/**
 * An API key, such as the one Yamcs passes to the scripts it starts.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ApiKey extends Schema.TaggedClass<ApiKey>("@effect-auth/yamcs/ApiKey")("ApiKey", {
  key: Credential.HeaderSecret
}) {}

/**
 * No credential, for a server that admits everyone (`AuthInfo.requireAuthentication` is false): the program is its guest.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Anonymous extends Schema.TaggedClass<Anonymous>("@effect-auth/yamcs/Anonymous")("Anonymous", {}) {}

/**
 * A Kerberos ticket, which the system holds: this only names for whom it is, and has no secret.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Spnego extends Schema.TaggedClass<Spnego>("@effect-auth/yamcs/Spnego")("Spnego", {
  /**
   * The server in the Kerberos database, such as `HTTP@yamcs.example`, where the host of `baseUrl` is an IP address or an
   * alias. Default: `HTTP@` and that host.
   */
  service: Schema.optional(
    Credential.Name.pipe(
      Schema.filter((service) =>
        /^[^@\s/]+@[^@\s/]+$/u.test(service) || "must be service@host, such as HTTP@yamcs.example"
      )
    )
  ),
  /**
   * Whose tickets to use, such as `robot@EXAMPLE.COM`. Without one it is the system's default principal, and no token is
   * stored, because another person's might be found. Default: none.
   */
  principal: Schema.optional(Credential.Name)
}) {}

/**
 * A person, who logs in with a browser: at the OpenID provider that the server names, or at the server's own page.
 *
 * @since 0.1.0
 * @category schemas
 */
export class OpenId extends Schema.TaggedClass<OpenId>("@effect-auth/yamcs/OpenId")("OpenId", {
  /**
   * The name under which the session is stored. Without one, all who use the store share one session: give each person a
   * store of their own.
   */
  account: Schema.optional(Credential.Name),
  /**
   * The provider's issuer, which its redirect has to state if it states one (RFC 9207). Default: any of the same origin as
   * the provider's page.
   */
  issuer: Schema.optional(Credential.Name)
}) {}

/**
 * Every credential that is all that its mode needs. Decode it from data to choose the mode at run time. {@link Spnego} and
 * {@link OpenId} need services of the program as well, and so have layers of their own.
 *
 * @since 0.1.0
 * @category schemas
 */
export const YamcsCredential = Schema.Union(
  Password,
  Session,
  ServiceAccount,
  ApiKey,
  Credential.Basic,
  Anonymous
)

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
 * Makes a {@link Session}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const session = (fields: {
  readonly accessToken: Redacted.Redacted
  readonly refreshToken?: Redacted.Redacted | undefined
  readonly expiresAt?: DateTime.Utc | undefined
}): Either.Either<Session, InvalidSetting> => Credential.construct(() => new Session(fields))

/**
 * Makes a {@link ServiceAccount}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serviceAccount = (fields: {
  readonly clientId: string
  readonly clientSecret: Redacted.Redacted
  readonly become?: string | undefined
  readonly asItself?: boolean | undefined
}): Either.Either<ServiceAccount, InvalidSetting> => Credential.construct(() => new ServiceAccount(fields))

/**
 * Makes an {@link ApiKey}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const apiKey = (fields: {
  readonly key: Redacted.Redacted
}): Either.Either<ApiKey, InvalidSetting> => Credential.construct(() => new ApiKey(fields))

/**
 * An {@link Anonymous}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const anonymous: Anonymous = new Anonymous()

/**
 * Makes a {@link Spnego}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const spnego = (fields: {
  readonly service?: string | undefined
  readonly principal?: string | undefined
}): Either.Either<Spnego, InvalidSetting> => Credential.construct(() => new Spnego(fields))

/**
 * Makes an {@link OpenId}, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openId = (fields: {
  readonly account?: string | undefined
  readonly issuer?: string | undefined
}): Either.Either<OpenId, InvalidSetting> => Credential.construct(() => new OpenId(fields))

/**
 * A {@link Password} from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const passwordConfig = (prefix: string): Config.Config<Password> =>
  Credential.checkedConfig(
    prefix,
    Config.all({ username: text(`${prefix}_USERNAME`), password: secret(`${prefix}_PASSWORD`) }),
    password
  )

/**
 * A {@link Session} from `<prefix>_ACCESS_TOKEN` and, if they are set, `<prefix>_REFRESH_TOKEN` and
 * `<prefix>_EXPIRES_AT` (ISO 8601).
 *
 * @since 0.1.0
 * @category config
 */
export const sessionConfig = (prefix: string): Config.Config<Session> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      accessToken: secret(`${prefix}_ACCESS_TOKEN`),
      refreshToken: optional(secret(`${prefix}_REFRESH_TOKEN`)),
      expiresAt: optional(instant(`${prefix}_EXPIRES_AT`))
    }),
    session
  )

/**
 * A {@link ServiceAccount} from `<prefix>_CLIENT_ID`, `<prefix>_CLIENT_SECRET` and `<prefix>_BECOME`, or instead of the
 * last `<prefix>_AS_ITSELF` (`true`).
 *
 * @since 0.1.0
 * @category config
 */
export const serviceAccountConfig = (prefix: string): Config.Config<ServiceAccount> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      clientId: text(`${prefix}_CLIENT_ID`),
      clientSecret: secret(`${prefix}_CLIENT_SECRET`),
      become: optional(text(`${prefix}_BECOME`)),
      asItself: optional(Credential.booleanConfig(`${prefix}_AS_ITSELF`))
    }),
    serviceAccount,
    { asItself: "AS_ITSELF" }
  )

/**
 * An {@link ApiKey} from `<prefix>_API_KEY`.
 *
 * @since 0.1.0
 * @category config
 */
export const apiKeyConfig = (prefix: string): Config.Config<ApiKey> =>
  Credential.checkedConfig(prefix, Config.all({ key: secret(`${prefix}_API_KEY`) }), apiKey, { key: "API_KEY" })

/**
 * A {@link Spnego} from `<prefix>_SERVICE` and `<prefix>_PRINCIPAL`, if they are set.
 *
 * @since 0.1.0
 * @category config
 */
export const spnegoConfig = (prefix: string): Config.Config<Spnego> =>
  Credential.checkedConfig(
    prefix,
    Config.all({ service: optional(text(`${prefix}_SERVICE`)), principal: optional(text(`${prefix}_PRINCIPAL`)) }),
    spnego
  )

/**
 * An {@link OpenId} from `<prefix>_ACCOUNT` and `<prefix>_ISSUER`, if they are set.
 *
 * @since 0.1.0
 * @category config
 */
export const openIdConfig = (prefix: string): Config.Config<OpenId> =>
  Credential.checkedConfig(
    prefix,
    Config.all({ account: optional(text(`${prefix}_ACCOUNT`)), issuer: optional(text(`${prefix}_ISSUER`)) }),
    openId
  )

/**
 * The first credential that is set, in this order: {@link apiKeyConfig}, {@link serviceAccountConfig},
 * {@link sessionConfig}, {@link passwordConfig}. One that is set but cannot be used is an error and is not skipped.
 *
 * @since 0.1.0
 * @category config
 */
export const credentialConfig = (
  prefix: string
): Config.Config<Exclude<YamcsCredential, Credential.Basic | Anonymous>> =>
  Credential.explainedConfig(
    orWhenMissing(
      apiKeyConfig(prefix),
      () =>
        orWhenMissing(
          serviceAccountConfig(prefix),
          () => orWhenMissing(sessionConfig(prefix), () => passwordConfig(prefix))
        )
    )
  )

/**
 * {@link credentialConfig}, or an {@link Anonymous} if none of its variables is set.
 *
 * @since 0.1.0
 * @category config
 */
export const optionalCredentialConfig = (prefix: string): Config.Config<Exclude<YamcsCredential, Credential.Basic>> =>
  Config.orElseIf(
    Config.mapOrFail(
      Config.all(variables.map((name) => Config.option(text(`${prefix}_${name}`)))),
      (values) => values.every(Option.isNone) ? Either.right(anonymous) : Either.left(ConfigError.MissingData([], ""))
    ),
    { if: ConfigError.isMissingDataOnly, orElse: () => credentialConfig(prefix) }
  )

/** Of which one alone makes it clear that there is meant to be a credential. */
const variables = [
  "API_KEY",
  "CLIENT_ID",
  "CLIENT_SECRET",
  "BECOME",
  "ACCESS_TOKEN",
  "REFRESH_TOKEN",
  "USERNAME",
  "PASSWORD"
]

const text = (name: string): Config.Config<string> => Credential.variableConfig(name, Either.right)

const secret = (name: string): Config.Config<Redacted.Redacted> => Config.redacted(text(name))

/** Does not quote the input, which may be a token in the wrong place. */
const instant = (name: string): Config.Config<DateTime.Utc> =>
  Credential.variableConfig(name, (text) =>
    Either.fromOption(
      Option.map(DateTime.make(text), DateTime.toUtc),
      () => "must be a date and time, such as 2030-01-31T12:00:00Z"
    ))

const orWhenMissing = <A, B>(self: Config.Config<A>, that: () => Config.Config<B>): Config.Config<A | B> =>
  Config.orElseIf(self, { if: ConfigError.isMissingDataOnly, orElse: that })

const optional = <A>(self: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(self), Option.getOrUndefined)
