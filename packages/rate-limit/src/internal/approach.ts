/** Whether a response brought quotas so low that it is worth a warning. Pure; times in milliseconds. */
import * as Duration from "effect/Duration"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import type { Partition } from "./partition.ts"
import * as Window from "./window.ts"

/** What is needed of the policy to warn. */
export type WarningRules = Pick<RateLimitPolicy, "warnBelow" | "warnEvery">

/** A quota that has fallen below a threshold. */
export interface Approach {
  readonly quota: string
  readonly limit: number | undefined
  readonly remaining: number
  /** When there will be more. */
  readonly moreAt: number
}

/**
 * The quotas of which this response warns because it brought them below a threshold, and the partition that remembers them
 * for their window. What comes too soon after the last warning is not remembered, so that a later response warns of it; of
 * several at once, the one that was not warned of for longest is named.
 */
export const approaching = (
  partition: Partition,
  status: RateLimitStatus,
  { warnBelow, warnEvery }: WarningRules,
  now: number
): readonly [ReadonlyArray<Approach>, Partition] => {
  if (warnBelow.length === 0 || status.quotas.every(({ remaining }) => remaining === undefined)) return [[], partition]
  const crossed = partition.windows.flatMap((usage) => {
    const left = status.quotas.find((quota) => Window.isOf(usage, quota))?.remaining
    if (left === undefined) return []
    const [crosses, warned] = Window.warn(usage, left, thresholdsOf(usage, warnBelow), now)
    return crosses ? [{ usage, left, warned }] : []
  })
  const every = Duration.toMillis(warnEvery)
  const isTooSoon = now >= partition.warnedAt && now - partition.warnedAt < every
  if (crossed.length === 0 || isTooSoon) return [[], partition]
  const named = every === 0 ? crossed : [crossed.reduce((a, b) => lastWarning(b.usage) < lastWarning(a.usage) ? b : a)]
  return [
    named.map(({ left, usage }) => ({
      quota: usage.name,
      limit: usage.limit,
      remaining: left,
      moreAt: Window.moreAt(usage, now)
    })),
    {
      ...partition,
      windows: partition.windows.map((usage) => named.find((other) => other.usage === usage)?.warned ?? usage),
      warnedAt: now
    }
  ]
}

const lastWarning = ({ warning }: Window.WindowUsage): number => warning?.until ?? -Infinity

/** The limit as far as it is known: stated once, or the most calls that the server was seen to admit. */
const thresholdsOf = ({ limit }: Window.WindowUsage, warnBelow: ReadonlyArray<number>): ReadonlyArray<number> =>
  warnBelow.flatMap((number) => number >= 1 ? [number] : limit === undefined ? [] : [number * limit])
