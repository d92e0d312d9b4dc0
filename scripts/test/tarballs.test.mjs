import { describe, expect, it } from "vitest"
import { manifestFaults } from "../tarballs.mjs"

const manifest = {
  name: "a",
  bugs: {},
  description: "a",
  homepage: "https://a.example",
  keywords: [],
  license: "MIT",
  repository: {},
  exports: { ".": "./dist/index.js" },
  peerDependencies: { "@effect-auth/core": "^0.1.0", effect: "^3.22.0" },
  dependencies: { "@effect-auth/rate-limit": "^0.1.0" }
}

describe("a published manifest", () => {
  it("passes if it has nothing of the workspace", () => {
    expect(manifestFaults(manifest)).toEqual([])
  })

  it.each([
    [{ scripts: { postinstall: "node x.js" } }, "a: runs a script at postinstall"],
    [{ peerDependencies: { effect: "catalog:" } }, "a: effect has the range catalog:"],
    [{ dependencies: { b: "workspace:^" } }, "a: b has the range workspace:^"],
    [
      { dependencies: { "@effect-auth/core": "^0.1.0" } },
      "a: @effect-auth/core has to be a peer, or a program may have two of it"
    ],
    [{ exports: { "./*": "./src/*.ts" } }, "a: exports its sources"],
    [{ bugs: undefined }, "a: has no bugs"]
  ])("fails with %j", (change, fault) => {
    expect(manifestFaults({ ...manifest, ...change })).toEqual([fault])
  })
})
