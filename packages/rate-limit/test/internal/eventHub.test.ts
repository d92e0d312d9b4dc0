import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Stream from "effect/Stream"
import * as EventHub from "../../src/internal/eventHub.ts"

const collect = <A>(stream: Stream.Stream<A>, n: number) =>
  Effect.fork(Effect.map(Stream.runCollect(Stream.take(stream, n)), Chunk.toReadonlyArray))

describe("eventHub", () => {
  it.effect("reaches every subscriber in order, and none that subscribes later", () =>
    Effect.gen(function*() {
      const hub = EventHub.make<number>()
      yield* EventHub.publish(hub, 0)
      assert.isUndefined(MutableRef.get(hub.hub))
      const first = yield* collect(EventHub.stream(hub), 3)
      const second = yield* collect(EventHub.stream(hub), 3)
      yield* VirtualClock.settled
      yield* Effect.forEach([1, 2, 3], (n) => EventHub.publish(hub, n))
      assert.deepStrictEqual(yield* Fiber.join(first), [1, 2, 3])
      assert.deepStrictEqual(yield* Fiber.join(second), [1, 2, 3])
    }))

  it.effect("is never delayed by a slow subscriber, which loses the oldest events", () =>
    Effect.gen(function*() {
      const hub = EventHub.make<number>()
      const gate = yield* Deferred.make<void>()
      const events = EventHub.stream(hub).pipe(
        Stream.rechunk(1),
        Stream.tap((n) => n === 0 ? Deferred.await(gate) : Effect.void),
        Stream.takeUntil((n) => n === 2999)
      )
      const slow = yield* Effect.fork(Effect.map(Stream.runCollect(events), Chunk.toReadonlyArray))
      yield* VirtualClock.settled
      yield* EventHub.publish(hub, 0)
      yield* VirtualClock.settled
      yield* Effect.forEach(Array.from({ length: 2999 }, (_, n) => n + 1), (n) => EventHub.publish(hub, n))
      yield* Deferred.succeed(gate, undefined)
      const kept = yield* Fiber.join(slow)
      assert.isAtLeast(kept.length, 1000)
      assert.isBelow(kept.length, 2000)
      assert.strictEqual(kept.at(-1), 2999)
    }))
})
