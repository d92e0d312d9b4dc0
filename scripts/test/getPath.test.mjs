import { pathToFileURL } from "node:url"
import { describe, expect, it } from "vitest"
import { filesRun } from "../getPath.mjs"

const script = (path, ...counts) => ({
  url: pathToFileURL(path).href,
  functions: counts.map((count) => ({ functionName: "", ranges: [{ startOffset: 0, endOffset: 1, count }] }))
})

describe("files on a GET's way", () => {
  it.each([
    ["have a function that was run", [script("/workspace/packages/core/src/Token.ts", 0, 2)], [
      "packages/core/src/Token.ts"
    ]],
    ["are not those that were only loaded", [script("/workspace/packages/core/src/Token.ts", 0, 0)], []],
    ["are not those of dependencies", [script("/workspace/node_modules/effect/dist/esm/Effect.js", 1)], []],
    ["are not those of a test's transport", [script("/workspace/packages/testing/src/ScriptedHttpClient.ts", 1)], []],
    ["are not Node's", [{ ...script("/", 1), url: "node:internal/timers" }], []]
  ])("%s", (_, scripts, files) => {
    expect(filesRun(scripts, "/workspace")).toEqual(files)
  })
})
