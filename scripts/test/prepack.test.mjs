import { describe, expect, it } from "vitest"
import { compare, isPublisher } from "../prepack.mjs"

const outputs = (module) => [".js", ".js.map", ".d.ts", ".d.ts.map"].map((extension) => module + extension)

describe("prepack", () => {
  it("finds nothing to do where every source has its four outputs", () => {
    expect(compare(["index.ts", "internal/fetch.ts"], [...outputs("index"), ...outputs("internal/fetch")]))
      .toEqual({ missing: [], stale: [] })
  })

  it("misses everything where there is no dist", () => {
    expect(compare(["index.ts"], [])).toEqual({ missing: outputs("index"), stale: [] })
  })

  it("misses a declaration by itself", () => {
    expect(compare(["index.ts"], outputs("index").filter((name) => name !== "index.d.ts")).missing)
      .toEqual(["index.d.ts"])
  })

  it("finds what a removed source left behind", () => {
    expect(compare(["index.ts"], [...outputs("index"), ...outputs("gone")]).stale).toEqual(outputs("gone"))
  })

  it("takes the separators of Windows for those of modules", () => {
    expect(compare(["internal\\fetch.ts"], outputs("internal\\fetch"))).toEqual({ missing: [], stale: [] })
  })

  it.each([
    ["pnpm/10.34.9 npm/? node/v20.20.2 linux x64", true],
    ["npm/10.8.2 node/v20.20.2 linux x64 workspaces/false", false],
    ["yarn/1.22.22 npm/? node/v20.20.2 linux x64", false],
    [undefined, true]
  ])("lets pnpm pack, and who runs it by hand: %s", (userAgent, expected) => {
    expect(isPublisher(userAgent)).toBe(expected)
  })
})
