/**
 * What you know: credentials as Schema-tagged data with `Redacted` secrets. They decode from unknown, JSON and Config,
 * compare by value, print `<redacted>`, and are refused when they are made if they could not be sent safely.
 *
 * `Schema.encode` and {@link revealJson} are the only ways by which a secret leaves. Decode data of others with
 * {@link fromUnknown} or {@link fromJson}, which never quote it: Schema's own decoders do not quote a secret in its own
 * field, but anything that stands where it does not belong, such as a password in place of the whole object.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidSetting } from "./AuthError.ts"
import * as Grammar from "./internal/grammar.ts"

/**
 * A name that travels in the clear: not empty, well-formed, no control characters.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Name = Schema.String.pipe(Schema.filter(Grammar.text))

/**
 * A secret: not empty, well-formed, no control characters. Unlike `Schema.Redacted(Schema.String)`, neither a failed decode nor a
 * failed constructor shows what it was given. An optional one is `Schema.optionalWith(Secret, { exact: true })`:
 * `Schema.optional` makes a union with `undefined`, and a union quotes what is none of its members.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Secret = Schema.transform(
  Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) }),
  Schema.RedactedFromSelf(Schema.String).annotations({
    message: () => ({ message: "must be a Redacted string", override: true })
  }),
  { strict: true, decode: (text) => Redacted.make(text), encode: Redacted.value }
).pipe(Schema.filter((secret) => Grammar.text(Redacted.value(secret))))

/**
 * User name and password for HTTP Basic (RFC 7617), sent as UTF-8. The user name has no `:`, because the server could
 * not tell where it ends.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Basic extends Schema.TaggedClass<Basic>("@effect-auth/core/Basic")("Basic", {
  username: Name.pipe(Schema.filter((name) => !name.includes(":") || "must not contain a colon (RFC 7617 section 2)")),
  password: Secret
}) {}

/**
 * A bearer token (RFC 6750) that somebody else obtained; it is used until it is refused.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Bearer extends Schema.TaggedClass<Bearer>("@effect-auth/core/Bearer")("Bearer", {
  token: Secret.pipe(Schema.filter((token) => Grammar.b64token(Redacted.value(token))))
}) {}

/**
 * An API key and where it travels. Prefer a header: query parameters end up in access logs. In a header the key is a
 * field value (RFC 9110 section 5.5), in a cookie a cookie value (RFC 6265 section 4.1.1), in a query any text.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ApiKey extends Schema.TaggedClass<ApiKey>("@effect-auth/core/ApiKey")(
  "ApiKey",
  Schema.Struct({
    key: Secret,
    in: Schema.Literal("header", "query", "cookie"),
    /** The header's, parameter's or cookie's name, such as `x-api-key`. */
    name: Schema.String.pipe(Schema.filter(Grammar.token))
  }).pipe(Schema.filter((apiKey) => {
    const verdict = keyGrammar[apiKey.in](Redacted.value(apiKey.key))
    return verdict === true || { path: ["key"], message: verdict }
  }))
) {}

/** What is given inline may have lines; only its being empty is a sure mistake. */
const Inline = Schema.transform(
  Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) }),
  Schema.RedactedFromSelf(Schema.String).annotations({
    message: () => ({ message: "must be a Redacted string", override: true })
  }),
  { strict: true, decode: (text) => Redacted.make(text), encode: Redacted.value }
).pipe(Schema.filter((secret) => Redacted.value(secret).trim() !== "" || "must not be empty"))

/**
 * A client certificate for mutual TLS, as PEM or as PKCS#12, each in a file or inline. Files are read when the
 * transport is made, and again when they change.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ClientCertificate extends Schema.TaggedClass<ClientCertificate>("@effect-auth/core/ClientCertificate")(
  "ClientCertificate",
  Schema.Struct({
    /** PEM: the certificate, then the rest of its chain; and the private key, unless that is given by itself. */
    certificateFile: Schema.optional(Name),
    certificate: Schema.optional(Inline),
    /** PEM: the private key. */
    keyFile: Schema.optional(Name),
    key: Schema.optional(Inline),
    /** PKCS#12: certificate, chain and private key in one archive; inline in Base64. */
    pkcs12File: Schema.optional(Name),
    pkcs12: Schema.optional(Inline),
    /** Decrypts the private key or the archive. */
    passphrase: Schema.optional(Secret),
    /** PEM: authorities that vouch for the server. */
    caFile: Schema.optional(Name),
    ca: Schema.optional(Schema.NonEmptyString),
    /** Whether to trust these authorities only; otherwise they are added to those that every program trusts. */
    caOnly: Schema.optional(Schema.Boolean),
    /** The name that the server proves to have, where it is not the host of the URL; also sent as SNI. */
    serverName: Schema.optional(Name)
  }).pipe(Schema.filter((fields) => {
    const problem = (path: keyof typeof fields, message: string) => ({ path: [path], message })
    const given = (["certificateFile", "certificate", "pkcs12File", "pkcs12"] as const).filter((name) =>
      fields[name] !== undefined
    )
    const [first, second] = given
    if (first === undefined) return problem("certificateFile", "or certificate, pkcs12File or pkcs12 must be given")
    if (second !== undefined) return problem(second, `must not be given together with ${first}`)
    const key = fields.keyFile === undefined ? "key" : "keyFile"
    if (fields[key] !== undefined && first.startsWith("pkcs12")) return problem(key, "is inside the PKCS#12 archive")
    if (fields.keyFile !== undefined && fields.key !== undefined) {
      return problem("key", "must not be given together with keyFile")
    }
    if (fields.caFile !== undefined && fields.ca !== undefined) {
      return problem("ca", "must not be given together with caFile")
    }
    return fields.caOnly === true && fields.caFile === undefined && fields.ca === undefined
      ? problem("caOnly", "needs ca or caFile")
      : true
  }))
) {}

/**
 * Makes a {@link Basic} credential, or fails with `InvalidSetting`.
 *
 * @example
 * ```ts
 * import * as Credential from "@effect-auth/core/Credential"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const password = yield* Config.redacted("PASSWORD")
 *   return yield* Credential.basic({ username: "reader", password })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const basic = (fields: {
  readonly username: string
  readonly password: Redacted.Redacted
}): Either.Either<Basic, InvalidSetting> => construct(() => new Basic(fields))

/**
 * Makes a {@link Bearer} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const bearer = (fields: {
  readonly token: Redacted.Redacted
}): Either.Either<Bearer, InvalidSetting> => construct(() => new Bearer(fields))

/**
 * Makes an {@link ApiKey} credential, or fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const apiKey = (fields: {
  readonly key: Redacted.Redacted
  readonly in: "header" | "query" | "cookie"
  readonly name: string
}): Either.Either<ApiKey, InvalidSetting> => construct(() => new ApiKey(fields))

/**
 * Makes a {@link ClientCertificate}, or fails with `InvalidSetting`.
 *
 * @example
 * ```ts
 * import * as Credential from "@effect-auth/core/Credential"
 *
 * const certificate = Credential.clientCertificate({
 *   certificateFile: "/etc/acme/client.pem",
 *   keyFile: "/etc/acme/client.key"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const clientCertificate = (
  fields: ConstructorParameters<typeof ClientCertificate>[0]
): Either.Either<ClientCertificate, InvalidSetting> => construct(() => new ClientCertificate(fields))

/**
 * Runs the constructor of a credential class and turns its exception into `InvalidSetting`, which names the field and
 * never its value. For packages that define credentials of their own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const construct = <A>(make: () => A): Either.Either<A, InvalidSetting> =>
  Either.try({
    try: make,
    catch: (error) => ParseResult.isParseError(error) ? invalid(error) : unusable
  })

/**
 * Decodes a credential from unknown data, such as parsed JSON. Unknown keys are refused by name. The failure names the
 * field and never its value.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromUnknown = <A, I>(
  schema: Schema.Schema<A, I>
): (input: unknown) => Either.Either<A, InvalidSetting> => {
  const decode = Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })
  return (input) => Either.mapLeft(decode(input), invalid)
}

/**
 * Decodes a credential from a JSON text; see {@link fromUnknown}.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromJson = <A, I>(schema: Schema.Schema<A, I>): (json: string) => Either.Either<A, InvalidSetting> => {
  const decode = fromUnknown(schema)
  return (json) =>
    parseJson(json).pipe(
      // the parser quotes the text it stumbles over, so its message is dropped
      Either.mapLeft(() => new InvalidSetting({ setting: "credential", problem: "is not valid JSON" })),
      Either.flatMap(decode)
    )
}

const parseJson = Schema.decodeUnknownEither(Schema.parseJson())

/**
 * The credential as JSON **with its secrets in the clear**, for a caller who stores it somewhere safe. Everything else
 * (`JSON.stringify`, `String`, `inspect`) shows `<redacted>`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const revealJson = <A, I>(
  schema: Schema.Schema<A, I>,
  options?: { readonly pretty?: boolean | undefined }
): (credential: A) => string => Schema.encodeSync(Schema.parseJson(schema, { space: options?.pretty === true ? 4 : 0 }))

/**
 * A {@link Basic} credential from `<prefix>_USERNAME` and `<prefix>_PASSWORD`.
 *
 * @since 0.1.0
 * @category config
 */
export const basicConfig = (prefix: string): Config.Config<Basic> =>
  checkedConfig(
    prefix,
    Config.all({ username: Config.string(`${prefix}_USERNAME`), password: Config.redacted(`${prefix}_PASSWORD`) }),
    basic
  )

/**
 * A {@link Bearer} credential from `<prefix>_TOKEN`.
 *
 * @since 0.1.0
 * @category config
 */
export const bearerConfig = (prefix: string): Config.Config<Bearer> =>
  checkedConfig(prefix, Config.all({ token: Config.redacted(`${prefix}_TOKEN`) }), bearer)

/**
 * A {@link ClientCertificate} from `<prefix>_CERTIFICATE_FILE` or `<prefix>_CERTIFICATE`, `<prefix>_KEY_FILE` or
 * `<prefix>_KEY`, `<prefix>_PKCS12_FILE` or `<prefix>_PKCS12`, `<prefix>_PASSPHRASE`, `<prefix>_CA_FILE` or
 * `<prefix>_CA`, `<prefix>_CA_ONLY` and `<prefix>_SERVER_NAME`, as far as they are set.
 *
 * @since 0.1.0
 * @category config
 */
export const clientCertificateConfig = (prefix: string): Config.Config<ClientCertificate> => {
  const text = <A>(name: string, field: (value: string) => A) => ifSet(Config.string(`${prefix}_${name}`), field)
  const secret = <A>(name: string, field: (value: Redacted.Redacted) => A) =>
    ifSet(Config.redacted(`${prefix}_${name}`), field)
  const fields = Config.all([
    text("CERTIFICATE_FILE", (certificateFile) => ({ certificateFile })),
    secret("CERTIFICATE", (certificate) => ({ certificate })),
    text("KEY_FILE", (keyFile) => ({ keyFile })),
    secret("KEY", (key) => ({ key })),
    text("PKCS12_FILE", (pkcs12File) => ({ pkcs12File })),
    secret("PKCS12", (pkcs12) => ({ pkcs12 })),
    secret("PASSPHRASE", (passphrase) => ({ passphrase })),
    text("CA_FILE", (caFile) => ({ caFile })),
    text("CA", (ca) => ({ ca })),
    ifSet(Config.boolean(`${prefix}_CA_ONLY`), (caOnly) => ({ caOnly })),
    text("SERVER_NAME", (serverName) => ({ serverName }))
  ])
  return checkedConfig(
    prefix,
    Config.map(fields, ([a, b, c, d, e, f, g, h, i, j, k]) => ({
      ...a,
      ...b,
      ...c,
      ...d,
      ...e,
      ...f,
      ...g,
      ...h,
      ...i,
      ...j,
      ...k
    })),
    clientCertificate
  )
}

/** A field that is not there at all when it is not set: `undefined` would make credentials differ that are the same. */
const ifSet = <A, B>(config: Config.Config<A>, field: (value: A) => B): Config.Config<Partial<B>> =>
  Config.withDefault(Config.map(config, field), {})

/**
 * Turns a Config of a credential's fields into a Config of the credential. A field that cannot be used becomes a
 * `ConfigError` that names it.
 *
 * @since 0.1.0
 * @category config
 */
export const checkedConfig = <A, B>(
  prefix: string,
  fields: Config.Config<A>,
  make: (fields: A) => Either.Either<B, InvalidSetting>
): Config.Config<B> =>
  Config.mapOrFail(
    fields,
    (values) => Either.mapLeft(make(values), (error) => ConfigError.InvalidData([prefix], error.message))
  )

/** What an API key may consist of where it travels; a query parameter is percent-encoded. */
const keyGrammar = { header: Grammar.fieldValue, query: Grammar.text, cookie: Grammar.cookieValue }

const unusable = new InvalidSetting({ setting: "credential", problem: "is invalid" })

/** The first issue is enough to act on. What was given is cut off its message: it may be a secret in a wrong place. */
const invalid = (error: ParseResult.ParseError): InvalidSetting => {
  const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
  return issue === undefined ? unusable : new InvalidSetting({
    setting: ["credential", ...issue.path].map(String).join("."),
    problem: issue.message.replace(/, actual [^]*$/u, "")
  })
}
