/** What comes of one schedule: the claims that did not hold, and the states it reached. */

export interface Claims {
  /** A sentence that must be true whatever happens. */
  readonly claim: (sentence: string, holds: boolean) => void
  /** Notes that the schedule reached a state, so that it can be counted how many do. */
  readonly reached: (state: string) => void
  readonly untrue: ReadonlySet<string>
  readonly states: ReadonlySet<string>
}

export const make = (): Claims => {
  const untrue = new Set<string>()
  const states = new Set<string>()
  return {
    claim: (sentence, holds) => {
      if (!holds) untrue.add(sentence)
    },
    reached: (state) => void states.add(state),
    untrue,
    states
  }
}
