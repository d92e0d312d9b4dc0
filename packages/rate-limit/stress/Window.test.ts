import { describe, it } from "@effect/vitest"
import { assertModel } from "../test/windowModel.ts"

const runs = Number(process.env["RUNS"] ?? 4000)
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("window", () => {
  it(`lets no call run into a block that it was told of, in ${runs} random runs (seed ${seed})`, () => {
    console.log(`seed ${seed}: SEED=${seed} repeats this run`)
    assertModel(runs, seed)
  }, 300_000)
})
