import { assert, describe, it } from "@effect/vitest"
import * as Partition from "../../src/internal/partition.ts"
import * as Sharing from "../../src/internal/sharing.ts"
import * as Window from "../../src/internal/window.ts"

const hour = 3_600_000

describe("sharing", () => {
  it.each<[name: string, self: Sharing.Block, that: Sharing.Block, isAlike: boolean]>([
    ["that end together", { at: 0, wait: 60_000 }, { at: 30_000, wait: 30_000 }, true],
    ["that end together but for the rounding", { at: 0, wait: 60_000 }, { at: 30_000, wait: 32_000 }, true],
    ["that last equally long", { at: 0, wait: 60_000 }, { at: 30_000, wait: 60_000 }, true],
    ["of which one is not stated", { at: 0, wait: 0 }, { at: 100, wait: hour }, true],
    ["for seconds and for an hour", { at: 0, wait: 5000 }, { at: 100, wait: hour }, false]
  ])("finds blocks alike or not: %s", (_, self, that, isAlike) => {
    assert.strictEqual(Sharing.isAlike(self, that), isAlike)
    assert.strictEqual(Sharing.isAlike(that, self), isAlike)
  })

  it("keeps no more quotas of two keys than of one", () => {
    const partition = (prefix: string): Partition.Partition => ({
      ...Partition.make({ probe: false, reserve: 0, initial: undefined, believe: 86_400_000 }, 0),
      windows: [1, 2, 3].map((n) => Window.open({ name: `${prefix}${n}`, limit: 5 }, 0))
    })
    assert.lengthOf(Sharing.merged(partition("a"), partition("b")).windows, Partition.mostWindows)
  })
})
