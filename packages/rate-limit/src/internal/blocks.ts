/**
 * The blocks of one origin that follow each other, whatever their keys, and how long the next one lasts at least. Pure; times
 * in milliseconds.
 *
 * A block lasts as long as the server states, or as the policy's backoff says if it states nothing. A server that states less
 * than a second and goes on blocking has not told how long to wait: from the second block on the backoff is the least.
 */
import * as Duration from "effect/Duration"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as Partition from "./partition.ts"

export interface Blocks {
  /** How many have followed each other without a served call between them. */
  readonly count: number
  /** When the last of them was known. */
  readonly knownAt: number
  /** When the last of them ends. */
  readonly endsAt: number
  /** The last delay of the backoff; `undefined` if it has not begun. */
  readonly delay: number | undefined
}

export const none: Blocks = { count: 0, knownAt: -Infinity, endsAt: -Infinity, delay: undefined }

/** Whether a call that was sent at `sentAt` follows these blocks too late for its own to be the next of them. */
export const isPast = ({ count, endsAt }: Blocks, sentAt: number): boolean => count > 0 && sentAt > endsAt + keptFor

/** Known now to last until then. */
export const lasting = (blocks: Blocks, until: number): Blocks => ({
  ...blocks,
  endsAt: Math.max(blocks.endsAt, until)
})

/**
 * - `AsStated`: the block lasts as long as the server states, and at least `delay`
 * - `Step`: it lasts at least as long as the next step of the backoff
 */
export type Move =
  | { readonly _tag: "AsStated"; readonly delay: number; readonly blocks: Blocks }
  | { readonly _tag: "Step"; readonly blocks: Blocks }

/** What a block means whose call was sent at `sentAt`, while `inFlight` calls of its key were, this one included. */
export const decide = (
  blocks: Blocks,
  status: RateLimitStatus,
  { inFlight, sentAt }: { readonly sentAt: number; readonly inFlight: number },
  now: number
): Move => {
  const stated = Partition.statedWait(status)
  const isStated = stated > 0
  if (status.blocked === "concurrency") {
    // another call of this key will end
    if (inFlight > 1) return { _tag: "AsStated", delay: 0, blocks }
  } else if (blocks.count > 0 && sentAt <= blocks.knownAt) {
    // sent before the last block was known: one block with it
    if (isStated) return { _tag: "AsStated", delay: 0, blocks }
    return blocks.delay === undefined
      ? { _tag: "Step", blocks }
      : { _tag: "AsStated", delay: blocks.delay, blocks }
  }
  const next = { ...blocks, count: blocks.count + 1, knownAt: now }
  const isBelieved = isStated && (blocks.count === 0 || (stated >= shortest && status.isGrowing !== true))
  return isBelieved ? { _tag: "AsStated", delay: 0, blocks: next } : { _tag: "Step", blocks: next }
}

/** The least that the last of these blocks lasts, after a step of the backoff. */
export const least = ({ count }: Blocks, status: RateLimitStatus, delay: number): number =>
  status.isGrowing === true && status.retryAfter !== undefined
    ? Math.max(delay, Duration.toMillis(status.retryAfter) * 2 ** Math.min(count - 1, mostDoublings))
    : delay

/** A program that leaves a blocked key alone for ten minutes, as long as unused keys are kept, has done what was asked. */
const keptFor = 600_000

/** A second is what servers state that round up; a program may ask as often for as long as it likes. */
const shortest = 1000

/** Ten minutes become more than a week. */
const mostDoublings = 10
