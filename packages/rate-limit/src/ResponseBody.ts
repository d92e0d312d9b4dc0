/**
 * Response bodies that are read by the library and not by its caller: refusals, blocks, answers to logins. A server may
 * send more than fits in memory, or never come to an end, so each of them is read within bounds of size and time, and its
 * connection is given up beyond these. What a caller asked for is the caller's to read.
 *
 * @example
 * ```ts
 * import * as ResponseBody from "@effect-auth/rate-limit/ResponseBody"
 * import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
 * import * as Duration from "effect/Duration"
 *
 * const text = (response: HttpClientResponse.HttpClientResponse) =>
 *   ResponseBody.bounded(response, { size: 65_536, time: Duration.seconds(2) }).text
 * ```
 *
 * @since 0.1.0
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type { BodyOutOfBounds, Bounds } from "./internal/bodyBounds.ts"
import { outOfBounds } from "./internal/bodyBounds.ts"
import * as Pull from "./internal/pull.ts"
import { joined, restored } from "./internal/restoredResponse.ts"
import { undecodable } from "./internal/undecodable.ts"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  BodyOutOfBounds,
  /**
   * @since 0.1.0
   * @category models
   */
  type Bounds
} from "./internal/bodyBounds.ts"

/**
 * The part of a policy that bounds bodies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** For a body that says why something was refused. Default: {@link readingBounds}. */
  readonly reading?: Bounds | undefined
  /** For a body that nobody reads, before its connection is given up. Default: {@link discardingBounds}. */
  readonly discarding?: Bounds | undefined
}

/**
 * For a body that says something: 1 MiB and 10 seconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const readingBounds: Bounds = { size: 1_048_576, time: Duration.seconds(10) }

/**
 * For a body that nobody reads: 64 KiB and 1 second. To open a new connection costs less than to read more.
 *
 * @since 0.1.0
 * @category constants
 */
export const discardingBounds: Bounds = { size: 65_536, time: Duration.seconds(1) }

/**
 * Whether a value is a {@link BodyOutOfBounds} error.
 *
 * @since 0.1.0
 * @category guards
 */
export const isBodyOutOfBounds = (u: unknown): u is BodyOutOfBounds => Predicate.isTagged(u, "BodyOutOfBounds")

/**
 * The response with a body that is read within bounds, once, whenever it is first asked for, and can then be read any
 * number of times and in any form. Beyond the bounds every way to read it fails with a `ResponseError` whose cause is
 * {@link BodyOutOfBounds}, and the connection is given up.
 *
 * @since 0.1.0
 * @category combinators
 */
export const bounded = (
  response: HttpClientResponse.HttpClientResponse,
  bounds: Bounds = readingBounds
): HttpClientResponse.HttpClientResponse => restored(response, { content: once(read(response, bounds)) })

/**
 * Reads the rest of a body that nobody reads, so that its connection can be used again, or gives the connection up. Never
 * fails: some transports answer a second read of a body with a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const discard = (
  response: HttpClientResponse.HttpClientResponse,
  { size, time }: Bounds = discardingBounds
): Effect.Effect<void> =>
  pulled(response, (read) => read < size, () => {}).pipe(
    Effect.catchAllCause(() => Effect.void),
    Effect.disconnect,
    Effect.timeoutOption(time),
    Effect.asVoid
  )

const read = (
  response: HttpClientResponse.HttpClientResponse,
  bounds: Bounds
): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const parts: Array<Uint8Array> = []
    return Effect.flatMap(
      pulled(response, (read) => read <= bounds.size, (part) => parts.push(part)),
      (isLonger) => isLonger ? Effect.fail(outOfBounds(response, "TooLong", bounds)) : Effect.succeed(joined(parts))
    )
  }).pipe(
    // a fetch answers 204, and some of them whatever has no body, with null in its place
    Effect.catchIf((error) => error.reason === "EmptyBody", () => Effect.succeed(new ArrayBuffer(0))),
    undecodable(response),
    // a connection that cannot even be given up holds nobody
    Effect.disconnect,
    Effect.timeoutFail({ duration: bounds.time, onTimeout: () => outOfBounds(response, "TooSlow", bounds) })
  )

const pulled = (
  response: HttpClientResponse.HttpClientResponse,
  isWanted: (read: number) => boolean,
  onPart: (part: Uint8Array) => void
): Effect.Effect<boolean, HttpClientError.ResponseError> =>
  Effect.scoped(
    // suspended: some transports throw where a body is read again
    Effect.flatMap(
      Effect.suspend(() => Stream.toPull(response.stream)),
      (pull) => Pull.whileWanted(pull, isWanted, onPart)
    )
  )

/** Runs the effect when it is first asked for, and remembers its result; not that its reader was interrupted. */
const once = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  const result = MutableRef.make<Exit.Exit<A, E> | undefined>(undefined)
  return Effect.suspend(() =>
    MutableRef.get(result) ?? Effect.onExit(effect, (exit) =>
      Effect.sync(() => {
        if (!Exit.isInterrupted(exit)) MutableRef.set(result, exit)
      }))
  )
}
