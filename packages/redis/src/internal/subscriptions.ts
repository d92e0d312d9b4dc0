/**
 * The subscriptions of one program over one connection of their own, which is made when the first subscription is, and made
 * anew when it has ended for good.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

interface Connection {
  readonly subscribe: (...channels: Array<string>) => Promise<unknown>
  readonly unsubscribe: (...channels: Array<string>) => Promise<unknown>
  readonly on: (event: string, listener: (...args: Array<string>) => void) => unknown
  readonly disconnect: () => void
}

type Signal = { readonly _tag: "Subscribed" } | { readonly _tag: "Message"; readonly text: string }

const subscribed: Signal = { _tag: "Subscribed" }

export const make = (
  connect: () => Connection
): Effect.Effect<(channel: string) => Stream.Stream<Signal>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const listeners = new Map<string, Set<Queue.Queue<Signal>>>()
    const connection = MutableRef.make<Connection | undefined>(undefined)
    const isStarted = MutableRef.make(false)
    const asking = new Set<string>()

    const tell = (channel: string, signal: Signal): void => {
      for (const queue of listeners.get(channel) ?? []) queue.unsafeOffer(signal)
    }

    /** What does not get through is asked again once there is a connection; what waits for one is not asked twice. */
    const subscribe = (own: Connection, channels: ReadonlyArray<string>): void => {
      const asked = channels.filter((channel) => !asking.has(channel))
      if (asked.length === 0) return
      for (const channel of asked) asking.add(channel)
      const done = () => asked.forEach((channel) => asking.delete(channel))
      own.subscribe(...asked).then(() => {
        done()
        for (const channel of asked) tell(channel, subscribed)
      }, done)
    }

    const session = Effect.scoped(Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      const own = yield* Effect.acquireRelease(
        Effect.sync(connect),
        (own) =>
          Effect.sync(() => {
            MutableRef.set(connection, undefined)
            own.disconnect()
          })
      )
      // without a listener ioredis prints them
      own.on("error", () => {})
      own.on("message", (channel = "", text = "") => tell(channel, { _tag: "Message", text }))
      own.on("ready", () => subscribe(own, [...listeners.keys()]))
      own.on("end", () => Deferred.unsafeDone(ended, Effect.void))
      MutableRef.set(connection, own)
      subscribe(own, [...listeners.keys()])
      yield* Deferred.await(ended)
    }))

    // what a client throws may quote its URL: it is made anew, as one whose connection has ended
    const trying = Effect.catchAllDefect(
      session,
      () => Effect.logError("Redis: the client throws instead of subscribing")
    )

    const start = Effect.suspend(() => {
      if (MutableRef.getAndSet(isStarted, true)) return Effect.void
      return Effect.forkIn(Effect.forever(Effect.zipRight(trying, Effect.sleep("1 second"))), scope)
    })

    return (channel) =>
      Stream.unwrapScoped(Effect.gen(function*() {
        const queue = yield* Effect.acquireRelease(Queue.sliding<Signal>(mostUnread), Queue.shutdown)
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            const known = listeners.get(channel)
            listeners.set(channel, (known ?? new Set()).add(queue))
            const own = MutableRef.get(connection)
            if (own !== undefined) subscribe(own, [channel])
          }),
          () =>
            Effect.sync(() => {
              const known = listeners.get(channel)
              known?.delete(queue)
              if (known?.size !== 0) return
              listeners.delete(channel)
              MutableRef.get(connection)?.unsubscribe(channel).catch(() => {})
            })
        )
        yield* start
        return Stream.fromQueue(queue)
      }))
  })

/** A reader that is slower than this many messages misses some, as it would without a connection. */
const mostUnread = 64
