import { describe, expect, it } from "vitest"
import { compare } from "../sizes.mjs"

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
})
