/**
 * The one loop that reads bodies. It pulls the parts by itself, because a stage of a `Stream` costs as much as the platform's
 * stream beneath it, and each of a burst of blocks has a body.
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** What `Stream.toPull` gives. */
export type Pull<E> = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<E>>

/** Reads on while the number of bytes is wanted; whether it stopped before the end. */
export const whileWanted = <E>(
  pull: Pull<E>,
  isWanted: (read: number) => boolean,
  onPart: (part: Uint8Array) => void
): Effect.Effect<boolean, E> => {
  const readOn = (before: number): Effect.Effect<boolean, E> =>
    Effect.matchCauseEffect(pull, {
      onFailure: (cause) => {
        const failure = Cause.flipCauseOption(cause)
        return Option.isNone(failure) ? Effect.succeed(false) : Effect.failCause(failure.value)
      },
      onSuccess: (chunk) => {
        const read = Chunk.reduce(chunk, before, (sum, part) => {
          onPart(part)
          return sum + part.length
        })
        return isWanted(read) ? readOn(read) : Effect.succeed(true)
      }
    })
  return readOn(0)
}
