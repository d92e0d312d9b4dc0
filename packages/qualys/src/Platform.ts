/**
 * The platform of an account. Every Qualys platform has three hosts: the API, the gateway and the user interface. An
 * account exists on one platform only; another one answers "Bad Login/Password".
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as Config from "effect/Config"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"

/**
 * The base URLs of a platform's hosts, without a slash at the end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hosts {
  /** Basic, session or bearer: `/api/2.0`, `/msp`, `/qps`. */
  readonly api: string
  /** JWT or bearer. */
  readonly gateway: string
  /** Basic: `/cloudview-api`. */
  readonly ui: string
}

const below = (domain: string): Hosts => ({
  api: `https://qualysapi.${domain}`,
  gateway: `https://gateway.${domain}`,
  ui: `https://qualysguard.${domain}`
})

/**
 * The hosts of every shared platform, as the vendor lists them: <https://www.qualys.com/platform-identification/>.
 *
 * @since 0.1.0
 * @category constants
 */
export const platforms = {
  qg1: { ...below("qg1.apps.qualys.com"), api: "https://qualysapi.qualys.com", ui: "https://qualysguard.qualys.com" },
  qg2: below("qg2.apps.qualys.com"),
  qg3: below("qg3.apps.qualys.com"),
  qg4: below("qg4.apps.qualys.com"),
  eu1: { ...below("qg1.apps.qualys.eu"), api: "https://qualysapi.qualys.eu", ui: "https://qualysguard.qualys.eu" },
  eu2: below("qg2.apps.qualys.eu"),
  eu3: below("qg3.apps.qualys.it"),
  in1: below("qg1.apps.qualys.in"),
  ca1: below("qg1.apps.qualys.ca"),
  ae1: below("qg1.apps.qualys.ae"),
  uk1: below("qg1.apps.qualys.co.uk"),
  au1: below("qg1.apps.qualys.com.au"),
  ksa1: below("qg1.apps.qualysksa.com"),
  gov1: below("gov1.qualys.us")
} as const satisfies Record<string, Hosts>

/**
 * @since 0.1.0
 * @category models
 */
export type PlatformId = keyof typeof platforms

const isPlatformId = (text: string): text is PlatformId => Object.hasOwn(platforms, text)

const known = Object.keys(platforms).join(", ")

/**
 * The id of a shared platform, such as `qg2`. Decodes any mixture of cases, encodes lower case.
 *
 * @since 0.1.0
 * @category schemas
 */
export const PlatformId: Schema.Schema<PlatformId, string> = Schema.transform(
  Schema.String,
  Schema.String.pipe(Schema.filter(isPlatformId, { message: () => `must be one of ${known}` })),
  { strict: false, decode: (text) => text.toLowerCase(), encode: (id) => id }
)

/** The rule of every client, so that an unusable URL is refused where it is configured. */
const hostProblem = (text: string): string | undefined =>
  Either.match(OriginPolicy.make({ baseUrl: text }), {
    onLeft: (error) => error._tag === "InvalidSetting" ? error.problem : "must begin with https://",
    onRight: () => undefined
  })

const HostUrl = Schema.String.pipe(Schema.filter((text) => hostProblem(text) ?? true))

/**
 * The hosts of a private platform: three https URLs (plain http to a loopback host is for tests). Further keys are kept
 * and not used.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Override extends Schema.Class<Override>("@effect-auth/qualys/Override")({
  api_url: HostUrl,
  gateway_url: HostUrl,
  qualysguard_url: HostUrl
}) {}

const Texts = Schema.Record({
  key: Schema.String,
  value: Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) })
})

const Urls = Schema.transform(
  Texts,
  Schema.typeSchema(Texts).pipe(Schema.filter((urls) => {
    const flawed = Object.keys(Override.fields).flatMap((key) => {
      const problem = urls[key] === undefined ? "is missing" : hostProblem(urls[key])
      return problem === undefined ? [] : [{ key, problem }]
    })[0]
    return flawed === undefined ? undefined : { path: [flawed.key], message: flawed.problem }
  })),
  { strict: true, decode: (urls) => Record.map(urls, complete), encode: (urls) => urls }
)

/** `qualysdk` keeps further keys, and the order of all, which not every constructor does: so the instance is made by hand. */
const overrideOf = (urls: typeof Urls.Type): Override => Object.setPrototypeOf({ ...urls }, Override.prototype)

/**
 * An {@link Override} as people write it and `qualysdk` reads it: each URL loses the white space around it and a slash at
 * its end, and `https://` is put in front of one without a scheme or with `http://`, unless that names this machine.
 *
 * @since 0.1.0
 * @category schemas
 */
export const OverrideFromText: Schema.Schema<Override, { readonly [key: string]: string }> = Schema.transform(
  Urls,
  Schema.typeSchema(Override),
  { strict: true, decode: overrideOf, encode: (override) => ({ ...override }) }
)

/**
 * The id of a shared platform, or the hosts of a private one.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Platform = Schema.Union(PlatformId, OverrideFromText)

/**
 * @since 0.1.0
 * @category models
 */
export type Platform = PlatformId | Override

/**
 * The platform of an account that does not name one.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultPlatform: PlatformId = "qg3"

/**
 * Decodes a platform: an id in any case, or an override as in {@link OverrideFromText}. Fails with `InvalidSetting`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromUnknown = (input: unknown): Either.Either<Platform, InvalidSetting> =>
  !Predicate.isReadonlyRecord(input)
    ? Either.mapLeft(decodeId(input), () => new InvalidSetting({ setting: "platform", problem: unknownPlatform }))
    : Either.mapLeft(
      decodeOverride(input),
      ({ problem, setting }) => new InvalidSetting({ setting: setting.replace(/^credential/, "platform"), problem })
    )

/**
 * The hosts of a platform. Fails with `InvalidSetting` when the platform is unknown or one of its URLs cannot be used.
 *
 * @example
 * ```ts
 * import * as Platform from "@effect-auth/qualys/Platform"
 * import * as Either from "effect/Either"
 *
 * Either.map(Platform.hosts("eu2"), (hosts) => hosts.gateway) // https://gateway.qg2.apps.qualys.eu
 * ```
 *
 * @since 0.1.0
 * @category accessors
 */
export const hosts = (platform: Platform): Either.Either<Hosts, InvalidSetting> =>
  Either.map(fromUnknown(platform), (platform) =>
    typeof platform === "string" ? platforms[platform] : {
      api: withoutSlash(platform.api_url),
      gateway: withoutSlash(platform.gateway_url),
      ui: withoutSlash(platform.qualysguard_url)
    })

/**
 * The shared platform that a user name is of, by the character after `quays` in names that Qualys makes. `None` where a
 * subscription names its users otherwise, which says nothing. For a hint to a person: an account may have been moved.
 *
 * @example
 * ```ts
 * import * as Platform from "@effect-auth/qualys/Platform"
 *
 * Platform.fromUsername("quays2ab1") // Option.some("qg2")
 * ```
 *
 * @see https://www.qualys.com/platform-identification/
 * @since 0.1.0
 * @category decoding
 */
export const fromUsername = (username: string): Option.Option<PlatformId> =>
  Option.flatMapNullable(Option.fromNullable(/^quays(.)/u.exec(username)), ([, id = ""]) => byIdentifier.get(id))

/**
 * The name of a platform in a message.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (platform: Platform): string =>
  typeof platform === "string" ? platform : `the platform of ${platform.api_url}`

/**
 * The id of a shared platform from the environment, such as `QUALYS_PLATFORM=qg2`.
 *
 * @since 0.1.0
 * @category config
 */
export const config = (name: string): Config.Config<PlatformId> =>
  Credential.variableConfig(name, (text) => Either.mapLeft(decodeId(text), () => `must be one of ${known}`))

const byIdentifier: ReadonlyMap<string, PlatformId> = new Map([
  ["_", "qg1"],
  ["2", "qg2"],
  ["3", "qg3"],
  ["6", "qg4"],
  ["C", "gov1"],
  ["-", "eu1"],
  ["5", "eu2"],
  ["!", "eu2"],
  ["B", "eu3"],
  ["8", "in1"],
  ["9", "ca1"],
  ["7", "ae1"],
  ["1", "uk1"],
  ["4", "au1"],
  ["A", "ksa1"]
])

const unknownPlatform = `must be one of ${known}, or the three URLs api_url, gateway_url and qualysguard_url`

const decodeId = Schema.decodeUnknownEither(PlatformId)

const decodeOverride = Credential.fromUnknown(OverrideFromText)

/** As `BaseAuthentication` of `qualysdk` 0.4.0, which makes `https://` of every `http://`. */
function complete(text: string): string {
  // what `str.strip` of Python takes for white space, and JavaScript
  // eslint-disable-next-line no-control-regex -- Python's white space has control characters
  const url = text.replace(/^[\s\x1c-\x1f\x85]+|[\s\x1c-\x1f\x85]+$/gu, "")
  const secure = isOfThisMachine(url) ? url : url.replace(/^http:\/\//iu, "https://")
  return (/^[a-z][a-z0-9+.-]*:\/\//iu.test(secure) ? secure : `https://${secure}`).replace(/\/$/u, "")
}

const isOfThisMachine = (url: string): boolean => {
  const parsed = Option.liftThrowable((text: string) => new URL(text))(url)
  return Option.exists(parsed, ({ hostname, protocol }) => protocol === "http:" && OriginPolicy.isLoopback(hostname))
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, "")
