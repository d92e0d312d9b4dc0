/**
 * The TypeScript blocks of JSDoc comments and Markdown pages.
 *
 * @typedef {object} Snippet
 * @property {number} line The first line of the block, from 1.
 * @property {string} code The block where it stands in its file, with blanks for everything around it: a position in it
 *   is a position in the file.
 *
 * @typedef {object} Snippets
 * @property {ReadonlyArray<Snippet>} snippets
 * @property {ReadonlyArray<{ readonly line: number; readonly message: string }>} faults What would go unchecked.
 */
import { source } from "./regions.mjs"

const opening = /^(\s*)(`{3,})\s*(\w*)\s*(.*?)\s*$/

/**
 * Blocks that are taken from a program are compiled there.
 *
 * @param {string} text A Markdown page.
 * @returns {Snippets}
 */
export const inMarkdown = (text) => inLines(text.split("\n").map((line) => ({ margin: 0, line })))

/**
 * @param {string} text A TypeScript module.
 * @returns {Snippets}
 */
export const inJSDoc = (text) => {
  const comments = new Set()
  for (const { 0: comment, index } of text.matchAll(/\/\*\*[^]*?\*\//g)) {
    const first = text.slice(0, index).split("\n").length - 1
    comment.split("\n").forEach((_, offset) => comments.add(first + offset))
  }
  const lines = text.split("\n").map((line, index) => {
    if (!comments.has(index)) return { margin: 0, line: "" }
    const margin = /^\s*(?:\/\*\*|\*(?!\/))? ?/.exec(line)?.[0].length ?? 0
    return { margin, line: line.slice(margin) }
  })
  const { faults, snippets } = inLines(lines)
  return { snippets, faults: [...faults, ...withoutBlock(lines)].sort((a, b) => a.line - b.line) }
}

/** Each `@example` has a block before the next tag. */
const withoutBlock = (lines) =>
  lines.flatMap(({ line }, index) => {
    if (!/^@example\b/.test(line)) return []
    const rest = lines.slice(index + 1)
    const end = rest.findIndex(({ line, margin }) => /^@\w/.test(line) || (margin === 0 && line === ""))
    const found = rest.slice(0, end === -1 ? rest.length : end).some(({ line }) =>
      isTypeScript(opening.exec(line)?.[3])
    )
    return found ? [] : [{ line: index + 1, message: "this example has no ts block" }]
  })

const isTypeScript = (language) => language === "ts" || language === "typescript"

const inLines = (lines) => {
  const snippets = []
  const faults = []
  let block = undefined
  lines.forEach(({ line, margin }, index) => {
    if (block === undefined) {
      const [, indent, fence, language, rest] = opening.exec(line) ?? []
      if (fence === undefined) return
      if (isTypeScript(language) && rest !== "") {
        faults.push({ line: index + 1, message: `"${rest}" is not known here` })
      }
      const isTaken = source.test(lines[index - 1]?.line ?? "")
      const isChecked = isTypeScript(language) && !isTaken
      block = { fence, first: index + 1, margin: margin + indent.length, isChecked }
    } else if (line.trim().startsWith(block.fence)) {
      if (block.isChecked) snippets.push(snippet(lines, block, index))
      block = undefined
    }
  })
  if (block !== undefined) faults.push({ line: block.first, message: "this block is not closed" })
  return { snippets, faults }
}

const snippet = (lines, { first, margin }, end) => ({
  line: first + 1,
  code: lines
    .slice(0, end)
    .map(({ line, margin: own }, index) => {
      if (index < first) return ""
      const indent = Math.max(0, margin - own)
      return " ".repeat(own + indent) + line.slice(indent)
    })
    .join("\n")
})
