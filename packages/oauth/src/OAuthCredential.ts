/**
 * The credentials of OAuth 2 clients. The tag of a credential is its mode.
 *
 * @since 0.1.0
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import type * as Either from "effect/Either"
import * as Eithers from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Identifier } from "./internal/identifier.ts"

// Pure, as all calls here are: a program contains the credentials that it uses, and no others.
const exact = { exact: true } as const

/** None: the client authenticates in another way, or not at all. */
const clientSecret = /*#__PURE__*/ Schema.optionalWith(Credential.Secret, exact)

const client = { clientId: Identifier, clientSecret }

/**
 * A client that acts for itself (RFC 6749 section 4.4).
 *
 * @since 0.1.0
 * @category schemas
 */
export class ClientCredentials
  extends /*#__PURE__*/ Schema.TaggedClass<ClientCredentials>("@effect-auth/oauth/ClientCredentials")(
    "ClientCredentials",
    client
  )
{}

/**
 * The client that a person logs in with (RFC 6749 section 4.1). On the person's own machine it has no secret that could be
 * kept (RFC 8252 section 8.5).
 *
 * @since 0.1.0
 * @category schemas
 */
export class AuthorizationCode
  extends /*#__PURE__*/ Schema.TaggedClass<AuthorizationCode>("@effect-auth/oauth/AuthorizationCode")(
    "AuthorizationCode",
    client
  )
{}

/**
 * The client that a person logs in with on another device (RFC 8628).
 *
 * @since 0.1.0
 * @category schemas
 */
export class Device extends /*#__PURE__*/ Schema.TaggedClass<Device>("@effect-auth/oauth/Device")("Device", client) {}

/**
 * A session that began elsewhere, such as in a browser: its refresh token, and the client it was issued to (RFC 6749
 * section 6).
 *
 * @since 0.1.0
 * @category schemas
 */
export class RefreshToken
  extends /*#__PURE__*/ Schema.TaggedClass<RefreshToken>("@effect-auth/oauth/RefreshToken")("RefreshToken", {
    clientId: Identifier,
    clientSecret,
    refreshToken: Credential.Secret
  })
{}

const optionalIdentifier = /*#__PURE__*/ Schema.optionalWith(Identifier, exact)

/**
 * The client that sends an assertion (RFC 7523 section 2.1), where the server wants to know it.
 *
 * @since 0.1.0
 * @category schemas
 */
export class JwtBearer
  extends /*#__PURE__*/ Schema.TaggedClass<JwtBearer>("@effect-auth/oauth/JwtBearer")("JwtBearer", {
    clientId: optionalIdentifier,
    clientSecret
  })
{}

/**
 * The client that exchanges another token (RFC 8693).
 *
 * @since 0.1.0
 * @category schemas
 */
export class TokenExchange
  extends /*#__PURE__*/ Schema.TaggedClass<TokenExchange>("@effect-auth/oauth/TokenExchange")("TokenExchange", client)
{}

/**
 * @since 0.1.0
 * @category constructors
 */
export const jwtBearer = (fields: {
  readonly clientId?: string | undefined
  readonly clientSecret?: Redacted.Redacted | undefined
}): Either.Either<JwtBearer, InvalidSetting> =>
  Credential.construct(() =>
    new JwtBearer({
      ...(fields.clientId === undefined ? undefined : { clientId: fields.clientId }),
      ...(fields.clientSecret === undefined ? undefined : { clientSecret: fields.clientSecret })
    })
  )

/**
 * @since 0.1.0
 * @category constructors
 */
export const tokenExchange = (fields: {
  readonly clientId: string
  readonly clientSecret?: Redacted.Redacted | undefined
}): Either.Either<TokenExchange, InvalidSetting> => Credential.construct(() => new TokenExchange(present(fields)))

/**
 * @since 0.1.0
 * @category constructors
 */
export const authorizationCode = (fields: {
  readonly clientId: string
  readonly clientSecret?: Redacted.Redacted | undefined
}): Either.Either<AuthorizationCode, InvalidSetting> =>
  Credential.construct(() => new AuthorizationCode(present(fields)))

/**
 * @since 0.1.0
 * @category constructors
 */
export const device = (fields: {
  readonly clientId: string
  readonly clientSecret?: Redacted.Redacted | undefined
}): Either.Either<Device, InvalidSetting> => Credential.construct(() => new Device(present(fields)))

/**
 * @since 0.1.0
 * @category constructors
 */
export const clientCredentials = (fields: {
  readonly clientId: string
  readonly clientSecret?: Redacted.Redacted | undefined
}): Either.Either<ClientCredentials, InvalidSetting> =>
  Credential.construct(() => new ClientCredentials(present(fields)))

/**
 * @since 0.1.0
 * @category constructors
 */
export const refreshToken = (fields: {
  readonly clientId: string
  readonly clientSecret?: Redacted.Redacted | undefined
  readonly refreshToken: Redacted.Redacted
}): Either.Either<RefreshToken, InvalidSetting> =>
  Credential.construct(() => new RefreshToken({ ...present(fields), refreshToken: fields.refreshToken }))

/**
 * {@link ClientCredentials} from `<prefix>_CLIENT_ID` and, if it is set, `<prefix>_CLIENT_SECRET`.
 *
 * @example
 * ```ts
 * import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
 * import * as OAuthCredential from "@effect-auth/oauth/OAuthCredential"
 * import * as Config from "effect/Config"
 *
 * const AcmeLive = ClientCredentials.layerConfig({
 *   baseUrl: Config.string("ACME_URL"),
 *   server: Config.string("ACME_ISSUER"),
 *   credential: OAuthCredential.clientCredentialsConfig("ACME") // ACME_CLIENT_ID, ACME_CLIENT_SECRET
 * })
 * ```
 *
 * @since 0.1.0
 * @category config
 */
export const clientCredentialsConfig = (prefix: string): Config.Config<ClientCredentials> =>
  Credential.checkedConfig(prefix, Config.all(clientConfig(prefix)), clientCredentials)

/**
 * {@link AuthorizationCode} from the variables of {@link clientCredentialsConfig}.
 *
 * @since 0.1.0
 * @category config
 */
export const authorizationCodeConfig = (prefix: string): Config.Config<AuthorizationCode> =>
  Credential.checkedConfig(prefix, Config.all(clientConfig(prefix)), authorizationCode)

/**
 * {@link Device} from the variables of {@link clientCredentialsConfig}.
 *
 * @since 0.1.0
 * @category config
 */
export const deviceConfig = (prefix: string): Config.Config<Device> =>
  Credential.checkedConfig(prefix, Config.all(clientConfig(prefix)), device)

/**
 * A {@link RefreshToken} from `<prefix>_REFRESH_TOKEN`, `<prefix>_CLIENT_ID` and, if it is set, `<prefix>_CLIENT_SECRET`.
 *
 * @since 0.1.0
 * @category config
 */
export const refreshTokenConfig = (prefix: string): Config.Config<RefreshToken> =>
  Credential.checkedConfig(
    prefix,
    Config.all({ ...clientConfig(prefix), refreshToken: secret(`${prefix}_REFRESH_TOKEN`) }),
    refreshToken
  )

const present = (fields: { readonly clientId: string; readonly clientSecret?: Redacted.Redacted | undefined }) => ({
  clientId: fields.clientId,
  ...(fields.clientSecret === undefined ? undefined : { clientSecret: fields.clientSecret })
})

const secret = (name: string) => Credential.variableConfig(name, (text) => Eithers.right(Redacted.make(text)))

const clientConfig = (prefix: string) => ({
  clientId: Credential.variableConfig(`${prefix}_CLIENT_ID`, Eithers.right),
  clientSecret: Config.map(Config.option(secret(`${prefix}_CLIENT_SECRET`)), Option.getOrUndefined)
})
