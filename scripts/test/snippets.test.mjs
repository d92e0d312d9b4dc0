import { describe, expect, it } from "vitest"
import { inJSDoc, inMarkdown } from "../snippets.mjs"

const fence = "```"

const placed = ({ snippets }) =>
  snippets.map(({ code, line }) => ({
    line,
    code: code.split("\n").slice(line - 1),
    above: code.trim().split("\n")[0]
  }))

describe("snippets", () => {
  describe("in Markdown", () => {
    it("finds the TypeScript blocks and leaves each where it stands", () => {
      const page = ["# Title", "", `${fence}sh`, "npm test", fence, `${fence}ts`, "const a = 1", "", "a", fence, "end"]
      expect(placed(inMarkdown(page.join("\n")))).toEqual([
        { line: 7, code: ["const a = 1", "", "a"], above: "const a = 1" }
      ])
    })

    it("leaves out a block that is taken from a program, which is compiled there", () => {
      const page = ["<!-- examples/src/docs/a.ts#one -->", `${fence}ts`, "a", fence, `${fence}ts`, "b", fence]
      expect(placed(inMarkdown(page.join("\n"))).map(({ line }) => line)).toEqual([6])
    })

    it("removes no more than the indentation of the fence, and keeps the columns", () => {
      const page = ["- item", `  ${fence}ts`, "  if (a) {", "    b()", "  }", `  ${fence}`]
      expect(inMarkdown(page.join("\n")).snippets).toEqual([
        { line: 3, code: ["", "", "  if (a) {", "    b()", "  }"].join("\n") }
      ])
    })

    it("takes a block inside a longer fence as text", () => {
      const page = [`${fence}${fence}md`, `${fence}ts`, "const a: string = 1", fence, `${fence}${fence}`]
      expect(inMarkdown(page.join("\n"))).toEqual({ snippets: [], faults: [] })
    })

    it("reports a block that is not closed, and words after the language", () => {
      const page = [`${fence}ts no-check`, "a", fence, `${fence}ts`, "b"]
      expect(inMarkdown(page.join("\n")).faults).toEqual([
        { line: 1, message: `"no-check" is not known here` },
        { line: 4, message: "this block is not closed" }
      ])
    })
  })

  describe("in JSDoc", () => {
    it("finds the blocks of comments only, without the margin", () => {
      const module = [
        "/** Head. */",
        "export interface A {",
        "  /**",
        "   * Text.",
        "   *",
        "   * @example",
        `   * ${fence}ts`,
        "   * const a = {",
        "   *   b: 1",
        "   * }",
        `   * ${fence}`,
        "   */",
        "  readonly a: string",
        "}",
        `const text = "${fence}ts"`
      ]
      expect(inJSDoc(module.join("\n"))).toEqual({
        snippets: [{
          line: 8,
          code: [..."1234567"].map(() => "").join("\n") + "\n     const a = {\n       b: 1\n     }"
        }],
        faults: []
      })
    })

    it("reports an example without a block", () => {
      const module = [
        "/**",
        " * @example",
        " * const a = 1",
        " *",
        " * @since 0.1.0",
        " */",
        "export const a = 1",
        "/**",
        " * @example",
        " */",
        "export const b = 1",
        "/**",
        ` * ${fence}ts`,
        " * 1",
        ` * ${fence}`,
        " */",
        "export const c = 1"
      ]
      const { faults, snippets } = inJSDoc(module.join("\n"))
      expect(faults).toEqual([
        { line: 2, message: "this example has no ts block" },
        { line: 9, message: "this example has no ts block" }
      ])
      expect(snippets.map(({ line }) => line)).toEqual([14])
    })
  })
})
