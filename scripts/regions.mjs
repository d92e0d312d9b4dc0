/**
 * Blocks of Markdown pages that are taken from programs. A page says where each comes from:
 *
 *     <!-- examples/src/docs/start.ts#program -->
 *
 * A region lies between `// #region program` and `// #endregion`; a comment without a name stands for the whole file.
 * A block can be pasted: it begins with those imports of its file that it uses. It may go on with what earlier blocks of
 * its page define, and uses nothing else: the page shows it, or links to the page of the module that it is imported from
 * (`own-api.md` for `./own-api.ts`).
 *
 * @typedef {object} Included
 * @property {string} text The page with its blocks as their programs have them now.
 * @property {ReadonlyArray<{ readonly line: number; readonly message: string }>} faults
 */
import { basename, dirname, join } from "node:path/posix"
import ts from "typescript"

/** The comment that says where the block below it comes from. */
export const source = /^<!-- (\S+\.ts)(?:#([\w-]+))? -->$/

const boundary = /^\s*\/\/ #(?:region ([\w-]+)|endregion)$/

/**
 * @param {string} page The text of a page.
 * @param {(path: string) => string | undefined} read The text of a program, by its path from the root.
 * @returns {Included}
 */
export const include = (page, read) => {
  const faults = []
  const shown = new Set() // what the page has defined so far
  const paths = new Set() // the programs it has shown something of
  const text = []
  const lines = page.split("\n")
  for (let index = 0; index < lines.length; index++) {
    text.push(lines[index])
    const [, path, name] = source.exec(lines[index]) ?? []
    if (path === undefined) continue
    const report = (message) => faults.push({ line: index + 1, message })
    const opening = lines[index + 1] === "```ts" ? index + 1 : -1
    const closing = opening === -1 ? -1 : lines.indexOf("```", opening)
    if (closing === -1) {
      report("no ts block follows")
      continue
    }
    const program = read(path)
    const block = program === undefined ? undefined : blockOf(program, name)
    if (block === undefined) {
      report(program === undefined ? `${path} does not exist` : `${path} has no region "${name}"`)
      continue
    }
    block.defines.forEach((name) => shown.add(name))
    paths.add(path)
    block.uses.filter((name) => !shown.has(name)).forEach((name) =>
      report(`uses ${name}, which the page does not show`)
    )
    const isKnown = (from) => paths.has(join(dirname(path), from)) || page.includes(`(${basename(from, ".ts")}.md)`)
    block.relative.filter((from) => !isKnown(from)).forEach((from) =>
      report(`imports ${from}, which the page does not show`)
    )
    text.push(["```ts", ...block.lines, "```"].join("\n"))
    index = closing
  }
  return { text: text.join("\n"), faults }
}

/**
 * A region of a program with the imports it needs; without a name, all of the program.
 *
 * @param {string} program
 * @param {string | undefined} name
 */
export const blockOf = (program, name) => {
  const file = ts.createSourceFile("program.ts", program, ts.ScriptTarget.Latest, true)
  const lines = program.split("\n")
  const within = name === undefined ? lines.map(() => true) : linesOf(lines, name)
  if (!within.includes(true)) return undefined
  const isWithin = (node) => within[file.getLineAndCharacterOfPosition(node.getStart(file)).line]
  const used = new Set()
  const visit = (node) => {
    if (ts.isIdentifier(node) && isWithin(node) && isReference(node)) used.add(node.text)
    ts.forEachChild(node, visit)
  }
  const [imports, rest] = partition(file.statements, ts.isImportDeclaration)
  rest.forEach(visit)
  const kept = imports.filter((node) => !isWithin(node)).flatMap((node) => importOf(node, used))
  const top = rest.flatMap((node) => namesOf(node).map((name) => ({ name, shown: isWithin(node) })))
  const body = chunks(lines, within).flatMap((chunk) => ["", ...dedent(chunk)])
  return {
    lines: trim([...kept.map(({ text }) => text), ...kept.length === 0 ? [] : [""], ...body]),
    defines: top.filter(({ shown }) => shown).map(({ name }) => name),
    uses: top.filter(({ name, shown }) => !shown && used.has(name)).map(({ name }) => name),
    relative: [...kept.map(({ from }) => from), ...imports.filter(isWithin).map(specifierOf)].filter((from) =>
      from.startsWith(".")
    )
  }
}

/** Which lines the regions of this name have; those with the same name follow each other in one block. */
const linesOf = (lines, name) => {
  const open = []
  return lines.map((line) => {
    const [found, region] = boundary.exec(line) ?? []
    if (region !== undefined) open.push(region)
    else if (found !== undefined) open.pop()
    return found === undefined && open.includes(name)
  })
}

/** The lines within, region by region. */
const chunks = (lines, within) => {
  const found = []
  lines.forEach((line, index) => {
    if (!within[index]) return
    if (index === 0 || !within[index - 1]) found.push([])
    if (!boundary.test(line)) found.at(-1).push(line)
  })
  return found
}

/** An identifier that stands for a variable or a type, and not for a member. */
const isReference = (node) => {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) || ts.isPropertyAssignment(parent)) return parent.name !== node
  if (ts.isQualifiedName(parent)) return parent.right !== node
  return !ts.isPropertySignature(parent) && !ts.isMethodDeclaration(parent) && !ts.isPropertyDeclaration(parent)
}

const importOf = (node, used) => {
  const { importClause } = node
  const { namedBindings } = importClause ?? {}
  const from = specifierOf(node)
  const type = importClause?.isTypeOnly ? "type " : ""
  if (namedBindings === undefined) return []
  if (ts.isNamespaceImport(namedBindings)) {
    const name = namedBindings.name.text
    return used.has(name) ? [{ from, text: `import ${type}* as ${name} from "${from}"` }] : []
  }
  const names = namedBindings.elements.filter(({ name }) => used.has(name.text)).map((element) => element.getText())
  return names.length === 0 ? [] : [{ from, text: `import ${type}{ ${names.join(", ")} } from "${from}"` }]
}

const specifierOf = (node) => node.moduleSpecifier.text

/** What a statement at the top of a file defines. */
const namesOf = (node) => {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.flatMap(({ name }) => bound(name))
  return node.name === undefined ? [] : [node.name.text]
}

const bound = (name) =>
  ts.isIdentifier(name) ? [name.text] : name.elements.flatMap((element) => element.name ? bound(element.name) : [])

const dedent = (lines) => {
  const margin = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)[0].length))
  return lines.map((line) => line.slice(margin))
}

const trim = (lines) => lines.join("\n").replace(/^\n+|\n+$/g, "").replace(/\n{3,}/g, "\n\n").split("\n")

const partition = (nodes, is) => [nodes.filter(is), nodes.filter((node) => !is(node))]
