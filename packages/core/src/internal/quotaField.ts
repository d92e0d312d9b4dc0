/**
 * Quota header fields, one by one: a value that makes sense, or `undefined` with the field's name noted as malformed.
 */
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as StructuredFields from "structured-headers"
import type { Head, Names } from "../RateLimitDialect.ts"
import type { Concurrency, Quota } from "../RateLimitSignal.ts"

/** No server means to be left alone for longer: a greater value is an epoch taken for seconds, or an overflow. */
export const longest = 366 * 86_400_000

export interface Reader {
  /** Grows while fields are read. */
  readonly malformed: ReadonlyArray<string>
  /** A whole number that is not negative. */
  readonly count: (names: Names | undefined) => number | undefined
  /** Seconds, whole or decimal, as milliseconds. */
  readonly seconds: (names: Names | undefined) => number | undefined
  readonly millis: (names: Names | undefined) => number | undefined
  /** A time in seconds since 1970, as milliseconds from now. */
  readonly epochSeconds: (names: Names | undefined, now: number) => number | undefined
  /** `Retry-After` (RFC 9110 section 10.2.3), as milliseconds from now. */
  readonly secondsOrDate: (names: Names, now: number) => number | undefined
  /** Draft 7: `limit=100, remaining=50, reset=30`. */
  readonly dictionary: (name: string) => Quota | undefined
  /** Drafts 6 and 7: the quota as stated, beside the windows that `RateLimit-Policy: 10;w=1, 50;w=60` tells of. */
  readonly withPolicies: (stated: Quota) => ReadonlyArray<Quota>
  /** Since draft 8: `RateLimit` and `RateLimit-Policy`, joined by name. */
  readonly namedQuotas: () => {
    readonly quotas: ReadonlyArray<Quota>
    readonly concurrency: Concurrency | undefined
  }
}

export const reader = (head: Head): Reader => {
  const malformed: Array<string> = []

  const read = <A>(names: Names | undefined, parse: (text: string) => A | undefined): A | undefined => {
    const name = typeof names === "string" ? names : names?.find((name) => head.headers[name] !== undefined)
    const text = name === undefined ? undefined : head.headers[name]
    if (name === undefined || text === undefined) return undefined
    const value = parse(text.trim())
    if (value === undefined) malformed.push(name)
    return value
  }

  const serverNow = (now: number) => httpDate(head.headers["date"] ?? "") ?? now

  const policies = (): ReadonlyArray<StructuredFields.Item> =>
    (read("ratelimit-policy", parseItems) ?? []).filter(([quota]) => isCount(quota))

  return {
    malformed,
    count: (names) => read(names, (text) => /^\d{1,15}$/.test(text) ? Number(text) : undefined),
    seconds: (names) => read(names, (text) => bounded(decimal(text) * 1000)),
    millis: (names) => read(names, (text) => bounded(decimal(text))),
    epochSeconds: (names, now) => read(names, (text) => until(decimal(text) * 1000, serverNow(now))),
    secondsOrDate: (names, now) =>
      read(names, (text) => bounded(decimal(text) * 1000) ?? until(httpDate(text) ?? NaN, serverNow(now))),
    dictionary: (name) =>
      read(name, (text) => {
        const members = parseDictionary(text)
        if (members === undefined) return undefined
        const limit = toCount(members.get("limit")?.[0])
        const remaining = toCount(members.get("remaining")?.[0])
        const reset = toMillis(members.get("reset")?.[0])
        return limit === undefined && remaining === undefined ? undefined : { limit, remaining, reset }
      }),
    withPolicies: (stated) => {
      const all = policies().map(([quota, parameters]): Quota => {
        const limit = toCount(quota)
        const window = toMillis(parameters.get("w"))
        return { name: `${limit};w=${window}`, limit, window }
      })
      const binding = all.find(({ limit }) => limit === stated.limit)
      return [...all.filter((policy) => policy !== binding), { ...stated, ...binding }]
    },
    namedQuotas: () => {
      const service = (read("ratelimit", parseItems) ?? []).filter(([name]) => !isCount(name))
      const policies = (read("ratelimit-policy", parseItems) ?? []).filter(([name]) => !isCount(name))
      const partsOf = ([name, parameters]: StructuredFields.Item): Named => ({
        name: nameOf(name),
        unit: nameOf(parameters.get("qu") ?? "requests"),
        limit: toCount(parameters.get("q")),
        window: toMillis(parameters.get("w")),
        remaining: toCount(parameters.get("r")),
        reset: toMillis(parameters.get("t")),
        partition: toBase64(parameters.get("pk"))
      })
      const stated = service.map(partsOf)
      const declared = policies.map(partsOf)
      if (
        service.some(([, parameters]) => parameters.has("t") && toMillis(parameters.get("t")) === undefined) ||
        stated.some(({ remaining }) => remaining === undefined)
      ) malformed.push("ratelimit")
      if (
        policies.some(([, parameters]) => parameters.has("w") && toMillis(parameters.get("w")) === undefined) ||
        declared.some(({ limit }) => limit === undefined)
      ) malformed.push("ratelimit-policy")
      return join(
        stated.filter(({ remaining }) => remaining !== undefined),
        declared.filter(({ limit }) => limit !== undefined)
      )
    }
  }
}

interface Named extends Quota {
  readonly name: string
  readonly unit: string
}

const join = (stated: ReadonlyArray<Named>, declared: ReadonlyArray<Named>): ReturnType<Reader["namedQuotas"]> => {
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

const decimal = (text: string): number => /^\d{1,15}(\.\d{1,9})?$/.test(text) ? Number(text) : NaN

const bounded = (millis: number): number | undefined => millis >= 0 && millis <= longest ? millis : undefined

/** From now until then; what is past is now, unless it is so long past that it cannot be meant. */
const until = (then: number, now: number): number | undefined =>
  then - now >= -longest ? bounded(Math.max(0, then - now)) : undefined

/** RFC 9110 section 5.6.7, the obsolete forms included; the last of them names no zone and means UTC. */
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

const toMillis = (value: unknown): number | undefined => typeof value === "number" ? bounded(value * 1000) : undefined

const nameOf = (value: StructuredFields.BareItem): string => String(value)

const toBase64 = (value: unknown): string | undefined =>
  value instanceof ArrayBuffer ? Encoding.encodeBase64(new Uint8Array(value)) : undefined
