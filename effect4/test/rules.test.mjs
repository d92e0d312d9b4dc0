import { assert, describe, it } from "vitest"
import { rewriter } from "../rewrite.mjs"
import { rules } from "../rules/index.mjs"

const rewrite = rewriter(rules)

/** The example of a rule need not list the imports that come with it. */
const parts = (text) => {
  const isImport = (line) => line.startsWith("import ")
  const lines = text.split("\n")
  return { imports: lines.filter(isImport), body: lines.filter((line) => !isImport(line)).join("\n").trim() }
}

const sites = (text, values) =>
  new Map(
    Object.entries(values).map(([expression, kind]) => {
      const start = text.indexOf(expression)
      return [`${start}:${start + expression.length}`, kind]
    })
  )

describe("A rule of the Effect 4 line", () => {
  for (const { after, before, name, path = "packages/core/src/Some.ts", values = {} } of rules) {
    it(name, () => {
      const made = parts(rewrite(path, before, sites(before, values)))
      const expected = parts(after)
      assert.strictEqual(made.body, expected.body)
      assert.includeMembers(made.imports, expected.imports)
    })
  }
})
