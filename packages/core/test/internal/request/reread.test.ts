import { assert, describe, it } from "@effect/vitest"
import * as Reread from "../../../src/internal/request/reread.ts"

describe("reread", () => {
  describe("decide", () => {
    const minute = 60_000
    const table: ReadonlyArray<readonly [string, { readonly rereadAt: number; readonly now: number }, string]> = [
      ["reads again if that has never been done", { rereadAt: -Infinity, now: 0 }, "reread"],
      ["gives up at the moment of the last read", { rereadAt: 1000, now: 1000 }, "giveUp"],
      ["gives up within the cool-down", { rereadAt: 1000, now: 1000 + minute - 1 }, "giveUp"],
      ["reads again at the end of the cool-down", { rereadAt: 1000, now: 1000 + minute }, "reread"],
      ["reads again if the clock was set back", { rereadAt: 1000, now: 999 }, "reread"]
    ]
    for (const [situation, { now, rereadAt }, expected] of table) {
      it(situation, () => assert.strictEqual(Reread.decide(rereadAt, now, minute), expected))
    }

    it("always reads again without a cool-down", () => {
      assert.strictEqual(Reread.decide(1000, 1000, 0), "reread")
    })
  })
})
