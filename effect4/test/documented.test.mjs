import { assert, describe, it } from "vitest"
import { blocksOf, withBlocks, withCommands } from "../documented.mjs"

const module = `/**
 * Says hello.
 *
 * @example
 * \`\`\`ts
 * import * as Greeting from "greeting"
 *
 *   Greeting.say("hello")
 * \`\`\`
 */
export const say = 1
`

const page = `# Greeting

\`\`\`ts
// Greeting.ts
export const say = 1
\`\`\`

1. And then

   \`\`\`ts
   import { say } from "./Greeting.ts"
   \`\`\`
`

describe("The examples that are read", () => {
  it("are modules: those of a comment, and those of a page under the names that they have there", () => {
    assert.deepStrictEqual(blocksOf("packages/a/src/B.ts", module), [{
      path: "examples/documented/packages-a-src-B-ts/0.ts",
      code: `import * as Greeting from "greeting"\n\n  Greeting.say("hello")`,
      line: 6,
      length: 3
    }])
    assert.deepStrictEqual(blocksOf("README.md", page).map(({ code, path }) => [path, code]), [
      ["examples/documented/README-md/Greeting.ts", "// Greeting.ts\nexport const say = 1"],
      ["examples/documented/README-md/1.ts", `import { say } from "./Greeting.ts"`]
    ])
  })

  it("stand again where they were, with other code", () => {
    assert.strictEqual(
      withBlocks(module, blocksOf("a.ts", module), () => "one()\n\ntwo()\n"),
      module.replace(/ \* import[^]*?hello"\)\n/, " * one()\n *\n * two()\n")
    )
    assert.strictEqual(
      withBlocks(page, blocksOf("a.md", page), ({ code }) => `${code}\nmore()`),
      page.replace("say = 1\n", "say = 1\nmore()\n").replace("Greeting.ts\"\n", "Greeting.ts\"\n   more()\n")
    )
  })

  it("are installed as the line is published; what is a part of effect by now is no package", () => {
    assert.strictEqual(
      withCommands(
        "npm install @effect-auth/core effect@3 @effect/platform@0.97 @effect/platform-node@0.108 ioredis@5"
      ),
      "npm install @effect-auth/core@effect-4 effect@~4.1 @effect/platform-node@~4.1 ioredis@5"
    )
    assert.strictEqual(withCommands("```sh\nnpm install @effect/rpc@0.76 # for RPC\n```\n\nText"), "Text")
  })
})
