/**
 * The time of the place where the state is kept, as a process knows it from the answers that it got: by the one of the last
 * eight that took the shortest time. Pure; local times are those of a clock that is never set.
 */

/** The last answers, the latest at the end. */
export type SharedClock = ReadonlyArray<Sample>

export interface Sample {
  /** How far the other clock is ahead. */
  readonly offset: number
  /** By how much that may be wrong. */
  readonly error: number
}

export const unknown: SharedClock = []

/** An answer with the time `now` came at `receivedAt` to what was asked at `sentAt`. */
export const measured = (
  self: SharedClock,
  { now, receivedAt, sentAt }: { readonly sentAt: number; readonly now: number; readonly receivedAt: number }
): SharedClock => {
  const sample: Sample = {
    offset: Math.round(now - (sentAt + receivedAt) / 2),
    error: Math.ceil((receivedAt - sentAt) / 2) + 1
  }
  const known = best(self)
  // another server has taken over, or its clock was set
  const isAnother = Math.abs(known.offset - sample.offset) > known.error + sample.error + tolerance
  return isAnother ? [sample] : [...self, sample].slice(-mostSamples)
}

export const best = (self: SharedClock): Sample =>
  self.reduce<Sample>((best, sample) => sample.error <= best.error ? sample : best, { offset: 0, error: Infinity })

/** As late as it may be. */
export const toShared = (self: SharedClock, time: number): number => Math.ceil(time) + best(self).offset

/** As late as it may be. */
export const toLocal = (self: SharedClock, time: number): number => {
  const { error, offset } = best(self)
  return time - offset + error
}

const mostSamples = 8

/** Clocks drift apart by less between two of them. */
const tolerance = 50
