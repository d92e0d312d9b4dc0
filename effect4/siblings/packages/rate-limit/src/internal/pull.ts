/**
 * By hand for Effect 4, where what a stream is pulled from gives arrays, and ends with a failure of its own kind.
 *
 * The one loop that reads bodies. It pulls the parts by itself, because a stage of a `Stream` costs as much as the platform's
 * stream beneath it, and each of a burst of blocks has a body.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Effect from "effect/Effect"
import * as EffectPull from "effect/Pull"

/** What `Stream.toPull` gives. */
export type Pull<E> = EffectPull.Pull<NonEmptyReadonlyArray<Uint8Array>, E>

/** Reads on while the number of bytes is wanted; whether it stopped before the end. */
export const whileWanted = <E>(
  pull: Pull<E>,
  isWanted: (read: number) => boolean,
  onPart: (part: Uint8Array) => void
): Effect.Effect<boolean, E> => {
  const readOn = (before: number): Effect.Effect<boolean, E> =>
    EffectPull.matchEffect(pull, {
      onDone: () => Effect.succeed(false),
      onFailure: Effect.failCause,
      onSuccess: (parts): Effect.Effect<boolean, E> => {
        const read = parts.reduce((sum, part) => {
          onPart(part)
          return sum + part.length
        }, before)
        return isWanted(read) ? readOn(read) : Effect.succeed(true)
      }
    })
  return readOn(0)
}
