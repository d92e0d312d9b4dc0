/**
 * `npm run docs`: writes the regions of programs into the Markdown pages that include them, and `llms.txt` from the index
 * of the documentation.
 *
 *     node scripts/docs.mjs           writes
 *     node scripts/docs.mjs --check   fails where something is stale, a link leads nowhere, or a page is not in the index
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { include } from "./regions.mjs"
import { files, packages, root } from "./workspace.mjs"

const checking = process.argv[2] === "--check"
const index = "docs/README.md"

const read = (path) => existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined

const pages = files(root, /\.md$/).map((file) => {
  const path = relative(root, file).replaceAll("\\", "/")
  const before = read(path)
  return { path, before, ...include(before, read) }
})

/** Each link of a page that is no address, and where in the page it stands. */
const linksOf = (text) =>
  text.replace(/^```[^]*?^```/gm, (block) => block.replace(/[^\n]/g, "")).split("\n").flatMap((line, number) =>
    [...line.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => ({ target, line: number + 1 }))
  ).filter(({ target }) => !/^\w+:/.test(target))

/** The fragment by which a heading is reached. */
const anchor = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replaceAll(" ", "-")

const anchorsOf = (text) => [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading]) => anchor(heading))

const deadLinks = ({ path, text }) =>
  linksOf(text).flatMap(({ line, target }) => {
    const [file, fragment] = target.split("#")
    const to = file === "" ? path : join(dirname(path), file).replaceAll("\\", "/")
    const known = pages.find((page) => page.path === to)
    const leads = fragment === undefined
      ? existsSync(join(root, to))
      : known !== undefined && anchorsOf(known.text).includes(fragment)
    return leads ? [] : [{ path, line, message: `the link to ${target} leads nowhere` }]
  })

/** The pages in the order of the index. */
const listed = linksOf(pages.find(({ path }) => path === index)?.text ?? "").flatMap(({ target }) =>
  pages.filter(({ path }) => path === join("docs", target).replaceAll("\\", "/"))
)

const titleOf = (text) => /^# (.*)$/m.exec(text)?.[1] ?? ""

/** The first paragraph below the title, on one line and without its links, which are relative to the page. */
const summaryOf = (text) =>
  /^# .*\n+((?:(?!```)[^\n#<|].*\n?)+)/m.exec(text)?.[1].trim().replaceAll("\n", " ").replace(
    /\[([^\]]*)\]\([^)]*\)/g,
    "$1"
  ) ?? ""

const llms = () => {
  const page = ({ path, text }) => `- [${titleOf(text)}](${path}): ${summaryOf(text)}`
  const readmes = packages().flatMap(({ folder }) =>
    pages.filter(({ path }) => join(root, path) === join(folder, "README.md"))
  )
  const { text } = pages.find(({ path }) => path === "README.md")
  return [
    `# ${titleOf(text)}`,
    "",
    `> ${summaryOf(text)}`,
    "",
    "## Documentation",
    "",
    ...listed.map(page),
    "",
    "## Packages",
    "",
    ...readmes.map(page),
    ""
  ].join("\n")
}

const results = [
  ...pages.map(({ before, path, text }) => ({ path, before, text })),
  { path: "llms.txt", before: read("llms.txt"), text: llms() }
]
const stale = results.filter(({ before, text }) => before !== text)
if (!checking) stale.forEach(({ path, text }) => writeFileSync(join(root, path), text))

const faults = [
  ...pages.flatMap(({ faults, path }) => faults.map((fault) => ({ path, ...fault }))),
  ...pages.flatMap(deadLinks),
  ...pages.filter((page) => /^docs\/(?!README)/.test(page.path) && !listed.includes(page)).map(({ path }) => ({
    path,
    line: 1,
    message: `is not in ${index}`
  })),
  ...listed.filter((page, position) => listed.indexOf(page) !== position).map(({ path }) => ({
    path: index,
    line: 1,
    message: `lists ${path} more than once`
  })),
  ...checking ? stale.map(({ path }) => ({ path, line: 1, message: "is stale: npm run docs" })) : []
]
for (const { line, message, path } of faults) console.log(`${path}:${line} - ${message}`)
console.log(`${results.length} pages, ${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1
