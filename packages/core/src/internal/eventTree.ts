/**
 * Hubs of events in a tree, so that an event reaches its observers whatever the order in which layers are built. What is
 * published to a hub is seen there, in the hubs around it and in those within it. Hubs beside each other see nothing of
 * one another.
 */
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"

export interface EventTree<in out A> {
  readonly hub: PubSub.PubSub<A>
  readonly around: EventTree<A> | undefined
  readonly within: MutableRef.MutableRef<ReadonlyArray<EventTree<A>>>
}

/** The outermost hub. */
export const make = <A>(): Effect.Effect<EventTree<A>> => Effect.map(makeHub<A>(), (hub) => place(hub, undefined))

/** A hub within another, until the Scope ends. */
export const makeWithin = <A>(around: EventTree<A>): Effect.Effect<EventTree<A>, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(makeHub<A>(), (hub) => {
      const tree = place(hub, around)
      MutableRef.update(around.within, (others) => [...others, tree])
      return tree
    }),
    (tree) => Effect.sync(() => MutableRef.update(around.within, (others) => others.filter((other) => other !== tree)))
  )

export const publish = <A>(self: EventTree<A>, event: A): Effect.Effect<void> =>
  Effect.forEach([...outwards(self.around), ...inwards(self)], ({ hub }) => PubSub.publish(hub, event), {
    discard: true
  })

const makeHub = <A>() => PubSub.sliding<A>(capacity)

/** Events are rare: a subscriber behind by a thousand has stopped reading, and must not fill the memory. */
const capacity = 1024

const place = <A>(hub: PubSub.PubSub<A>, around: EventTree<A> | undefined): EventTree<A> => ({
  hub,
  around,
  within: MutableRef.make<ReadonlyArray<EventTree<A>>>([])
})

const outwards = <A>(self: EventTree<A> | undefined): ReadonlyArray<EventTree<A>> =>
  self === undefined ? [] : [self, ...outwards(self.around)]

const inwards = <A>(self: EventTree<A>): ReadonlyArray<EventTree<A>> => [
  self,
  ...MutableRef.get(self.within).flatMap(inwards)
]
