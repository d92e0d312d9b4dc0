import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Waiters from "../../../src/internal/token/waiters.ts"

const forkMany = (waiters: Waiters.Waiters<string, string>, count: number) =>
  Effect.replicateEffect(Effect.fork(Waiters.join(waiters)), count).pipe(Effect.zipLeft(Effect.yieldNow()))

describe("waiters", () => {
  describe("complete", () => {
    it.effect("gives the same result to every waiter, and to those that join later", () =>
      Effect.gen(function*() {
        const waiters = Waiters.make<string, string>()
        const fibers = yield* forkMany(waiters, 3)
        Waiters.complete(waiters, Exit.fail("refused"))
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.deepStrictEqual(exits, [Exit.fail("refused"), Exit.fail("refused"), Exit.fail("refused")])
        assert.deepStrictEqual(yield* Effect.exit(Waiters.join(waiters)), Exit.fail("refused"))
        assert.strictEqual(MutableRef.get(waiters.joined), 4)
      }))
  })

  describe("interrupted", () => {
    it.effect("releases one waiter at once while the others wait", () =>
      Effect.gen(function*() {
        const waiters = Waiters.make<string, string>()
        const [first, second] = yield* forkMany(waiters, 2)
        assert.isDefined(first)
        assert.isDefined(second)
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
        Waiters.complete(waiters, Exit.succeed("canary"))
        assert.strictEqual(yield* Fiber.join(second), "canary")
      }))

    it.effect("retains at most twice the peak of concurrent waiters, however many are interrupted", () =>
      Effect.gen(function*() {
        const waiters = Waiters.make<string, string>()
        const patient = yield* forkMany(waiters, 100)
        for (let i = 0; i < 50; i++) yield* Effect.flatMap(forkMany(waiters, 100), Fiber.interruptAll)
        assert.isAtMost(MutableRef.get(waiters.waiting).length, 2 * 200)
        Waiters.complete(waiters, Exit.succeed("canary"))
        assert.strictEqual((yield* Fiber.join(Fiber.all(patient))).length, 100)
        assert.strictEqual(MutableRef.get(waiters.waiting).length, 0)
      }))
  })
})
