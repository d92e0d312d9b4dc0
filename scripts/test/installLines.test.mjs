import { describe, expect, it } from "vitest"
import { blocksOfPrograms, commands, joined, key, sequences, steps } from "../installLines.mjs"

const fence = "```"
const shell = (...lines) => [`${fence}sh`, ...lines, fence]
const command = (...specs) => ({ line: 1, specs, dev: false })

describe("install lines", () => {
  it.each([
    ["npm install effect@3", ["effect@3"], false],
    ["npm i effect@3", ["effect@3"], false],
    ["$ pnpm add effect@3", ["effect@3"], false],
    ["yarn add effect@3 @effect/platform@0.97", ["effect@3", "@effect/platform@0.97"], false],
    ["npm install --save-dev vitest@3", ["vitest@3"], true],
    ["pnpm add -D vitest@3", ["vitest@3"], true],
    ["mkdir first && cd first && npm install effect@3", ["effect@3"], false],
    ["npm install effect@3 # or what you need", ["effect@3"], false]
  ])("reads %s", (line, specs, dev) => {
    expect(commands(shell(line).join("\n"))).toEqual([{ line: 2, specs, dev }])
  })

  it("finds a command in an indented block", () => {
    expect(commands("text\n\n    pnpm add effect@3\n")).toEqual([{ line: 3, specs: ["effect@3"], dev: false }])
  })

  it("takes no command from a sentence, another language or a command that installs nothing named", () => {
    const page = ["npm install effect", `${fence}ts`, "npm install effect", fence, ...shell("npm install", "npm test")]
    expect(commands(page.join("\n"))).toEqual([])
  })

  it("gives the code below a command to it, and not to the next", () => {
    const [first, second] = [{ line: 3, specs: ["a"], dev: false }, { line: 9, specs: ["b"], dev: false }]
    const below = [{ line: 1, code: "" }, { line: 5, code: "" }, { line: 12, code: "" }]
    expect(steps([first, second], below)).toEqual([
      { commands: [first], snippets: [below[1]] },
      { commands: [first, second], snippets: [below[2]] }
    ])
  })

  it("finds the blocks that are taken from programs, and no others", () => {
    const page = [
      "<!-- examples/a.ts#one -->",
      `${fence}ts`,
      "a",
      "b",
      fence,
      `${fence}ts`,
      "c",
      fence,
      "<!-- x.ts -->"
    ]
    expect(blocksOfPrograms(page.join("\n"))).toEqual([{ line: 3, path: "examples/a.ts", code: "a\nb" }])
  })

  it("imports each name of several blocks once, and as a value where one block needs that", () => {
    const blocks = [
      "import { Config, Effect } from \"effect\"\nimport type * as A from \"a\"\n\nb",
      "import * as A from \"a\"\nimport { Effect } from \"effect\"\nimport type { C } from \"c\"\nd"
    ]
    expect(joined(blocks).split("\n").filter((line) => line !== "")).toEqual([
      "import { Config } from \"effect\"",
      "import { Effect } from \"effect\"",
      "import * as A from \"a\"",
      "import type { C } from \"c\"",
      "b",
      "d"
    ])
  })

  it("takes the order of the names for nothing, and development for something", () => {
    expect(key(command("a", "b"))).toBe(key(command("b", "a")))
    expect(key(command("a"))).not.toBe(key({ ...command("a"), dev: true }))
  })

  it("runs a sequence once, and one that begins another with that", () => {
    const pages = [[command("a")], [command("a"), command("b")], [command("c")], [command("c")], []]
    expect(sequences(pages).map((page) => page.map(key))).toEqual([["a", "b"], ["c"]])
  })
})
