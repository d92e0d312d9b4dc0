/**
 * A cell that hot paths read synchronously and whose changes others can follow as a Stream. The hub behind the stream is
 * made when the first subscriber comes, so a cell that nobody watches costs no more than a mutable variable.
 *
 * It takes the place of a `SubscriptionRef`, which has no synchronous read and publishes at every change.
 */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** Written to by this module alone. One object, because there may be many thousands of cells. */
export interface StateRef<in out A> {
  /** What {@link get} gives. */
  current: A
  /** Replays the current value to each new subscriber; `undefined`: the changes have never been followed. */
  hub: PubSub.PubSub<A> | undefined
}

export const make = <A>(value: A): StateRef<A> => ({ current: value, hub: undefined })

export const get = <A>(self: StateRef<A>): A => self.current

/** Synchronous, so that values are published in the order in which they are set. */
export const set = <A>(self: StateRef<A>, value: A): void => {
  self.current = value
  self.hub?.unsafeOffer(value)
}

export const update = <A>(self: StateRef<A>, f: (value: A) => A): void => set(self, f(get(self)))

/** The current value, then every later one. */
export const changes = <A>(self: StateRef<A>): Stream.Stream<A> =>
  Stream.unwrap(Effect.map(open(self), (hub) => Stream.fromPubSub(hub)))

/** {@link changes}, subscribed now: no value between this and the start of the stream is missed. */
export const subscribe = <A>(self: StateRef<A>): Effect.Effect<Stream.Stream<A>, never, Scope.Scope> =>
  Effect.flatMap(open(self), (hub) => Stream.fromPubSub(hub, { scoped: true }))

const open = <A>(self: StateRef<A>): Effect.Effect<PubSub.PubSub<A>> =>
  Effect.map(PubSub.unbounded<A>({ replay: 1 }), (made) => {
    if (self.hub !== undefined) return self.hub
    made.unsafeOffer(self.current)
    self.hub = made
    return made
  })
