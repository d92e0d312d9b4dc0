/**
 * The rate limit fields of a response, one by one. Each function gives a value that makes sense, or `undefined` after
 * noting the field's name as malformed.
 */
import * as Duration from "effect/Duration"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as StructuredFields from "structured-headers"
import type { Concurrency, Quota } from "../RateLimitStatus.ts"

/**
 * Status and headers of a response, the names in lower case.
 *
 * @since 0.1.0
 * @category models
 */
export interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
}

/**
 * One name of a header, or several of which the first that is present counts.
 *
 * @since 0.1.0
 * @category models
 */
export type Names = string | ReadonlyArray<string>

export interface Reader {
  readonly headers: Head["headers"]
  /** Grows while fields are read. */
  readonly malformed: Array<string>
}

export const reader = ({ headers }: Head): Reader => ({ headers, malformed: [] })

/** A whole number that is not negative. */
export const count = (self: Reader, names: Names | undefined): number | undefined => read(self, names, toWholeNumber)

/** Seconds, whole or decimal. */
export const seconds = (self: Reader, names: Names | undefined): Duration.Duration | undefined =>
  read(self, names, secondsOf)

/** Milliseconds, whole or decimal. */
export const millis = (self: Reader, names: Names | undefined): Duration.Duration | undefined =>
  read(self, names, millisOf)

/** A time in seconds since 1970, as the time from now. */
export const epochSeconds = (self: Reader, names: Names | undefined, now: number): Duration.Duration | undefined =>
  read(self, names, (text) => until(decimal(text) * 1000, serverNow(self, now)))

/** `Retry-After` (RFC 9110 section 10.2.3), as the time from now. */
export const secondsOrDate = (self: Reader, names: Names, now: number): Duration.Duration | undefined =>
  read(self, names, (text) => secondsOf(text) ?? until(httpDate(text) ?? NaN, serverNow(self, now)))

/** Draft 7: `limit=100, remaining=50, reset=30`. */
export const dictionary = (self: Reader, name: string): Quota | undefined =>
  read(self, name, (text) => {
    const members = parseDictionary(text)
    if (members === undefined) return undefined
    const limit = toCount(members.get("limit")?.[0])
    const remaining = toCount(members.get("remaining")?.[0])
    const reset = toDuration(members.get("reset")?.[0])
    return limit === undefined && remaining === undefined ? undefined : { limit, remaining, reset }
  })

/** Drafts 6 and 7: the stated quota, beside the windows that `RateLimit-Policy: 10;w=1, 50;w=60` declares. */
export const withPolicies = (self: Reader, stated: Quota): ReadonlyArray<Quota> => {
  const all = (read(self, "ratelimit-policy", parseItems) ?? []).flatMap(([quota, parameters]): ReadonlyArray<Quota> =>
    isCount(quota) ? [toPolicy(quota, parameters.get("w"))] : []
  )
  const binding = all.find(({ limit }) => limit === stated.limit)
  return [...all.filter((policy) => policy !== binding), { ...stated, ...binding }]
}

const toPolicy = (limit: number, window: StructuredFields.BareItem | undefined): Quota => ({
  name: window === undefined ? String(limit) : presentable(`${limit};w=${window}`),
  limit,
  window: toDuration(window)
})

/** Since draft 8: the items of `RateLimit` and `RateLimit-Policy`, joined by name. */
export const namedQuotas = (self: Reader): {
  readonly quotas: ReadonlyArray<Quota>
  readonly concurrency: Concurrency | undefined
} => {
  const service = (read(self, "ratelimit", parseItems) ?? []).filter(([name]) => !isCount(name))
  const policies = (read(self, "ratelimit-policy", parseItems) ?? []).filter(([name]) => !isCount(name))
  const stated = service.map(toNamed)
  const declared = policies.map(toNamed)
  if (
    service.some(([, parameters]) => parameters.has("t") && toDuration(parameters.get("t")) === undefined) ||
    stated.some(({ remaining }) => remaining === undefined)
  ) self.malformed.push("ratelimit")
  if (
    policies.some(([, parameters]) => parameters.has("w") && toDuration(parameters.get("w")) === undefined) ||
    declared.some(({ limit }) => limit === undefined)
  ) self.malformed.push("ratelimit-policy")
  return join(
    stated.filter(({ remaining }) => remaining !== undefined),
    declared.filter(({ limit }) => limit !== undefined)
  )
}

interface Named extends Quota {
  readonly name: string
  readonly unit: string
}

const toNamed = ([name, parameters]: StructuredFields.Item): Named => ({
  name: presentable(String(name)),
  unit: String(parameters.get("qu") ?? "requests"),
  limit: toCount(parameters.get("q")),
  window: toDuration(parameters.get("w")),
  remaining: toCount(parameters.get("r")),
  reset: toDuration(parameters.get("t")),
  partition: toBase64(parameters.get("pk"))
})

const join = (stated: ReadonlyArray<Named>, declared: ReadonlyArray<Named>): ReturnType<typeof namedQuotas> => {
  const all = [
    ...declared.filter(({ name }) => !stated.some((other) => other.name === name)),
    ...stated.map((quota): Named => {
      const policy = declared.find(({ name }) => name === quota.name)
      return policy === undefined
        ? quota
        : { ...policy, remaining: quota.remaining, reset: quota.reset, partition: quota.partition ?? policy.partition }
    })
  ]
  const concurrent = all.find(({ limit, unit }) => unit === "concurrent-requests" && limit !== undefined)
  return {
    quotas: all.filter(({ unit }) => unit === "requests").map(({ unit: _, ...quota }) => quota),
    concurrency: concurrent?.limit === undefined ? undefined : {
      limit: concurrent.limit,
      running: concurrent.remaining === undefined ? undefined : Math.max(0, concurrent.limit - concurrent.remaining)
    }
  }
}

const read = <A>(
  { headers, malformed }: Reader,
  names: Names | undefined,
  parse: (text: string) => A | undefined
): A | undefined => {
  const name = typeof names === "string" ? names : names?.find((name) => headers[name] !== undefined)
  const text = name === undefined ? undefined : headers[name]
  if (name === undefined || text === undefined) return undefined
  // no server needs more, and a parser of more may need long
  const value = text.length > longestField ? undefined : parse(text.trim())
  if (value === undefined) malformed.push(name)
  return value
}

/** In characters. */
const longestField = 4096

const toWholeNumber = (text: string): number | undefined => /^\d{1,15}$/.test(text) ? Number(text) : undefined

const decimal = (text: string): number => /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN

const secondsOf = (text: string): Duration.Duration | undefined => bounded(decimal(text) * 1000)

const millisOf = (text: string): Duration.Duration | undefined => bounded(decimal(text))

/** No server asks clients to wait for more than a year: a longer time is an epoch read as seconds, or an overflow. */
const longest = 366 * 86_400_000

const bounded = (millis: number): Duration.Duration | undefined =>
  millis >= 0 && millis <= longest ? Duration.millis(millis) : undefined

/** From now until then. The recent past is now; a time more than {@link longest} ago makes no sense. */
const until = (then: number, now: number): Duration.Duration | undefined =>
  then - now >= -longest ? bounded(Math.max(0, then - now)) : undefined

const serverNow = ({ headers }: Reader, now: number): number => httpDate(headers["date"] ?? "") ?? now

/** RFC 9110 section 5.6.7, the obsolete forms included; asctime names no zone and means UTC. */
const httpDate = (text: string): number | undefined => {
  if (!/^[A-Z][a-z]{2,8},? .*\d\d:\d\d:\d\d/.test(text)) return undefined
  const millis = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`)
  return Number.isNaN(millis) ? undefined : millis
}

const parseList = Option.liftThrowable(StructuredFields.parseList)

const parseDictionary = (text: string) =>
  Option.getOrUndefined(Option.liftThrowable(StructuredFields.parseDictionary)(text))

const parseItems = (text: string): ReadonlyArray<StructuredFields.Item> | undefined =>
  Option.getOrUndefined(Option.map(parseList(text), (list) => list.filter(isItem)))

const isItem = (member: StructuredFields.Item | StructuredFields.InnerList): member is StructuredFields.Item =>
  !Array.isArray(member[0])

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const toCount = (value: unknown): number | undefined => isCount(value) ? value : undefined

const toDuration = (seconds: unknown): Duration.Duration | undefined =>
  typeof seconds === "number" ? bounded(seconds * 1000) : undefined

const toBase64 = (value: unknown): string | undefined =>
  value instanceof ArrayBuffer ? presentable(Encoding.encodeBase64(new Uint8Array(value))) : undefined

/**
 * A name that a server gives ends up in logs: one line of visible characters, and short. Of a long one both ends are kept,
 * because the long names of one server are alike at one of them.
 */
export const presentable = (name: string): string => {
  const short = name.length > longestName ? `${name.slice(0, longestEnd)}…${name.slice(-longestEnd)}` : name
  return short.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, " ")
}

/** A name of this length fits on a line of a terminal; those in use are shorter. */
const longestName = 80

const longestEnd = Math.floor((longestName - 1) / 2)
