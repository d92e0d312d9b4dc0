import { existsSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { files, root } from "../workspace.mjs"

/** The paths that a page links to, without those of the web and those within the page. */
const links = (text) =>
  [...text.replace(/^(`{3,})[^]*?^\1/gm, "").matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, path]) => path.replace(/#.*$/, ""))
    .filter((path) => path !== "" && !/^[a-z]+:/.test(path))

describe("links", () => {
  it("are found in prose and not in code", () => {
    const page = ["[a](b.md#c) [web](https://d.example) [here](#e)", "```ts", "f[0](g)", "```", "[`h`](../i)"]
    expect(links(page.join("\n"))).toEqual(["b.md", "../i"])
  })

  it.each(files(root, /\.md$/).map((file) => [relative(root, file), file]))("of %s lead somewhere", (_, file) => {
    const broken = links(readFileSync(file, "utf8")).filter((path) => !existsSync(join(dirname(file), path)))
    expect(broken).toEqual([])
  })
})
