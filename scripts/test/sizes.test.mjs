import { Buffer } from "node:buffer"
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import { compare, medianDifference } from "../sizes.mjs"

describe("bundle sizes", () => {
  it("pass up to their limits", () => {
    expect(compare({ a: 100, b: 99 }, { a: 100, b: 100 })).toEqual([])
  })

  it("fail a byte above", () => {
    expect(compare({ a: 101 }, { a: 100 })).toEqual(["a has 101 bytes, 1 more than its limit"])
  })

  it("need a limit for each entry, and an entry for each limit", () => {
    expect(compare({ a: 1 }, { b: 1 })).toEqual(["a has no limit: 1 bytes", "b has a limit and is not there"])
  })

  it("differ by nothing where the bundles are the same", () => {
    const bundle = Buffer.from("export const answer = 42\n")
    expect(medianDifference(bundle, bundle)).toBe(0)
  })

  it("differ by about what one of them has more", () => {
    const bundle = Buffer.from("export const answer = 42\n")
    const more = Buffer.concat([bundle, randomBytes(500)])
    const difference = medianDifference(more, bundle)
    expect(difference).toBeGreaterThan(480)
    expect(difference).toBeLessThan(520)
  })
})
