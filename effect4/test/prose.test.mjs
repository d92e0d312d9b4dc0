import { assert, describe, it } from "vitest"
import { moduleOf, prose } from "../prose.mjs"
import { rewriter } from "../rewrite.mjs"
import { rules } from "../rules/index.mjs"

const rewrite = rewriter(rules)

const words = [
  { before: "a `RequestError`", after: "an `HttpClientError`" },
  { before: "Install one of Effect 3 and another.", after: "Install one." }
]

const make = () => prose(words, (source) => rewrite("prose.ts", source), moduleOf)

describe("What is said around the examples", () => {
  it("names what Effect 4 has, and nothing of it twice", () => {
    const text = make()
    assert.strictEqual(
      text.change(
        "a.md",
        "`Layer.scoped` of `Config.redacted(\"A\")`; `Layer.scoped` and `Token.make`, Layer.scoped\n"
      ),
      "`Layer.effect` of `Config.Redacted(\"A\")`; `Layer.effect` and `Token.make`, Layer.scoped\n"
    )
    assert.strictEqual(
      text.program(),
      "import type { effect as name0 } from \"effect/Layer\" // a.md\n" +
        "import type { Redacted as name1 } from \"effect/Config\" // a.md\n"
    )
  })

  it("shows calls as the rules make them", () => {
    assert.strictEqual(
      make().change(
        "a.md",
        "`Schedule.upTo(\"1 hour\")`, `Effect.async(..)`, `Schema.optionalWith(A, { exact: true })`"
      ),
      "`Schedule.upTo({ duration: \"1 hour\" })`, `Effect.callback(..)`, `Schema.optionalKey(A)`"
    )
  })

  it("has other words, whose lines are broken where they were", () => {
    const text = make()
    assert.strictEqual(
      text.change("a.md", "a `RequestError`; a\n`RequestError`"),
      "an `HttpClientError`; an\n`HttpClientError`"
    )
    assert.strictEqual(
      text.change("a.ts", "/**\n * It is a\n *   `RequestError`.\n */\nconst a = \"a `RequestError`\""),
      "/**\n * It is an\n *   `HttpClientError`.\n */\nconst a = \"a `RequestError`\""
    )
    assert.strictEqual(text.change("a.md", "Install one of Effect 3\nand another. So"), "Install one. So")
    assert.deepStrictEqual(text.faults(), [])
  })

  it("is not that of blocks, nor of a module outside of its comments", () => {
    const page = "```ts\n// `Layer.scoped`\n```\n"
    assert.strictEqual(make().change("a.md", page), page)
    const module = "// `Layer.scoped`\n/**\n * ```ts\n * `Layer.scoped`\n * ```\n */\nconst a = `Layer.scoped`\n"
    assert.strictEqual(make().change("a.ts", module), module)
  })

  it("has a fault where it speaks of what is gone, and where no text says the words", () => {
    const text = make()
    text.change("a.md", "Needs `@effect/platform-node` and `@effect/platform`.")
    text.change("b.ts", "/** Gives an `Either`. */ import \"@effect/rpc\"")
    text.change("c.md", "`npm install effect@3`")
    assert.deepStrictEqual(text.faults(), [
      "a.md speaks of @effect/platform, which Effect 4 has not",
      "b.ts speaks of `Either`, which Effect 4 has not",
      "c.md speaks of effect@3, which Effect 4 has not",
      "no text says \"a `RequestError`\"",
      "no text says \"Install one of Effect 3 and another.\""
    ])
  })

  it("takes a name for a module of the library where it has one of that name", () => {
    assert.strictEqual(moduleOf("RateLimiter"), undefined)
    assert.strictEqual(moduleOf("HttpClient"), "@effect/platform/HttpClient")
    assert.strictEqual(moduleOf("Nothing"), undefined)
  })
})
