// The quota of one Qualys endpoint: a sliding window of accepted calls and a number of calls at once. Pure, so that a
// test of a clock is a test of these functions; FakeQualys keeps the usages in its state.

/** What one endpoint admits. */
export interface Limits {
  /** Calls in any window. */
  readonly limit: number
  readonly windowMillis: number
  /** Calls at the same time. */
  readonly concurrency: number
}

/** What happened at one endpoint. */
export interface Usage {
  /** When calls were accepted, oldest first, in epoch milliseconds. */
  readonly accepted: ReadonlyArray<number>
  readonly running: number
  readonly maxRunning: number
}

/** May this call run? */
export type Verdict =
  | { readonly _tag: "Accepted" }
  | { readonly _tag: "TooMany"; readonly callsToFinish: number }
  | { readonly _tag: "TooOften"; readonly secondsToWait: number }

export const unused: Usage = { accepted: [], running: 0, maxRunning: 0 }

/** Where the vendor sends no quota headers, nothing is metered. */
export const unlimited: Limits = { limit: Infinity, windowMillis: 0, concurrency: Infinity }

// A call leaves the window exactly when its age reaches the window: who waited ToWait seconds is let in.
const inWindow = (usage: Usage, limits: Limits, now: number): ReadonlyArray<number> =>
  usage.accepted.filter((at) => now - at < limits.windowMillis)

const remaining = (usage: Usage, limits: Limits, now: number): number =>
  Math.max(0, limits.limit - inWindow(usage, limits, now).length)

/** Whole seconds, rounded up, until the next call would be accepted; 0 while calls remain. */
export const secondsToWait = (usage: Usage, limits: Limits, now: number): number => {
  const recent = inWindow(usage, limits, now)
  if (recent.length < limits.limit) {
    return 0
  }
  // A slot is free when so many have left that fewer than `limit` stay.
  const leaving = recent[recent.length - limits.limit] ?? now
  return Math.ceil((leaving + limits.windowMillis - now) / 1000)
}

/** A call arrives. Concurrency is looked at first: it takes precedence over the rate. A blocked call costs nothing. */
export const start = (usage: Usage, limits: Limits, now: number): readonly [Verdict, Usage] => {
  if (usage.running >= limits.concurrency) {
    return [{ _tag: "TooMany", callsToFinish: usage.running - limits.concurrency + 1 }, usage]
  }
  const wait = secondsToWait(usage, limits, now)
  if (wait > 0) {
    return [{ _tag: "TooOften", secondsToWait: wait }, usage]
  }
  const running = usage.running + 1
  return [{ _tag: "Accepted" }, {
    accepted: [...inWindow(usage, limits, now), now],
    running,
    maxRunning: Math.max(usage.maxRunning, running)
  }]
}

/** An accepted call ended, or its caller went away. */
export const finish = (usage: Usage): Usage => ({ ...usage, running: usage.running - 1 })

/** Somebody else used up `n` calls now: the quota belongs to the subscription. */
export const spend = (usage: Usage, n: number, now: number): Usage => ({
  ...usage,
  accepted: [...usage.accepted, ...Array.from({ length: n }, () => now)]
})

/** The two ways in which the concurrency headers are spelled. */
export type Spelling = "dashed" | "joined"

export const rateHeaders = (usage: Usage, limits: Limits, now: number): Readonly<Record<string, string>> => ({
  "x-ratelimit-limit": String(limits.limit),
  "x-ratelimit-window-sec": String(Math.ceil(limits.windowMillis / 1000)),
  "x-ratelimit-remaining": String(remaining(usage, limits, now)),
  "x-ratelimit-towait-sec": String(secondsToWait(usage, limits, now))
})

export const concurrencyHeaders = (
  usage: Usage,
  limits: Limits,
  spelling: Spelling
): Readonly<Record<string, string>> => {
  const name = spelling === "dashed" ? "x-concurrency-limit" : "x-concurrencylimit"
  return { [`${name}-limit`]: String(limits.concurrency), [`${name}-running`]: String(usage.running) }
}
