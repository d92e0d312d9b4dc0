import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { fairShares } from "../../src/internal/fairShares.ts"

describe("fair shares", () => {
  const cases: ReadonlyArray<[string, number, ReadonlyArray<number>, number, ReadonlyArray<number>]> = [
    ["are equal where all need more", 12, [20, 20, 20], 0, [4, 4, 4]],
    ["leave to the others what one does not need", 12, [2, 20, 20], 0, [2, 5, 5]],
    ["give what is left over to one", 13, [20, 20, 20], 0, [5, 4, 4]],
    ["give what is left over to another at the next turn", 13, [20, 20, 20], 1, [4, 4, 5]],
    ["are one each, in turns, where there is less than one each", 2, [5, 5, 5], 0, [1, 1, 0]],
    ["divide what nobody needs, too", 12, [1, 2, 0], 0, [4, 5, 3]],
    ["of nothing are nothing", 0, [3, 3], 0, [0, 0]],
    ["of nobody are none", 5, [], 0, []]
  ]
  for (const [name, pot, needs, turn, shares] of cases) {
    it(name, () => assert.deepStrictEqual(fairShares(pot, needs, turn), shares))
  }

  it("are max-min fair, and never more than there is", () => {
    const count = FastCheck.nat(100)
    FastCheck.assert(FastCheck.property(count, FastCheck.array(count), FastCheck.nat(20), (pot, needs, turn) => {
      const shares = fairShares(pot, needs, turn)
      assert.isAtMost(shares.reduce((sum, share) => sum + share, 0), pot)
      shares.forEach((share, i) => {
        // who gets less than it needs gets no less than anybody else, but for what is left over
        if (share < (needs[i] ?? 0)) assert.isAtMost(Math.max(...shares) - share, 1)
      })
    }))
  })
})
