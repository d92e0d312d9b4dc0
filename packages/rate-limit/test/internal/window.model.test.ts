import { assert, describe, it } from "@effect/vitest"
import { assertModel, run } from "../windowModel.ts"

describe("window", () => {
  it("lets no call run into a block that it was told of, nor wait for longer than a window", () => assertModel(60, 3))

  it.each([
    ["sent, and given up, after a promise was on its way", 4, 99],
    ["sent in the place of a call that left just before the promise arrived", 4, 98],
    ["sent where the promise is late by its way and its rounding", 5, 99]
  ])("a call that is %s takes up the promise", (_, window, there) => {
    const untilOpen = { _tag: "PassUntilOpen" } as const
    const call = (there: number, back: number) => ({ _tag: "Call", there, back }) as const
    for (const waits of [2, 3]) {
      const all = [
        call(0, 0),
        { _tag: "Pass", millis: 3895 } as const,
        call(there, 7),
        ...Array.from({ length: waits }, () => untilOpen),
        call(0, 2),
        untilOpen,
        { _tag: "GiveUp", which: 0 } as const,
        untilOpen,
        call(0, 0)
      ]
      assert.deepStrictEqual(run({ dialect: "draft8", kind: "sliding", limit: 2, window }, all), [])
    }
  })
})
