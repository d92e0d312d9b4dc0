/** Structured fields (RFC 9651) as far as rate limit fields use them, and what makes sense in them. */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as StructuredFields from "structured-headers"

export type BareItem = StructuredFields.BareItem

export type Item = StructuredFields.Item

const parseList = Option.liftThrowable(StructuredFields.parseList)

const parseOneDictionary = Option.liftThrowable(StructuredFields.parseDictionary)

/** The items of a list; `undefined` if the text is no list. */
export const items = (text: string): ReadonlyArray<Item> | undefined =>
  Option.getOrUndefined(Option.map(parseList(text), (list) => list.filter(isItem)))

/** The values of each member of a dictionary of numbers, of which a field that comes twice has several. */
export const dictionary = (text: string): ReadonlyMap<string, ReadonlyArray<BareItem>> | undefined => {
  const all = new Map<string, Array<BareItem>>()
  for (const part of text.split(",")) {
    const members = Option.getOrUndefined(parseOneDictionary(part.trim()))
    if (members === undefined) return undefined
    for (const [name, [value]] of members) {
      if (Array.isArray(value)) continue
      const values = all.get(name)
      if (values === undefined) all.set(name, [value])
      else values.push(value)
    }
  }
  return all
}

const isItem = (member: StructuredFields.Item | StructuredFields.InnerList): member is StructuredFields.Item =>
  !Array.isArray(member[0])

export const isCount = (value: unknown): value is number => isInteger(value) && value >= 0

export const isInteger = (value: unknown): value is number => Number.isSafeInteger(value)

export const toCount = (value: unknown): number | undefined => isCount(value) ? value : undefined

/** What is left: a server that has served more than its limit may count below zero. */
export const toLeft = (value: unknown): number | undefined => isInteger(value) ? Math.max(0, value) : undefined

export const toDuration = (seconds: unknown): Duration.Duration | undefined =>
  typeof seconds === "number" ? bounded(seconds * 1000) : undefined

/** No server asks clients to wait for more than a year: a longer time is an epoch read as seconds, or an overflow. */
export const longest = 366 * 86_400_000

export const bounded = (millis: number): Duration.Duration | undefined =>
  millis >= 0 && millis <= longest ? Duration.millis(millis) : undefined

/** Of several statements of one thing the strictest: the fewest calls. */
export const fewest = (
  counts: ReadonlyArray<number | undefined>
): number | undefined => {
  const known = counts.filter((count) => count !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

/** Of several statements of one thing the strictest: the longest time. */
export const latest = (times: ReadonlyArray<Duration.Duration | undefined>): Duration.Duration | undefined =>
  times.reduce((a, b) => a === undefined || b === undefined ? a ?? b : Duration.max(a, b), undefined)

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
