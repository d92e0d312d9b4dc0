/**
 * The time of a limiter, in milliseconds: that of the wall clock for as long as it runs forwards, and on from there when it
 * is set back. Periods are measured in it, so no step of the clock makes a wait longer.
 *
 * A step forwards counts as time that has passed: a computer that was suspended shows the same. How much time passed beside
 * a step backwards is told by the Clock's nanoseconds, which Effect counts from a clock that is never set. Where they step
 * too, as in a Clock of a test, nobody knows, and `onLost` is told so.
 */
import type * as Clock from "effect/Clock"
import * as MutableRef from "effect/MutableRef"

export interface Timeline {
  /** The wall clock at the last reading. */
  readonly wall: MutableRef.MutableRef<number>
  readonly anchor: MutableRef.MutableRef<Anchor>
  readonly onLost: (now: number) => void
}

interface Anchor {
  /** What the time is ahead of the wall clock. */
  readonly offset: number
  /** The nanoseconds at this time, in milliseconds. */
  readonly steady: number
  readonly time: number
  /** The wall clock when the nanoseconds are to be read again. */
  readonly until: number
}

export const make = (onLost: (now: number) => void): Timeline => ({
  wall: MutableRef.make(-Infinity),
  anchor: MutableRef.make<Anchor>({ offset: 0, steady: 0, time: -Infinity, until: -Infinity }),
  onLost
})

/**
 * The time now, as one look at the wall clock tells it. Never less than it was at an earlier reading. A step back by less
 * than what has passed since that reading shows only in {@link exact}, or after a while.
 */
export const now = (self: Timeline, clock: Clock.Clock): number => {
  const wall = clock.unsafeCurrentTimeMillis()
  const { offset, until } = MutableRef.get(self.anchor)
  // almost always: nanoseconds take several times as long to read
  if (wall < until && wall >= MutableRef.get(self.wall)) {
    MutableRef.set(self.wall, wall)
    return wall + offset
  }
  return exact(self, clock)
}

/** The time now by both clocks, for those who wait: no step back prolongs that. */
export const exact = (self: Timeline, clock: Clock.Clock): number => {
  const { anchor, isLost, wall } = read(self, clock)
  MutableRef.set(self.wall, wall)
  MutableRef.set(self.anchor, anchor)
  if (isLost) self.onLost(anchor.time)
  return anchor.time
}

/** The same for those who only look. */
export const peek = (self: Timeline, clock: Clock.Clock): number => read(self, clock).anchor.time

/** What the wall clock shows at a time, if it is not set until then. */
export const toWall = (self: Timeline, time: number): number => time - MutableRef.get(self.anchor).offset

/** Both clocks; `isLost`: nobody knows how much time has passed. */
interface BothClocks {
  readonly wall: number
  readonly anchor: Anchor
  readonly isLost: boolean
}

const read = (self: Timeline, clock: Clock.Clock): BothClocks => {
  const wall = clock.unsafeCurrentTimeMillis()
  const steady = Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)
  const anchor = MutableRef.get(self.anchor)
  const last = MutableRef.get(self.wall) + anchor.offset
  const passed = anchor.time + steady - anchor.steady
  const isSetBack = wall < MutableRef.get(self.wall) || passed > wall + anchor.offset + inaccuracy
  const time = isSetBack ? Math.max(last, passed) : wall + anchor.offset
  return {
    wall,
    anchor: { offset: time - wall, steady, time, until: wall + anchoredFor },
    isLost: isSetBack && passed < last - inaccuracy
  }
}

/** What a suspend hides if the clock is set back shortly after it. */
const anchoredFor = 10_000

/** Both clocks are rounded to milliseconds, and one of them is slewed by up to half a millisecond in a second. */
const inaccuracy = 50
