/**
 * What you know: credentials as Schema-tagged data with `Redacted` secrets. They decode from unknown data, JSON and
 * Config, compare by value, print `<redacted>`, and cannot be made if they could not be sent safely.
 *
 * Secrets leave only through `Schema.encode` and {@link revealJson}. Decode untrusted data with {@link fromUnknown} or
 * {@link fromJson}, whose errors never quote the input. Schema's own decoders hide a secret in its own field, but quote
 * a value in the wrong place, such as a password where the whole object should be.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidSetting } from "./AuthError.ts"
import * as ConfigReading from "./internal/configReading.ts"
import * as Grammar from "./internal/grammar.ts"
import * as Issue from "./internal/issue.ts"
import { RedactedText } from "./internal/redactedText.ts"

/**
 * A name that travels in the clear: not empty, well-formed, no control characters.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Name = Schema.String.pipe(Schema.filter(Grammar.text))

/**
 * A secret: not empty, well-formed, no control characters. Unlike `Schema.Redacted(Schema.String)`, a failed decode or
 * constructor does not show its input. For an optional one use `Schema.optionalWith(Secret, { exact: true })`:
 * `Schema.optional` makes a union with `undefined`, and a union quotes a value that matches none of its members.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Secret = RedactedText.pipe(Schema.filter((secret) => Grammar.text(Redacted.value(secret))))

/**
 * A secret that travels in a header as it is, such as an API key: the value of a header field (RFC 9110 section 5.5), which
 * is Latin-1 without white space around it.
 *
 * @since 0.1.0
 * @category schemas
 */
export const HeaderSecret = Secret.pipe(Schema.filter((secret) => Grammar.fieldValue(Redacted.value(secret))))

/**
 * User name and password for HTTP Basic (RFC 7617), sent as UTF-8. Either of them may be empty. The user name has no `:`,
 * because that is where the server ends it.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Basic extends Schema.TaggedClass<Basic>("@effect-auth/core/Basic")("Basic", {
  username: Schema.String.pipe(
    Schema.filter(Grammar.encodable),
    Schema.filter((name) => !name.includes(":") || "must not contain a colon (RFC 7617 section 2)")
  ),
  password: RedactedText.pipe(Schema.filter((secret) => Grammar.encodable(Redacted.value(secret))))
}) {}

/**
 * A bearer token (RFC 6750) obtained elsewhere. It is used until the server refuses it.
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
 * Runs the constructor of a credential class and turns its exception into `InvalidSetting`, which names the field and
 * never quotes its value. For packages that define credentials of their own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const construct = <A>(make: () => A): Either.Either<A, InvalidSetting> =>
  Either.try({
    try: make,
    catch: invalid
  })

/**
 * Decodes a credential from unknown data, such as parsed JSON. Unknown keys are refused by name. The error names the
 * field and never quotes its value.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromUnknown = <A, I>(
  schema: Schema.Schema<A, I>
): (input: unknown) => Either.Either<A, InvalidSetting> => {
  const decode = Schema.decodeUnknownEither(schema, { onExcessProperty: "error" })
  return (input) =>
    Either.mapLeft(decode(input), (error) =>
      Predicate.isReadonlyRecord(input)
        ? invalid(error)
        : new InvalidSetting({ setting: "credential", problem: "must be an object with the fields of a credential" }))
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
      // the parser quotes the malformed text, so its message is dropped
      Either.mapLeft(() => new InvalidSetting({ setting: "credential", problem: "is not valid JSON" })),
      Either.flatMap(decode)
    )
}

const parseJson = Schema.decodeUnknownEither(Schema.parseJson())

/**
 * The credential as JSON **with its secrets in the clear**, for storing it somewhere safe. Everything else
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
 * A {@link Basic} credential from `<prefix>_USERNAME` and `<prefix>_PASSWORD`. As everywhere, a variable that is empty is
 * not set.
 *
 * @since 0.1.0
 * @category config
 */
export const basicConfig = (prefix: string): Config.Config<Basic> =>
  checkedConfig(
    prefix,
    Config.all({
      username: variableConfig(`${prefix}_USERNAME`, Either.right),
      password: Config.redacted(variableConfig(`${prefix}_PASSWORD`, Either.right))
    }),
    basic
  )

/**
 * A {@link Bearer} credential from `<prefix>_TOKEN`.
 *
 * @since 0.1.0
 * @category config
 */
export const bearerConfig = (prefix: string): Config.Config<Bearer> =>
  checkedConfig(
    prefix,
    Config.all({ token: Config.redacted(variableConfig(`${prefix}_TOKEN`, Either.right)) }),
    bearer
  )

/**
 * One variable; an empty one is not set. `read` answers with what is wrong with a value, and must not quote one that may
 * be a secret.
 *
 * @since 0.1.0
 * @category config
 */
export const variableConfig = <A>(
  name: string,
  read: (text: string) => Either.Either<A, string>
): Config.Config<A> => explainedConfig(ConfigReading.variable(name, read))

/**
 * One variable with a word of `Config.boolean`, whose own error would quote a value of any length.
 *
 * @since 0.1.0
 * @category config
 */
export const booleanConfig = (name: string): Config.Config<boolean> =>
  variableConfig(name, (text) =>
    ["true", "yes", "on", "1"].includes(text)
      ? Either.right(true)
      : ["false", "no", "off", "0"].includes(text)
      ? Either.right(false)
      : Either.left("must be true or false"))

/**
 * Turns a Config of a credential's fields into a Config of the credential. A field that cannot be used becomes a
 * `ConfigError` that names its variable: `<prefix>_CLIENT_ID` for `clientId`, unless `suffixes` has another end for it. A field
 * of `suffixes` is named by its variable in the text of a problem too.
 *
 * @since 0.1.0
 * @category config
 */
export const checkedConfig = <A, B>(
  prefix: string,
  fields: Config.Config<A>,
  make: (fields: A) => Either.Either<B, InvalidSetting>,
  suffixes: Readonly<Record<string, string>> = {}
): Config.Config<B> =>
  ConfigReading.raise(
    Config.map(
      Config.all([ConfigReading.prefixOf(prefix), ConfigReading.withPartners(prefix, fields)]),
      ([prefix, fields]) =>
        Either.flatMap(fields, (values) =>
          Either.mapLeft(make(values), ({ problem, setting }) =>
            ConfigReading.unusable(
              variableOf(prefix, setting, suffixes),
              problem.replace(/\w+/gu, (word) =>
                Object.hasOwn(suffixes, word) ? variableOf(prefix, `credential.${word}`, suffixes) : word)
            )))
    )
  )

/**
 * A Config whose error says what to set, each variable once and one on a line, whatever it is composed of.
 *
 * @since 0.1.0
 * @category config
 */
export const explainedConfig = <A>(self: Config.Config<A>): Config.Config<A> =>
  ConfigReading.raise(ConfigReading.attempt(self))

/** The variable of a setting such as `credential.clientId`. */
const variableOf = (prefix: string, setting: string, suffixes: Readonly<Record<string, string>>): string => {
  const field = setting.split(".")[1]
  return field === undefined
    ? prefix
    : `${prefix}_${suffixes[field] ?? field.replace(/[A-Z]/gu, (letter) => `_${letter}`).toUpperCase()}`
}

/** The characters an API key may have in each place; a query parameter is percent-encoded. */
const keyGrammar = { header: Grammar.fieldValue, query: Grammar.text, cookie: Grammar.cookieValue }

const unusable = new InvalidSetting({ setting: "credential", problem: "is invalid" })

/** The first issue is enough to act on. The quoted input is cut off, because it may be a secret in the wrong place. */
const invalid = (error: unknown): InvalidSetting => {
  const issue = Issue.first(error)
  return issue === undefined ? unusable : new InvalidSetting({
    setting: ["credential", ...issue.path].map(String).join("."),
    problem: issue.message.replace(/, actual [^]*$/u, "")
  })
}
