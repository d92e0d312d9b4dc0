/**
 * A hub for events, made when the first subscriber comes: until then publishing costs nothing. A subscriber that falls
 * behind by more than the capacity loses the oldest events and delays nobody.
 */
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"

export interface EventHub<in out A> {
  readonly hub: MutableRef.MutableRef<PubSub.PubSub<A> | undefined>
}

export const make = <A>(): EventHub<A> => ({ hub: MutableRef.make<PubSub.PubSub<A> | undefined>(undefined) })

export const publish = <A>(self: EventHub<A>, event: A): Effect.Effect<void> => {
  const hub = MutableRef.get(self.hub)
  return hub === undefined ? Effect.void : Effect.asVoid(PubSub.publish(hub, event))
}

/** The events from the start of the stream on. */
export const stream = <A>(self: EventHub<A>): Stream.Stream<A> =>
  Stream.unwrap(Effect.map(open(self), (hub) => Stream.fromPubSub(hub)))

const open = <A>(self: EventHub<A>): Effect.Effect<PubSub.PubSub<A>> =>
  Effect.map(PubSub.sliding<A>(capacity), (made) => {
    const opened = MutableRef.get(self.hub)
    if (opened !== undefined) return opened
    MutableRef.set(self.hub, made)
    return made
  })

/** Events are rare: a subscriber behind by a thousand has stopped reading, and must not fill the memory. */
const capacity = 1024
