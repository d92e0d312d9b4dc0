import { assert, describe, it } from "@effect/vitest"
import * as Sharing from "../../src/internal/sharing.ts"

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
})
