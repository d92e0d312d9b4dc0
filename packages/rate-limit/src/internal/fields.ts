/**
 * The rate limit fields of a response, one by one. Each function gives a value that makes sense, or `undefined` after
 * noting the field's name as malformed.
 *
 * A field may come twice, or state several quotas (`10, 10;w=1, 50;w=60`): of several members the strictest counts. The
 * parameters of a member say what else is known of it and are no part of the number.
 */
import type * as Duration from "effect/Duration"
import { httpDate } from "./httpDate.ts"
import * as Structured from "./structured.ts"

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

/** A whole number that is not negative; of several the smallest. */
export const count = (self: Reader, names: Names | undefined): number | undefined =>
  read(self, names, (text) => {
    const counts = numbersOf(text)
    return counts.length > 0 && counts.every(Structured.isCount) ? Math.min(...counts) : undefined
  })

/**
 * The calls that are left. A negative number is none, unless the limit makes no sense either: a server that states -1 for
 * both has no limit.
 */
export const left = (self: Reader, names: Names | undefined, limit: Names | undefined): number | undefined =>
  read(self, names, (text) => {
    const counts = numbersOf(text)
    if (counts.length === 0 || !counts.every(Structured.isInteger)) return undefined
    const fewest = Math.min(...counts)
    return fewest >= 0 ? fewest : isMalformed(self, limit) ? undefined : 0
  })

/** A limit, with the length of its window if the member states it: `100;w=21600`. */
export const limit = (
  self: Reader,
  names: Names | undefined
): { readonly limit: number; readonly window: Duration.Duration | undefined } | undefined =>
  read(self, names, (text) => {
    const members = membersOf(text)
    if (members.length === 0 || !members.every(([count]) => Structured.isCount(count))) return undefined
    const limit = Math.min(...members.map(([count]) => count))
    const windows = members.map(([count, window]) => count === limit ? Structured.toDuration(window) : undefined)
    return { limit, window: Structured.latest(windows) }
  })

/** Seconds, whole or decimal. */
export const seconds = (self: Reader, names: Names | undefined): Duration.Duration | undefined =>
  read(self, names, secondsOf)

/** Milliseconds, whole or decimal. */
export const millis = (self: Reader, names: Names | undefined): Duration.Duration | undefined =>
  read(self, names, (text) => Structured.bounded(greatest(text)))

/** A time in seconds since 1970, as the time from now. */
export const epochSeconds = (self: Reader, names: Names | undefined, now: number): Duration.Duration | undefined =>
  read(self, names, (text) => until(greatest(text) * 1000, serverNow(self, now)))

/** A time in milliseconds since 1970, as the time from now. */
export const epochMillis = (self: Reader, names: Names | undefined, now: number): Duration.Duration | undefined =>
  read(self, names, (text) => until(greatest(text), serverNow(self, now)))

/** `Retry-After` (RFC 9110 section 10.2.3), as the time from now. */
export const secondsOrDate = (self: Reader, names: Names, now: number): Duration.Duration | undefined =>
  read(self, names, (text) => secondsOf(text) ?? until(latestDate(text), serverNow(self, now)))

/** The value of a field, if it is there and makes sense to `parse`. */
export const read = <A>(
  { headers, malformed }: Reader,
  names: Names | undefined,
  parse: (text: string) => A | undefined
): A | undefined => {
  const name = nameOf(headers, names)
  const text = name === undefined ? undefined : headers[name]
  if (name === undefined || text === undefined) return undefined
  // no server needs more, and a parser of more may need long
  const value = text.length > longestField ? undefined : parse(text.trim())
  if (value === undefined) malformed.push(name)
  return value
}

/** In characters. */
const longestField = 4096

const nameOf = (headers: Head["headers"], names: Names | undefined): string | undefined =>
  typeof names === "string" ? names : names?.find((name) => headers[name] !== undefined)

const hasField = (headers: Head["headers"], names: Names | undefined): boolean => {
  const name = nameOf(headers, names)
  return name !== undefined && headers[name] !== undefined
}

const isMalformed = ({ headers }: Reader, limit: Names | undefined): boolean =>
  hasField(headers, limit) && count({ headers, malformed: [] }, limit) === undefined

/** Most fields are one number, whole or decimal. */
const isNumber = /^-?\d{1,15}(\.\d{1,9})?$/

/** The numbers that a field states, each with its parameter `w`; none if it makes no sense. */
const membersOf = (text: string): ReadonlyArray<readonly [count: number, window: unknown]> => {
  if (isNumber.test(text)) return [[Number(text), undefined]]
  const items = Structured.items(text) ?? []
  const members = items.flatMap(([value, parameters]): ReadonlyArray<readonly [number, unknown]> =>
    typeof value === "number" ? [[value, parameters.get("w")]] : []
  )
  return members.length === items.length ? members : []
}

const numbersOf = (text: string): ReadonlyArray<number> => membersOf(text).map(([number]) => number)

/** The greatest number of a field; a negative one makes no sense. */
const greatest = (text: string): number => {
  const numbers = numbersOf(text)
  return numbers.length > 0 && numbers.every((number) => number >= 0) ? Math.max(...numbers) : NaN
}

const secondsOf = (text: string): Duration.Duration | undefined => Structured.bounded(greatest(text) * 1000)

/** From now until then. The recent past is now; a time more than a year ago makes no sense. */
const until = (then: number, now: number): Duration.Duration | undefined =>
  then - now >= -Structured.longest ? Structured.bounded(Math.max(0, then - now)) : undefined

const serverNow = ({ headers }: Reader, now: number): number => httpDate(headers["date"] ?? "") ?? now

/** A date has a comma of its own. */
const latestDate = (text: string): number => Math.max(...text.split(/GMT\s*,\s*/).map((date) => httpDate(date) ?? NaN))
