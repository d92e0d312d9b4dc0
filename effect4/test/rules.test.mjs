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

describe("A module of the Effect 4 line", () => {
  it("imports what a rule needs at its head, and the rest where it was", () => {
    const source = [
      `import * as Config from "effect/Config"`,
      `// #region first`,
      `const first = Config.redacted(name)`,
      `// #endregion`,
      `// #region second`,
      `import { Effect } from "effect"`,
      `const second = Effect.async(run)`,
      `// #endregion`,
      ``
    ]
    assert.strictEqual(
      rewrite("examples/src/some.ts", source.join("\n")),
      source.join("\n").replace("Config.redacted(name)", "Config.Redacted(name)").replace(
        `{ Effect } from "effect"`,
        `* as Effect from "effect/Effect"`
      ).replace("async", "callback")
    )
    assert.match(
      rewrite(
        "packages/core/test/Some.test.ts",
        `import { it } from "vitest"\nit.live("a", () => events.takeAll)\nimport { events } from "./events.ts"\n`
      ),
      /^import .* from "vitest"\nimport .* as PubSub .*\nit\..*\nimport { events }/
    )
  })
})
