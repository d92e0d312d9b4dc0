import { assert, describe, it } from "@effect/vitest"
import * as Expiry from "../../src/internal/expiry.ts"

describe("due", () => {
  const thresholds = [30, 7, 1]

  it("nothing before the first threshold", () => {
    assert.isUndefined(Expiry.due(30.1, thresholds, Infinity))
  })

  it("each threshold once", () => {
    assert.strictEqual(Expiry.due(30, thresholds, Infinity), 30)
    assert.isUndefined(Expiry.due(29, thresholds, 30))
    assert.strictEqual(Expiry.due(6.9, thresholds, 30), 7)
  })

  it("only the nearest of those that have passed, in whatever order they were given", () => {
    assert.strictEqual(Expiry.due(0.5, [7, 1, 30], Infinity), 1)
  })

  it("and once more when it has expired, even without thresholds", () => {
    assert.strictEqual(Expiry.due(0, [], Infinity), 0)
    assert.isUndefined(Expiry.due(-3, thresholds, 0))
  })
})
