import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as StateRef from "../../src/internal/stateRef.ts"

const collect = <A>(stream: Stream.Stream<A>, n: number) =>
  Effect.map(Stream.runCollect(Stream.take(stream, n)), Chunk.toReadonlyArray)

describe("stateRef", () => {
  it("holds a value that is read synchronously", () => {
    const ref = StateRef.make(1)
    StateRef.set(ref, 2)
    StateRef.update(ref, (n) => n + 1)
    assert.strictEqual(StateRef.get(ref), 3)
  })

  it.effect("has no hub until its changes are followed", () =>
    Effect.gen(function*() {
      const ref = StateRef.make(1)
      StateRef.set(ref, 2)
      assert.isUndefined(ref.hub)
      yield* collect(StateRef.changes(ref), 1)
      assert.isDefined(ref.hub)
    }))

  it.effect("begins its changes with the current value, whenever they are followed", () =>
    Effect.gen(function*() {
      const ref = StateRef.make(1)
      const early = yield* Effect.fork(collect(StateRef.changes(ref), 3))
      yield* VirtualClock.settled
      StateRef.set(ref, 2)
      const late = yield* Effect.fork(collect(StateRef.changes(ref), 2))
      yield* VirtualClock.settled
      StateRef.set(ref, 3)
      assert.deepStrictEqual(yield* Fiber.join(early), [1, 2, 3])
      assert.deepStrictEqual(yield* Fiber.join(late), [2, 3])
    }))

  it.scoped("misses nothing between a subscription and the start of its stream", () =>
    Effect.gen(function*() {
      const ref = StateRef.make(1)
      const changes = yield* StateRef.subscribe(ref)
      StateRef.set(ref, 2)
      StateRef.set(ref, 3)
      assert.deepStrictEqual(yield* collect(changes, 3), [1, 2, 3])
    }))
})
