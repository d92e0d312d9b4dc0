/**
 * What admits the requests of a key besides what the server says to this process: a share of a quota that other processes use
 * too. Asked with each request, so that all of it is synchronous; times are those of the limiter, in milliseconds.
 */
import type * as Clock from "effect/Clock"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import type { Partition, SentCall } from "./partition.ts"

export interface Gate {
  /**
   * When one more request may be sent: now or earlier, at a time, or not before one of those in flight is answered or the gate
   * wakes its lane (`Infinity`).
   */
  readonly opensAt: (partition: Partition, now: number, clock: Clock.Clock) => number
  readonly sent: (clock: Clock.Clock) => void
  /** No response came. */
  readonly abandoned: (clock: Clock.Clock) => void
  /** `partition`: what is known after the response. */
  readonly answered: (
    call: SentCall,
    status: RateLimitStatus,
    partition: Partition,
    now: number,
    clock: Clock.Clock
  ) => void
}

/** The requests of a key, as its gate sees them. */
export interface Gated {
  readonly load: () => { readonly inFlight: number; readonly waiting: number }
  /** The gate may have opened. */
  readonly wake: () => void
}

/** Makes the gate of a key. */
export type Gates = (key: string, gated: Gated) => Gate
