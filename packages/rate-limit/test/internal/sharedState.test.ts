import { assert, describe, it } from "@effect/vitest"
import * as Shared from "../../src/internal/sharedState.ts"

describe("sharedState", () => {
  const quota = { begin: 10_000, end: 20_000, window: 10_000, others: 3, usual: 12 }

  it.each<[string, Partial<typeof quota>, number, number]>([
    ["all that they used of the window before, as it begins", {}, 10_000, 15],
    ["half of it, halfway through", {}, 15_000, 9],
    ["what they use alone, at its end", {}, 20_000, 3],
    ["what they use alone, after its end", {}, 25_000, 3],
    ["no more than they used, where its end is further away than it is long", { end: 40_000 }, 10_000, 15],
    ["all of it, before its end is stated", { end: 0 }, 15_000, 15],
    ["half of it, where its length is not stated", { window: 0 }, 15_000, 9],
    ["all of it, where neither length nor end is stated", { window: 0, end: 0 }, 15_000, 15],
    ["all of it, where it was stated to end as it began", { window: 0, end: 10_000 }, 9_000, 15],
    ["what they use alone, where they have used nothing before", { usual: 0, window: 0, end: 10_000 }, 9_000, 3]
  ])("leaves to others %s", (_, known, now, expected) => {
    assert.strictEqual(Shared.leftToOthers({ ...quota, ...known }, now), expected)
  })
})
