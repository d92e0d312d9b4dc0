/**
 * A client certificate for mutual TLS as Schema-tagged data, as PEM or PKCS#12, in files or inline. Only the description:
 * reading and checking it takes a platform (`@effect-auth/node`).
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { InvalidSetting } from "./AuthError.ts"
import * as Credential from "./Credential.ts"
import * as ConfigReading from "./internal/configReading.ts"
import { RedactedText } from "./internal/redactedText.ts"

/** Inline material may span lines, so only an empty value is refused. */
const Inline = RedactedText.pipe(Schema.filter((secret) => Redacted.value(secret).trim() !== "" || "must not be empty"))

/**
 * A client certificate for mutual TLS, as PEM or as PKCS#12, each in a file or inline. Files are read when the transport
 * is built, and again when they change.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ClientCertificate extends Schema.TaggedClass<ClientCertificate>("@effect-auth/core/ClientCertificate")(
  "ClientCertificate",
  Schema.Struct({
    /** PEM: the certificate, then the rest of its chain, and the private key unless `key` or `keyFile` gives it. */
    certificateFile: Schema.optional(Credential.Name),
    certificate: Schema.optional(Inline),
    /** PEM: the private key. */
    keyFile: Schema.optional(Credential.Name),
    key: Schema.optional(Inline),
    /** PKCS#12: certificate, chain and private key in one archive; Base64 when inline. */
    pkcs12File: Schema.optional(Credential.Name),
    pkcs12: Schema.optional(Inline),
    /** Decrypts the private key or the archive. */
    passphrase: Schema.optional(Credential.Secret),
    /** PEM: the authorities that sign the server's certificate. */
    caFile: Schema.optional(Credential.Name),
    ca: Schema.optional(Schema.NonEmptyString),
    /** Whether to trust these authorities only. Default: they are added to those that come with Node. */
    caOnly: Schema.optional(Schema.Boolean),
    /** The name in the server's certificate, if it is not the host of the URL; also sent as SNI. */
    serverName: Schema.optional(Credential.Name)
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
 * Makes a {@link ClientCertificate}, or fails with `InvalidSetting`.
 *
 * @example
 * ```ts
 * import * as ClientCertificate from "@effect-auth/core/ClientCertificate"
 *
 * const certificate = ClientCertificate.make({
 *   certificateFile: "/etc/acme/client.pem",
 *   keyFile: "/etc/acme/client.key"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  fields: ConstructorParameters<typeof ClientCertificate>[0]
): Either.Either<ClientCertificate, InvalidSetting> => Credential.construct(() => new ClientCertificate(fields))

/**
 * A {@link ClientCertificate} from `<prefix>_CERTIFICATE_FILE` or `<prefix>_CERTIFICATE`, `<prefix>_KEY_FILE` or
 * `<prefix>_KEY`, `<prefix>_PKCS12_FILE` or `<prefix>_PKCS12`, `<prefix>_PASSPHRASE`, `<prefix>_CA_FILE` or
 * `<prefix>_CA`, `<prefix>_CA_ONLY` and `<prefix>_SERVER_NAME`. Unset variables are left out.
 *
 * @since 0.1.0
 * @category config
 */
export const config = (prefix: string): Config.Config<ClientCertificate> => {
  const variable = (name: string) => Credential.variableConfig(`${prefix}_${name}`, Either.right)
  const text = <A>(name: string, field: (value: string) => A) => ifSet(variable(name), field)
  const secret = <A>(name: string, field: (value: Redacted.Redacted) => A) =>
    ifSet(Config.redacted(variable(name)), field)
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
    ifSet(Credential.booleanConfig(`${prefix}_CA_ONLY`), (caOnly) => ({ caOnly })),
    text("SERVER_NAME", (serverName) => ({ serverName }))
  ])
  const given = Config.map(fields, ([a, b, c, d, e, f, g, h, i, j, k]) => ({
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
  }))
  const source = variable("CERTIFICATE_FILE").pipe(
    Config.orElse(() => variable("CERTIFICATE")),
    Config.orElse(() => variable("PKCS12_FILE")),
    Config.orElse(() => variable("PKCS12"))
  )
  // with nothing set there is no certificate, which Config.option allows; one that is set in part is an error
  const complete = ConfigReading.raise(Config.map(
    Config.all([given, ConfigReading.attempt(source)]),
    ([given, source]) => Object.keys(given).length === 0 ? Either.map(source, () => given) : Either.right(given)
  ))
  return Credential.checkedConfig(prefix, complete, make, suffixes)
}

/** The variable of each field, because the problem of one may name another. */
const suffixes = {
  certificateFile: "CERTIFICATE_FILE",
  certificate: "CERTIFICATE",
  keyFile: "KEY_FILE",
  key: "KEY",
  pkcs12File: "PKCS12_FILE",
  pkcs12: "PKCS12",
  passphrase: "PASSPHRASE",
  caFile: "CA_FILE",
  ca: "CA",
  caOnly: "CA_ONLY",
  serverName: "SERVER_NAME"
}

/** Leaves an unset field out: a field that is `undefined` would make equal credentials differ. */
const ifSet = <A, B>(config: Config.Config<A>, field: (value: A) => B): Config.Config<Partial<B>> =>
  Config.withDefault(Config.map(config, field), {})
