import { assert, describe, it } from "@effect/vitest"
import * as History from "../../src/internal/history.ts"

const minute = 60_000

const always = () => true

const of = (times: ReadonlyArray<number>, window: number | undefined = minute): History.CallHistory =>
  times.reduce<History.CallHistory>((history, at) => History.add(history, window, at), History.none)

describe("history", () => {
  describe("add", () => {
    it("counts calls of one time together", () => {
      assert.deepStrictEqual(of([1, 1, 2, 2, 2]), [1, 2, 2, 3])
    })

    it("keeps every call in bounded memory, some at a later time", () => {
      const times = Array.from({ length: 1000 }, (_, i) => i * 10)
      const history = of(times)
      assert.isAtMost(history.length, 112)
      assert.strictEqual(History.count(history, always), 1000)
      assert.strictEqual(History.latest(history), 9990)
      for (const since of [0, 2000, 5000, 9000]) {
        const exact = times.filter((at) => at > since).length
        assert.isAtLeast(History.count(history, (at) => at > since), exact)
      }
    })

    it("forgets what has left the window before it merges times", () => {
      const history = of(Array.from({ length: 1000 }, (_, i) => i * 1000), 10_000)
      assert.isAtMost(History.count(history, always), 60)
      assert.strictEqual(History.count(history, (at) => at > 989_000), 10)
    })
  })

  describe("nth", () => {
    const history = of([1, 1, 2, 3])
    it.each([
      [1, 0, 1],
      [2, 0, 1],
      [3, 0, 2],
      [4, 0, 3],
      [5, 0, undefined],
      [1, 1, 2],
      [2, 1, 3],
      [1, 3, undefined]
    ])("the time of call %i after %i is %s", (n, since, expected) => {
      assert.strictEqual(History.nth(history, n, since), expected)
    })
  })

  describe("dropOldest", () => {
    const history = of([1, 1, 2, 3])
    it.each([
      [0, [1, 2, 2, 1, 3, 1]],
      [1, [1, 1, 2, 1, 3, 1]],
      [2, [2, 1, 3, 1]],
      [3, [3, 1]],
      [4, []],
      [9, []]
    ])("without %i calls", (n, expected) => {
      assert.deepStrictEqual(History.dropOldest(history, n), expected)
    })
  })

  describe("retained", () => {
    const history = of([0, 1000, 2000])
    it.each([
      ["keeps calls that a statement may still include", 1000, 1249, [0, 1, 1000, 1, 2000, 1]],
      ["drops calls a quarter of the window after they left it", 1000, 1250, [1000, 1, 2000, 1]],
      ["drops all calls after a long pause", 1000, 9000, []],
      ["keeps all calls of a window of unknown length", undefined, 9_000_000, [0, 1, 1000, 1, 2000, 1]]
    ])("%s", (_, window, now, expected) => {
      assert.deepStrictEqual(History.retained(history, window, now), expected)
    })
  })

  it("of no calls has no latest", () => {
    assert.isUndefined(History.latest(History.none))
  })
})
