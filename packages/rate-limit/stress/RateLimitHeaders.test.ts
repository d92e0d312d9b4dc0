import { describe, it } from "@effect/vitest"
import * as RandomHeaders from "../test/randomHeaders.ts"

const runs = Number(process.env["RUNS"] ?? 100_000)
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("RateLimitHeaders", () => {
  it(`of any kind, ${runs} times, are read as something that makes sense (seed ${seed})`, () => {
    console.log(`seed ${seed}: SEED=${seed} repeats this run`)
    return RandomHeaders.assertSurvival(runs, seed)
  }, 600_000)
})
