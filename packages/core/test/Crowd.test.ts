import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Crowd from "../src/internal/crowd.ts"

const forkMany = (crowd: Crowd.Crowd<string, string>, count: number) =>
  Effect.replicateEffect(Effect.fork(Crowd.join(crowd)), count).pipe(Effect.zipLeft(Effect.yieldNow()))

describe("a crowd", () => {
  it.effect("gives everyone who waits the same result, and whoever comes later too", () =>
    Effect.gen(function*() {
      const crowd = Crowd.make<string, string>()
      const fibers = yield* forkMany(crowd, 3)
      Crowd.release(crowd, Exit.fail("refused"))
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      assert.deepStrictEqual(exits, [Exit.fail("refused"), Exit.fail("refused"), Exit.fail("refused")])
      assert.deepStrictEqual(yield* Effect.exit(Crowd.join(crowd)), Exit.fail("refused"))
      assert.strictEqual(MutableRef.get(crowd.joined), 4)
    }))

  it.effect("lets a waiter be interrupted at once, and the others wait on", () =>
    Effect.gen(function*() {
      const crowd = Crowd.make<string, string>()
      const [first, second] = yield* forkMany(crowd, 2)
      assert.isDefined(first)
      assert.isDefined(second)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
      Crowd.release(crowd, Exit.succeed("canary"))
      assert.strictEqual(yield* Fiber.join(second), "canary")
    }))

  it.effect("forgets those who left, however many come and go", () =>
    Effect.gen(function*() {
      const crowd = Crowd.make<string, string>()
      const patient = yield* forkMany(crowd, 100)
      for (let i = 0; i < 50; i++) yield* Effect.flatMap(forkMany(crowd, 100), Fiber.interruptAll)
      assert.isAtMost(MutableRef.get(crowd.waiters).length, 2 * 200)
      Crowd.release(crowd, Exit.succeed("canary"))
      assert.strictEqual((yield* Fiber.join(Fiber.all(patient))).length, 100)
      assert.strictEqual(MutableRef.get(crowd.waiters).length, 0)
    }))
})
