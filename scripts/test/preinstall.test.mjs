import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "vitest"
import problem from "../preinstall.cjs"
import { root } from "../workspace.mjs"

const pnpm = "pnpm/10.34.9 npm/? node/v20.19.0 linux x64"

describe("before an installation", () => {
  for (const version of ["0.10.48", "8.17.0", "18.20.8", "20.0.0", "20.18.3"]) {
    it(`asks for Node 20.19 on ${version}`, () => assert.include(problem(version, pnpm), "Node 20.19 or newer"))
  }
  for (const version of ["20.19.0", "20.20.2", "22.0.0", "26.1.0"]) {
    it(`has nothing to say on Node ${version} and pnpm`, () => {
      assert.strictEqual(problem(version, pnpm), undefined)
      assert.strictEqual(problem(version, undefined), undefined)
    })
  }
  for (const userAgent of ["npm/10.8.2 node/v20.19.0 linux x64", "yarn/1.22.22 npm/? node/v20.19.0 linux x64", ""]) {
    it(`says what to run instead of "${userAgent}"`, () =>
      assert.include(problem("20.19.0", userAgent), "npm run bootstrap"))
  }

  it("is told by npm, which resolves before it runs a script, through the name of a catalog", () => {
    const { devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    const catalogs = Object.values(devDependencies).filter((version) => version.startsWith("catalog:"))
    assert.deepStrictEqual([...new Set(catalogs)], ["catalog:run-npm-run-bootstrap-instead"])
  })
})
