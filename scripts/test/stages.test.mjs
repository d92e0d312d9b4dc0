import { describe, expect, it } from "vitest"
import { closing, next } from "../stages.mjs"

const result = (name, status, counts) => ({ name, status, seconds: 1, counts })

describe("stages", () => {
  describe("closing line", () => {
    it("adds up what the stages count", () => {
      const results = [
        result("types", "passed", { passed: 1, failed: 0 }),
        result("unit tests", "failed", { passed: 764, failed: 1 })
      ]
      expect(closing(results)).toBe("765 passed, 1 failed")
    })

    it("names what was skipped, and begins with the label", () => {
      const results = [result("a", "passed", { passed: 2, failed: 0, skipped: 3 })]
      expect(closing(results, "packages")).toBe("packages: 2 passed, 0 failed, 3 skipped")
    })

    it("names what could not be had", () => {
      const results = [
        result("Bun", "passed", { passed: 0, failed: 0, skipped: 1, absent: ["Bun"] }),
        result("Deno", "passed", { passed: 7, failed: 0 })
      ]
      expect(closing(results)).toBe("7 passed, 0 failed, 1 skipped (not to be had here: Bun)")
    })
  })

  describe("what starts next", () => {
    const names = ({ skipped, starting }) => [starting.map(({ name }) => name), skipped.map(({ name }) => name)]
    const a = { name: "a" }
    const b = { name: "b", after: ["a"] }
    const c = { name: "c", processors: 2 }
    const d = { name: "d" }

    it.each([
      ["starts in order, as many as there are processors", [a, d, { name: "e" }], [], 2, [["a", "d"], []]],
      ["waits for a stage that has not ended", [b, d], [], 2, [["d"], []]],
      ["goes on after a stage that passed", [b], [result("a", "passed")], 1, [["b"], []]],
      ["skips what comes after a stage that failed", [b, d], [result("a", "failed")], 1, [["d"], ["b"]]],
      ["skips what comes after a stage that was skipped", [b], [result("a", "skipped")], 1, [[], ["b"]]],
      ["overtakes no stage that needs more processors than are free", [c, d], [], 1, [[], []]],
      ["starts nothing while all processors are busy", [a], [], 0, [[], []]]
    ])("%s", (_, waiting, results, free, expected) => {
      expect(names(next(waiting, results, free))).toEqual(expected)
    })
  })
})
