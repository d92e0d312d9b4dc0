/**
 * When calls were made, in bounded memory: a flat list of pairs (time, number of calls), oldest first. Calls that are
 * counted together leave the window when the last of them does, so that memory is saved at the cost of patience and
 * never of a block.
 */

/** `[time, count, time, count, ...]`: numbers side by side take a quarter of the memory of as many objects. */
export type Charges = ReadonlyArray<number>

export const none: Charges = []

/** One more call, the latest. */
export const add = (charges: Charges, window: number | undefined, now: number): Charges => {
  const last = charges.at(-2)
  if (last === now) return [...charges.slice(0, -1), (charges.at(-1) ?? 0) + 1]
  const all = [...charges, now, 1]
  if (all.length <= mostNumbers) return all
  const recent = retained(all, window, now)
  return recent.length < all.length ? recent : withClosestMerged(recent)
}

/** Calls made at times for which the predicate holds. */
export const count = (charges: Charges, where: (at: number) => boolean): number => {
  let total = 0
  for (let i = 0; i < charges.length; i += 2) {
    if (where(charges[i] ?? 0)) total += charges[i + 1] ?? 0
  }
  return total
}

/** The time of the n-th call after `since`, the time itself not included; `undefined` when there are fewer. */
export const nth = (charges: Charges, n: number, since: number): number | undefined => {
  let left = n
  for (let i = 0; i < charges.length; i += 2) {
    const at = charges[i] ?? 0
    if (at <= since) continue
    left -= charges[i + 1] ?? 0
    if (left <= 0) return at
  }
  return undefined
}

export const latest = (charges: Charges): number | undefined => charges.at(-2)

/** Without the n oldest calls. */
export const dropOldest = (charges: Charges, n: number): Charges => {
  let left = n
  for (let i = 0; i < charges.length; i += 2) {
    const [at = 0, calls = 0] = charges.slice(i, i + 2)
    if (calls > left) return left === 0 && i === 0 ? charges : [at, calls - left, ...charges.slice(i + 2)]
    left -= calls
  }
  return none
}

/** Without those that left the window so long ago that no statement of the server can include them. */
export const retained = (charges: Charges, window: number | undefined, now: number): Charges => {
  if (window === undefined) return charges
  let i = 0
  while (i < charges.length && (charges[i] ?? 0) + window * retention <= now) i += 2
  return i === 0 ? charges : charges.slice(i)
}

const mostNumbers = 112

const retention = 1.25

/** The two neighbours that are closest in time become one, as late as the later of them. */
const withClosestMerged = (charges: Charges): Charges => {
  let closest = 0
  let gap = Infinity
  for (let i = 0; i + 2 < charges.length; i += 2) {
    const between = (charges[i + 2] ?? 0) - (charges[i] ?? 0)
    if (between < gap) {
      gap = between
      closest = i
    }
  }
  const [, calls = 0, at = 0, more = 0] = charges.slice(closest, closest + 4)
  return [...charges.slice(0, closest), at, calls + more, ...charges.slice(closest + 4)]
}
