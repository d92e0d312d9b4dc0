import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { inspect } from "../circular.mjs"

describe("circular imports", () => {
  let folder = ""
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "circular-"))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  /** Two packages as in this workspace, `b` depends on `a` and `a` on `b`. */
  const check = (name, files) => {
    const workspace = join(folder, name)
    const write = (path, text) => {
      mkdirSync(dirname(join(workspace, path)), { recursive: true })
      writeFileSync(join(workspace, path), text)
    }
    write(
      "tsconfig.json",
      JSON.stringify({ compilerOptions: { module: "NodeNext", allowImportingTsExtensions: true, noEmit: true } })
    )
    for (const [own, other] of [["a", "b"], ["b", "a"]]) {
      write(
        `packages/${own}/package.json`,
        JSON.stringify({ name: `@planted/${own}`, type: "module", exports: { "./*": "./src/*.ts" } })
      )
      write(`packages/${own}/src/One.ts`, "export type One = 1\n")
      mkdirSync(join(workspace, `packages/${own}/node_modules/@planted`), { recursive: true })
      symlinkSync(join(workspace, "packages", other), join(workspace, `packages/${own}/node_modules/@planted/${other}`))
    }
    for (const [path, text] of Object.entries(files)) write(`packages/${path}`, text)
    return inspect(workspace)
  }

  it.each([
    ["accepts packages without a circle", {
      "b/src/Two.ts": `import type { One } from "@planted/a/One"\nexport type Two = One\n`
    }, []],
    ["finds two modules that import each other", {
      "a/src/Two.ts": `import { three } from "./Three.ts"\nexport const two = () => three\n`,
      "a/src/Three.ts": `import { two } from "./Two.ts"\nexport const three = () => two\n`
    }, ["circular: packages/a/src/Three.ts -> packages/a/src/Two.ts -> packages/a/src/Three.ts"]],
    ["counts type-only imports", {
      "a/src/Two.ts": `import type { Three } from "./Three.ts"\nexport type Two = Three | 2\n`,
      "a/src/Three.ts": `export type Three = import("./Two.ts").Two | 3\n`
    }, ["circular: packages/a/src/Three.ts -> packages/a/src/Two.ts -> packages/a/src/Three.ts"]],
    ["follows imports by package name", {
      "a/src/Two.ts": `import type { Three } from "@planted/b/Three"\nexport type Two = Three | 2\n`,
      "b/src/Three.ts": `export type { Two } from "@planted/a/Two"\n`
    }, ["circular: packages/a/src/Two.ts -> packages/b/src/Three.ts -> packages/a/src/Two.ts"]],
    ["reports an import that it cannot follow", {
      "a/src/Two.ts": `import { gone } from "./gone.ts"\nexport const two = gone\n`
    }, ["not found: ./gone.ts"]]
  ])("%s", async (title, files, expected) => {
    expect((await check(title.replaceAll(" ", "-"), files)).faults).toEqual(expected)
  })
})
