import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Model from "../sharedModel.ts"

const seed = Number(process.env["SEED"] ?? 1)
const numRuns = Number(process.env["RUNS"] ?? 10)

/** Every process has more to do than it may. */
const allWant = (world: Model.World): void => {
  for (const process of world.processes.keys()) world.perform({ _tag: "Want", process, calls: 100_000 })
}

const sum = (shares: ReadonlyArray<number>): number => shares.reduce((sum, share) => sum + share, 0)

describe(`processes that share quotas (seed ${seed})`, () => {
  it("never send more than the server states, however they are killed, pause, and lose what they have in common", () => {
    FastCheck.assert(
      FastCheck.property(
        Model.settings,
        Model.steps,
        (setting, steps) => assert.deepStrictEqual(Model.run(setting, steps), [])
      ),
      { numRuns, seed }
    )
  })

  it("never send more while none of them reaches the others, with equal shares", () => {
    const steps = Model.steps.map((steps) => steps.filter(({ _tag }) => _tag !== "Kill" && _tag !== "Lose"))
    FastCheck.assert(
      FastCheck.property(
        Model.settings,
        steps,
        (setting, steps) => assert.deepStrictEqual(Model.run(setting, steps, "share"), [])
      ),
      { numRuns, seed }
    )
  })

  it("each get their fair share finally, whatever has happened", () => {
    FastCheck.assert(
      FastCheck.property(Model.settings, Model.steps, (setting, steps) => {
        const world = new Model.World({ ...setting, concurrency: null })
        for (const step of steps) world.perform(step)
        allWant(world)
        world.pass(40_000 + 3 * setting.window)
        const shares = world.shares()
        if (shares.length === 0) return
        assert.isAtMost(Math.max(...shares) - Math.min(...shares), 1, shares.join())
        // one call may be reserved, one on its way from one of them to another, and a few be left to others for a while
        assert.isAtLeast(sum(shares), Math.floor(0.8 * setting.limit) - 2)
      }),
      { numRuns, seed }
    )
  })

  it("use the whole quota again within a lease and a window after one of them was killed", () => {
    FastCheck.assert(
      FastCheck.property(Model.settings, (setting) => {
        const limit = setting.limit + 8
        const world = new Model.World({ ...setting, concurrency: null, processes: 4, latency: 10, limit })
        allWant(world)
        world.pass(20_000 + 3 * setting.window)
        world.perform({ _tag: "Kill", process: 1 })
        // and until a report, which is made within a third of a lease
        world.pass(Model.lease + setting.window + Model.lease / 3)
        const begin = world.now
        world.pass(10 * setting.window)
        assert.isAtLeast(world.served.filter(({ at }) => at > begin).length, Math.floor(0.95 * 10 * limit) - 10)
        assert.deepStrictEqual(world.broken, [])
      }),
      { numRuns, seed }
    )
  })
})
