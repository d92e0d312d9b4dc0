/**
 * When calls were made, in bounded memory: a flat list of pairs (time, number of calls), oldest first. Calls that are
 * counted together leave the window when the latest of them does, so bounded memory costs waiting time and never a block.
 * Pure; times in epoch milliseconds.
 */

/** `[time, count, time, count, ...]`: numbers side by side take a quarter of the memory of as many objects. */
export type CallHistory = ReadonlyArray<number>

export const none: CallHistory = []

/** One more call, the latest. */
export const add = (history: CallHistory, window: number | undefined, now: number): CallHistory => {
  const last = history.at(-2)
  if (last === now) return [...history.slice(0, -1), (history.at(-1) ?? 0) + 1]
  const all = [...history, now, 1]
  if (all.length <= mostNumbers) return all
  const recent = retained(all, window, now)
  return recent.length < all.length ? recent : withClosestMerged(recent)
}

/** The calls made at times for which the predicate holds. */
export const count = (history: CallHistory, where: (at: number) => boolean): number => {
  let total = 0
  for (let i = 0; i < history.length; i += 2) {
    if (where(history[i] ?? 0)) total += history[i + 1] ?? 0
  }
  return total
}

/** The time of the n-th call after `since`, calls at `since` not included; `undefined` if there are fewer. */
export const nth = (history: CallHistory, n: number, since: number): number | undefined => {
  let left = n
  for (let i = 0; i < history.length; i += 2) {
    const at = history[i] ?? 0
    if (at <= since) continue
    left -= history[i + 1] ?? 0
    if (left <= 0) return at
  }
  return undefined
}

/** The time of the latest call. */
export const latest = (history: CallHistory): number | undefined => history.at(-2)

/** Without the n oldest calls. */
export const dropOldest = (history: CallHistory, n: number): CallHistory => {
  let left = n
  for (let i = 0; i < history.length; i += 2) {
    const [at = 0, calls = 0] = history.slice(i, i + 2)
    if (calls > left) return left === 0 && i === 0 ? history : [at, calls - left, ...history.slice(i + 2)]
    left -= calls
  }
  return none
}

/** Without the calls that left the window so long ago that no statement of the server can include them. */
export const retained = (history: CallHistory, window: number | undefined, now: number): CallHistory => {
  if (window === undefined) return history
  let i = 0
  while (i < history.length && (history[i] ?? 0) + window * retention <= now) i += 2
  return i === 0 ? history : history.slice(i)
}

/** 56 times are enough for a window to open in small steps, and keep a quota below one kilobyte. */
const mostNumbers = 112

/**
 * Statements arrive late and are compared with the calls in the window at the time of sending: a quarter of the window is
 * longer than any response takes.
 */
const retention = 1.25

/** The two entries that are closest in time become one, at the later of their times. */
const withClosestMerged = (history: CallHistory): CallHistory => {
  let closest = 0
  let gap = Infinity
  for (let i = 0; i + 2 < history.length; i += 2) {
    const between = (history[i + 2] ?? 0) - (history[i] ?? 0)
    if (between < gap) {
      gap = between
      closest = i
    }
  }
  const [, calls = 0, at = 0, more = 0] = history.slice(closest, closest + 4)
  return [...history.slice(0, closest), at, calls + more, ...history.slice(closest + 4)]
}
