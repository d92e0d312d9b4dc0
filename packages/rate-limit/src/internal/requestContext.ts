/**
 * The request of a Cloudflare Worker that something belongs to. In a Worker, a fiber cannot wait for what another request
 * does: it would go on in the context of that request, where its own I/O is refused, and never go on if that request is
 * over, because its timers and connections are gone then. Both look like a hang. In a Durable Object all requests have one
 * context, and everywhere else there is just one.
 *
 * The runtime does not say which request runs, but it refuses the use of I/O objects in another one
 * (https://developers.cloudflare.com/workers/observability/errors/#cannot-perform-io-on-behalf-of-a-different-request).
 * So such an object is kept as a mark, and tried.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableRef from "effect/MutableRef"
import * as Predicate from "effect/Predicate"

/** Which request owns something; `undefined` where requests do not have contexts of their own. */
export type Owner = {
  readonly newMark: () => unknown
  /** `undefined` as long as it was used outside of requests only, such as while the module was loaded. */
  readonly mark: MutableRef.MutableRef<unknown>
} | undefined

/** The request that runs now, or else the first one that asks {@link isForeign}. */
export const current = (globals: object = globalThis): Owner => {
  const newMark = Predicate.hasProperty(globals, "WebSocketPair") ? globals.WebSocketPair : undefined
  if (!Predicate.isFunction(newMark)) return undefined
  const owner = { newMark: () => Reflect.construct(newMark, []), mark: MutableRef.make<unknown>(undefined) }
  bind(owner)
  return owner
}

/** Whether another request runs than the one that owns it. */
export const isForeign = (owner: Owner): boolean => {
  if (owner === undefined) return false
  const mark = MutableRef.get(owner.mark)
  if (mark === undefined) {
    bind(owner)
    return false
  }
  // of all that a mark can be asked without consequences, this is what the runtime refuses elsewhere
  return Either.isLeft(Either.try(() => Predicate.hasProperty(mark, "readyState") && mark.readyState))
}

/** Lets one fiber at a time in: of one request, where requests have contexts of their own. */
export const makeLock = (globals: object = globalThis): <A, E, R>(
  self: Effect.Effect<A, E, R>
) => Effect.Effect<A, E, R> => {
  const first = { owner: current(globals), lock: Effect.unsafeMakeSemaphore(1).withPermits(1) }
  if (first.owner === undefined) return first.lock
  const latest = MutableRef.make(first)
  return (self) =>
    Effect.suspend(() => {
      if (isForeign(MutableRef.get(latest).owner)) {
        MutableRef.set(latest, { owner: current(globals), lock: Effect.unsafeMakeSemaphore(1).withPermits(1) })
      }
      return MutableRef.get(latest).lock(self)
    })
}

/** What to do instead of sharing. */
export const advice =
  "in a Cloudflare Worker a request cannot wait for what another one does. Build the layer within each request, over a " +
  "store that they share, or keep it in a Durable Object"

const bind = (owner: NonNullable<Owner>): void => {
  // refused outside of requests
  const made = Either.try(owner.newMark)
  if (Either.isRight(made) && Predicate.hasProperty(made.right, "0")) MutableRef.set(owner.mark, made.right[0])
}
