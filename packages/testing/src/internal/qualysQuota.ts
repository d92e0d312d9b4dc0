/** The quota of one Qualys endpoint: a sliding window of accepted calls, and a number of calls at once. Pure. */

/** The limits of one endpoint. */
export interface Limits {
  /** Calls in any window. */
  readonly limit: number
  readonly windowMillis: number
  /** Calls at the same time. */
  readonly concurrency: number
}

/** The usage of one endpoint. */
export interface Usage {
  /** When calls were accepted, oldest first, in epoch milliseconds. */
  readonly accepted: ReadonlyArray<number>
  readonly running: number
  readonly maxRunning: number
}

/** Whether a call may run. */
export type Verdict =
  | { readonly _tag: "Accepted" }
  | { readonly _tag: "TooMany"; readonly callsToFinish: number }
  | { readonly _tag: "TooOften"; readonly secondsToWait: number }

export const unused: Usage = { accepted: [], running: 0, maxRunning: 0 }

/** For endpoints without quota headers, which are not metered. */
export const unlimited: Limits = { limit: Infinity, windowMillis: 0, concurrency: Infinity }

/** A call leaves the window exactly when its age reaches the window, so that a caller who waited ToWait is admitted. */
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
  // a call is admitted once fewer than `limit` are left in the window
  const leaving = recent[recent.length - limits.limit] ?? now
  return Math.ceil((leaving + limits.windowMillis - now) / 1000)
}

/** A call arrives. Concurrency takes precedence over the rate. A blocked call costs nothing. */
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

/** An accepted call has ended, or its caller has left. */
export const finish = (usage: Usage): Usage => ({ ...usage, running: usage.running - 1 })

/** Another user of the subscription, to which the quota belongs, made `n` calls now. */
export const spend = (usage: Usage, n: number, now: number): Usage => ({
  ...usage,
  accepted: [...usage.accepted, ...Array.from({ length: n }, () => now)]
})

/** The two spellings of the concurrency headers. */
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
