import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Numbers from "../src/internal/socket/numbers.ts"

const after = (...numbers: ReadonlyArray<number>) => numbers.reduce(Numbers.arrived, Numbers.none)

describe("numbers", () => {
  it("are missing between those that came", () => {
    assert.strictEqual(Numbers.missing(after(1, 2, 3)), 0)
    assert.strictEqual(Numbers.missing(after(3)), 2)
    assert.strictEqual(Numbers.missing(after(1, 5, 9)), 6)
  })

  it("are not missing any more when they come late", () => {
    assert.strictEqual(Numbers.missing(after(1, 5, 3)), 2)
    assert.strictEqual(Numbers.missing(after(1, 5, 3, 2, 4, 4)), 0)
  })

  it("are given up when they were missing for a whole while", () => {
    const [first, left] = Numbers.settled(after(1, 4))
    assert.strictEqual(first, 0)
    const [second, rest] = Numbers.settled(Numbers.arrived(Numbers.arrived(left, 2), 9))
    assert.strictEqual(second, 1)
    assert.strictEqual(Numbers.missing(rest), 4)
  })

  it("a gap of a million costs no more than one of two", () => {
    assert.lengthOf(after(1, 1_000_000).gaps, 1)
  })

  it("in whatever order they come: what is missing is what has not come", () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 }), (numbers) => {
      const highest = Math.max(0, ...numbers)
      assert.strictEqual(Numbers.missing(after(...numbers)), highest - new Set(numbers).size)
    }))
  })
})
