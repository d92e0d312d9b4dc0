/**
 * A hub whose subscribers begin with the latest value and lose nothing from then on. It delays nobody who publishes, and
 * costs next to nothing until somebody subscribes: most sources of tokens are never watched.
 */
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"

export interface LatestHub<A> {
  /** Synchronous, so that values are published in the order of what they tell of. */
  readonly publish: (value: A) => void
  readonly subscribe: Effect.Effect<Queue.Dequeue<A>, never, Scope.Scope>
}

export const make = <A>(): LatestHub<A> => {
  const latest = MutableRef.make(Option.none<A>())
  const hub = MutableRef.make(Option.none<PubSub.PubSub<A>>())

  const open = Effect.map(PubSub.unbounded<A>({ replay: 1 }), (made) =>
    Option.getOrElse(MutableRef.get(hub), () => {
      Option.map(MutableRef.get(latest), (value) => made.unsafeOffer(value))
      MutableRef.set(hub, Option.some(made))
      return made
    }))

  return {
    publish: (value) => {
      MutableRef.set(latest, Option.some(value))
      Option.map(MutableRef.get(hub), (hub) => hub.unsafeOffer(value))
    },
    subscribe: Effect.flatMap(
      Effect.suspend(() => Option.match(MutableRef.get(hub), { onNone: () => open, onSome: Effect.succeed })),
      PubSub.subscribe
    )
  }
}
