/**
 * Only for Effect 4, which has no Subscribable any more: a value that can be read and followed.
 *
 * @since 4.0.0
 */
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * A value, and the stream of its changes, which begins with it.
 *
 * @since 4.0.0
 * @category models
 */
export interface Subscribable<A, E = never, R = never> {
  readonly get: Effect.Effect<A, E, R>
  readonly changes: Stream.Stream<A, E, R>
}

/**
 * @since 4.0.0
 * @category constructors
 */
export const make = <A, E, R>(options: Subscribable<A, E, R>): Subscribable<A, E, R> => options
