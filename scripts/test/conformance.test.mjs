import { assert, describe, it } from "@effect/vitest"
import { faultsOf, missing, render, testsOf } from "../conformance.mjs"

const file = "packages/oauth/test/A.test.ts"
const must = (id, more = {}) => ({ id, level: "M", requirement: "It holds.", ...more })

describe("conformance", () => {
  it("reads which requirements a test shows from its name, wherever they stand in it", () => {
    const text = `
      it.effect("CA1 CA2 encodes \\"both\\", and ER3 ends", () => 1)
      it(\`RF3 rotates \${times} times (seed \${seed})\`, () => 2)
      it.scoped(
        "shows none of them, not even RFC 6749 or UTF8", () => 3)
      const cases = [["DV5 asks less often", {}], ["UTF8 is none"]]`
    assert.deepStrictEqual(testsOf(file, text), [
      { file, name: "encodes \"both\", and ER3 ends", ids: ["CA1", "CA2", "ER3"] },
      { file, name: "rotates … times", ids: ["RF3"] },
      { file, name: "asks less often", ids: ["DV5"] }
    ])
  })

  it("misses what must hold and has neither test nor place", () => {
    const tests = [{ file, name: "holds", ids: ["CA1"] }]
    const held = { by: "There is none.", where: [file] }
    const requirements = [must("CA1"), must("CA2"), must("CA3", { held }), must("CA4", { level: "S" })]
    assert.deepStrictEqual(missing(requirements, tests), ["CA2"])
  })

  it("names a test of an unknown requirement, one that is there twice, and a place that is not there", () => {
    const requirements = [
      must("CA1"),
      must("CA1"),
      must("CA2", { held: { by: "It is.", where: ["packages/none.ts"] } })
    ]
    const faults = faultsOf(requirements, [{ file, name: "holds", ids: ["CA9"] }], () => false)
    assert.deepStrictEqual(faults, [
      "packages/oauth/requirements.json: CA1 is there twice",
      `${file}: a test shows CA9, which is no requirement`,
      "packages/oauth/requirements.json: CA2 is held by packages/none.ts, which is not there"
    ])
  })

  it("writes a row for each requirement: its tests, its place, or why it is not done", () => {
    const text = render([
      must("CA1"),
      must("CA2", { held: { by: "There is none.", where: ["packages/core/src/Token.ts"] } }),
      must("CA3", { level: "Y", notDone: "nobody wants it" }),
      must("CA4")
    ], [{ file, name: "holds | always", ids: ["CA1"] }])
    assert.include(text, "| CA1 | M | It holds. | [test/A.test.ts](test/A.test.ts): holds \\| always |")
    assert.include(text, "held by construction: There is none. [core/src/Token.ts](../core/src/Token.ts) |")
    assert.include(text, "| CA3 | Y | It holds. | not done: nobody wants it |")
    assert.include(text, "| CA4 | M | It holds. | not yet |")
  })
})
