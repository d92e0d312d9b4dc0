import { describe, it } from "@effect/vitest"
import * as Load from "../test/load.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

describe("RateLimiter", () => {
  describe("against sliding windows", () => {
    for (const scenario of Load.slidingWindows(10)) {
      it.effect(`keeps 64 fibers just below ${scenario.name}`, () => Load.keepsJustBelow(scenario), 120_000)
    }
  })

  describe("interrupted", () => {
    it(`at any time, loses no slot and starves no request (seed ${seed})`, () => {
      console.log(`seed ${seed}: SEED=${seed} repeats this run`)
      return Load.survivesInterruptions({ numRuns: 2000, seed })
    }, 300_000)
  })
})
