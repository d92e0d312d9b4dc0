/**
 * A hub whose subscribers begin with the latest value and lose nothing from then on. It delays nobody who publishes, and
 * costs next to nothing until somebody subscribes: most sources of tokens are never watched.
 */
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as PubSub from "effect/PubSub"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

export interface LatestHub<in out A> {
  readonly latest: MutableRef.MutableRef<A | undefined>
  readonly hub: MutableRef.MutableRef<PubSub.PubSub<A> | undefined>
}

export const make = <A extends object>(): LatestHub<A> => ({
  latest: MutableRef.make<A | undefined>(undefined),
  hub: MutableRef.make<PubSub.PubSub<A> | undefined>(undefined)
})

/** Synchronous, so that values are published in the order of what they tell of. */
export const publish = <A extends object>({ hub, latest }: LatestHub<A>, value: A): void => {
  MutableRef.set(latest, value)
  MutableRef.get(hub)?.unsafeOffer(value)
}

export const subscribe = <A extends object>(
  self: LatestHub<A>
): Effect.Effect<Queue.Dequeue<A>, never, Scope.Scope> => Effect.flatMap(open(self), PubSub.subscribe)

const open = <A extends object>({ hub, latest }: LatestHub<A>): Effect.Effect<PubSub.PubSub<A>> =>
  Effect.map(PubSub.unbounded<A>({ replay: 1 }), (made) => {
    const opened = MutableRef.get(hub)
    if (opened !== undefined) return opened
    const value = MutableRef.get(latest)
    if (value !== undefined) made.unsafeOffer(value)
    MutableRef.set(hub, made)
    return made
  })
