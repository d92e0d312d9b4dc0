import { describe, expect, it } from "vitest"
import { blockOf, include } from "../regions.mjs"

const fence = "```"

const program = `/** What it is for. */
import * as Acme from "acme/Acme"
import { Config, Effect, Layer } from "effect"
import type { Scope } from "effect/Scope"

// #region program
const program = Effect.map(Acme.Layer, ({ Config }) => Config)
// #endregion

const hidden = 1

const test = () => {
  // #region inner
  const layer = Layer.empty

  return Effect.provide(program, layer)
  // #endregion
}

// #region secret
const shown: Scope = { hidden: hidden.hidden }
// #endregion
`

const page = (...lines) => lines.join("\n")
const programs = (path) =>
  path === "a.ts" ? program : path === "b.ts" ? `import "./a.ts"\n\nimport { x } from "./c.ts"` : undefined
const included = (...lines) => include(page(...lines), programs)

describe("regions", () => {
  it("gives a region with the imports it uses, and no others", () => {
    expect(blockOf(program, "program").lines).toEqual([
      `import * as Acme from "acme/Acme"`,
      `import { Config, Effect } from "effect"`,
      "",
      "const program = Effect.map(Acme.Layer, ({ Config }) => Config)"
    ])
  })

  it("removes the indentation that all lines share", () => {
    expect(blockOf(program, "inner").lines).toEqual([
      `import { Effect, Layer } from "effect"`,
      "",
      "const layer = Layer.empty",
      "",
      "return Effect.provide(program, layer)"
    ])
  })

  it("gives the whole file without its boundaries where no region is named", () => {
    const { lines } = blockOf(program, undefined)
    expect(lines[0]).toBe("/** What it is for. */")
    expect(lines.filter((line) => line.includes("#"))).toEqual([])
  })

  it("replaces what a page has of a region, and leaves the rest of the page", () => {
    const { faults, text } = included(
      "# Title",
      "<!-- a.ts#program -->",
      `${fence}ts`,
      "old",
      fence,
      `${fence}ts`,
      "own",
      fence
    )
    expect(faults).toEqual([])
    expect(text).not.toContain("old")
    expect(text).toContain("Effect.map(Acme.Layer")
    expect(text.endsWith(page(fence, `${fence}ts`, "own", fence))).toBe(true)
  })

  it("reports a name that the page does not show", () => {
    const block = (name) => [`<!-- a.ts#${name} -->`, `${fence}ts`, fence]
    expect(included(...block("inner")).faults).toEqual([
      { line: 1, message: "uses program, which the page does not show" }
    ])
    expect(included(...block("program"), ...block("inner")).faults).toEqual([])
    expect(included(...block("secret")).faults).toEqual([
      { line: 1, message: "uses hidden, which the page does not show" }
    ])
  })

  it("reports a program of one's own that is imported and not shown", () => {
    expect(included("<!-- b.ts -->", `${fence}ts`, fence).faults).toEqual([
      { line: 1, message: "imports ./a.ts, which the page does not show" },
      { line: 1, message: "imports ./c.ts, which the page does not show" }
    ])
  })

  it("knows a module of the page that a page links to", () => {
    const { faults } = included("See [a](a.md) and [c](c.md).", "<!-- b.ts -->", `${fence}ts`, fence)
    expect(faults).toEqual([])
  })

  it("reports what it cannot find", () => {
    expect(included("<!-- a.ts#nothing -->", `${fence}ts`, fence).faults).toEqual([
      { line: 1, message: `a.ts has no region "nothing"` }
    ])
    expect(included("<!-- c.ts -->", `${fence}ts`, fence).faults).toEqual([{ line: 1, message: "c.ts does not exist" }])
    expect(included("<!-- a.ts#program -->", "text").faults).toEqual([{ line: 1, message: "no ts block follows" }])
  })
})
