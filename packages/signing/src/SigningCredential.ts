/**
 * What requests are signed with. The tag of a credential is its mode.
 *
 * @since 0.1.0
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Config from "effect/Config"
import type * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** A secret of several lines, which a failed decode does not show. */
const KeyText = Schema.transform(
  Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) }),
  Schema.RedactedFromSelf(Schema.String).annotations({
    message: () => ({ message: "must be a Redacted string", override: true })
  }),
  { strict: true, decode: (text) => Redacted.make(text), encode: Redacted.value }
).pipe(Schema.filter((key) => Redacted.value(key).trim() !== "" || "must not be empty"))

/**
 * User name and password for HTTP Digest (RFC 7616). Unlike those of Basic, the name may have a colon in it only where the
 * server hashes it, so it has none. Either may be empty.
 *
 * @example
 * ```ts
 * import * as SigningCredential from "@effect-auth/signing/SigningCredential"
 * import * as Redacted from "effect/Redacted"
 *
 * const credential = SigningCredential.digest({ username: "reader", password: Redacted.make("...") })
 *
 * // ACME_USERNAME and ACME_PASSWORD
 * const config = SigningCredential.digestConfig("ACME")
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export class Digest extends Schema.TaggedClass<Digest>("@effect-auth/signing/Digest")("Digest", {
  username: Credential.Basic.fields.username,
  password: Credential.Basic.fields.password
}) {}

/**
 * A key of AWS, or of a service that is signed to in the same way. With `expiresAt` it is a temporary one, which is replaced
 * before then if it comes from an Effect.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SigV4 extends Schema.TaggedClass<SigV4>("@effect-auth/signing/SigV4")("SigV4", {
  accessKeyId: Credential.Name.pipe(
    Schema.filter((id) =>
      /^[\x21-\x7e]+$/u.test(id) && !/[,/]/u.test(id) || "must be ASCII without white space, comma or slash"
    )
  ),
  secretAccessKey: Credential.Secret,
  sessionToken: Schema.optionalWith(Credential.HeaderSecret, { exact: true }),
  expiresAt: Schema.optionalWith(Schema.DateTimeUtc, { exact: true })
}) {}

/**
 * The algorithms of RFC 9421 section 3.3. `ed25519` is what new keys should be for.
 *
 * @since 0.1.0
 * @category schemas
 */
export const MessageAlgorithm = Schema.Literal(
  "ed25519",
  "ecdsa-p256-sha256",
  "ecdsa-p384-sha384",
  "rsa-pss-sha512",
  "rsa-v1_5-sha256",
  "hmac-sha256"
)

/**
 * A key that messages are signed with (RFC 9421), and the id under which the server knows it.
 *
 * @since 0.1.0
 * @category schemas
 */
export class MessageSignature
  extends Schema.TaggedClass<MessageSignature>("@effect-auth/signing/MessageSignature")("MessageSignature", {
    keyId: Credential.Name,
    algorithm: MessageAlgorithm,
    /**
     * A private key in PEM (PKCS#8, `BEGIN PRIVATE KEY`) or as a JWK in JSON; of `hmac-sha256` the shared secret in Base64. Line
     * ends may be written as `\n`, as in an environment variable.
     */
    key: KeyText
  })
{}

/**
 * A key that is shared with a server whose scheme is its own, and its id where the server wants one.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Hmac extends Schema.TaggedClass<Hmac>("@effect-auth/signing/Hmac")("Hmac", {
  keyId: Schema.optionalWith(Credential.Name, { exact: true }),
  key: Credential.Secret
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

/**
 * Makes a {@link SigV4} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const sigV4 = (fields: {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
  readonly sessionToken?: Redacted.Redacted | undefined
  readonly expiresAt?: DateTime.Utc | undefined
}): Either.Either<SigV4, InvalidSetting> =>
  Credential.construct(() =>
    new SigV4({
      accessKeyId: fields.accessKeyId,
      secretAccessKey: fields.secretAccessKey,
      ...(fields.sessionToken === undefined ? undefined : { sessionToken: fields.sessionToken }),
      ...(fields.expiresAt === undefined ? undefined : { expiresAt: fields.expiresAt })
    })
  )

/**
 * A {@link SigV4} credential from `<prefix>_ACCESS_KEY_ID`, `<prefix>_SECRET_ACCESS_KEY` and, if it is set,
 * `<prefix>_SESSION_TOKEN`. With the prefix `AWS` these are the variables of all tools of AWS.
 *
 * @since 0.1.0
 * @category config
 */
export const sigV4Config = (prefix: string): Config.Config<SigV4> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      accessKeyId: text(`${prefix}_ACCESS_KEY_ID`),
      secretAccessKey: secret(`${prefix}_SECRET_ACCESS_KEY`),
      sessionToken: Config.map(Config.option(secret(`${prefix}_SESSION_TOKEN`)), Option.getOrUndefined)
    }),
    sigV4
  )

/**
 * Makes a {@link MessageSignature} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const messageSignature = (fields: {
  readonly keyId: string
  readonly algorithm: typeof MessageAlgorithm.Type
  readonly key: Redacted.Redacted
}): Either.Either<MessageSignature, InvalidSetting> => Credential.construct(() => new MessageSignature(fields))

/**
 * A {@link MessageSignature} credential from `<prefix>_KEY_ID`, `<prefix>_KEY` and `<prefix>_ALGORITHM`.
 *
 * @since 0.1.0
 * @category config
 */
export const messageSignatureConfig = (prefix: string): Config.Config<MessageSignature> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      keyId: text(`${prefix}_KEY_ID`),
      key: secret(`${prefix}_KEY`),
      algorithm: Credential.variableConfig(
        `${prefix}_ALGORITHM`,
        (text) =>
          Schema.is(MessageAlgorithm)(text)
            ? Either.right(text)
            : Either.left(`must be one of ${MessageAlgorithm.literals.join(", ")}`)
      )
    }),
    messageSignature
  )

/**
 * Makes an {@link Hmac} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const hmac = (fields: {
  readonly keyId?: string | undefined
  readonly key: Redacted.Redacted
}): Either.Either<Hmac, InvalidSetting> =>
  Credential.construct(() =>
    new Hmac({ key: fields.key, ...(fields.keyId === undefined ? undefined : { keyId: fields.keyId }) })
  )

/**
 * An {@link Hmac} credential from `<prefix>_KEY` and, if it is set, `<prefix>_KEY_ID`.
 *
 * @since 0.1.0
 * @category config
 */
export const hmacConfig = (prefix: string): Config.Config<Hmac> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      keyId: Config.map(Config.option(text(`${prefix}_KEY_ID`)), Option.getOrUndefined),
      key: secret(`${prefix}_KEY`)
    }),
    hmac
  )

const text = (name: string): Config.Config<string> => Credential.variableConfig(name, Either.right)

const secret = (name: string): Config.Config<Redacted.Redacted> =>
  Credential.variableConfig(name, (text) => Either.right(Redacted.make(text)))
