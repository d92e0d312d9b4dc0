/**
 * The examples that are read: the TypeScript blocks in the JSDoc of a module and on a page. They go through the same rules
 * as programs, each as a module of its own, and what becomes of them is type-checked in the line.
 */
import { inJSDoc, inMarkdown } from "../scripts/snippets.mjs"

/**
 * @typedef {object} Block
 * @property {string} path Where it stands as a module. The named blocks of one page may import each other.
 * @property {string} code As it is pasted.
 * @property {number} line The first line of it, from 1.
 * @property {number} length In lines.
 */

/**
 * @param {string} path
 * @param {string} text
 * @returns {ReadonlyArray<Block>}
 */
export const blocksOf = (path, text) => {
  const { snippets } = path.endsWith(".md") ? inMarkdown(text) : inJSDoc(text)
  return snippets.map(({ code, line }, index) => {
    const lines = code.split("\n").slice(line - 1)
    const margin = Math.min(...lines.filter((text) => text.trim() !== "").map((text) => /^ */.exec(text)[0].length))
    const own = lines.map((text) => text.slice(margin)).join("\n")
    const name = /^\/\/ (\w[\w.]*\.ts)$/.exec(own.split("\n", 1)[0])?.[1] ?? `${index}.ts`
    return { path: `${folder}/${path.replace(/\W+/g, "-")}/${name}`, code: own, line, length: lines.length }
  })
}

const folder = "examples/documented"

/**
 * The text with other code in its blocks.
 *
 * @param {string} text
 * @param {ReadonlyArray<Block>} blocks Those of the text.
 * @param {(block: Block) => string} codeOf
 */
export const withBlocks = (text, blocks, codeOf) => {
  const lines = text.split("\n")
  for (const block of blocks.toReversed()) {
    const [prefix] = /^[\s*]*/.exec(lines[block.line - 2])
    const code = codeOf(block).trimEnd().split("\n").map((line) => (prefix + line).trimEnd())
    lines.splice(block.line - 1, block.length, ...code)
  }
  return lines.join("\n")
}

/** The commands of a page, with what is installed on Effect 4. */
export const withCommands = (page) =>
  page.replace(/^npm install .*$/gm, (command) =>
    command
      .replace(/ @effect\/(?:platform|rpc|opentelemetry)@[\d.]+/g, "")
      .replace(/(@effect-auth\/[\w-]+)(?=\s|$)/g, "$1@effect-4")
      .replace(/ effect@3\b/, " effect@~4.1")
      .replace(/ @effect\/platform-node@[\d.]+/, " @effect/platform-node@~4.1")
      .replace(/ @effect\/vitest@[\d.]+ vitest@3/, " @effect/vitest@4 vitest@5")).replace(
      /^```sh\nnpm install(?: #.*)?\n```\n\n/gm,
      ""
    )
