/**
 * Type-checks the examples that are read: the TypeScript blocks in the JSDoc of the library and in the Markdown pages,
 * each a module of its own, as a reader would paste it. A block that begins with a file name, such as `// Acme.ts`, has
 * that name, and the named blocks of one page may import each other.
 *
 * The modules exist in memory only, in the folder of the examples, where every package is installed by its name: what a
 * package does not export cannot be imported.
 */
import { readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import ts from "typescript"
import { inJSDoc, inMarkdown } from "./snippets.mjs"
import { files, packages, root } from "./workspace.mjs"

const pages = files(root, /\.md$/).map((file) => ({ file, ...inMarkdown(readFileSync(file, "utf8")) }))
const modules = packages()
  .flatMap(({ folder }) => files(join(folder, "src"), /\.ts$/))
  .map((file) => ({ file, ...inJSDoc(readFileSync(file, "utf8")) }))

const faults = [...pages, ...modules].flatMap(({ faults, file }) =>
  faults.map(({ line, message }) => ({ file, line, column: 1, message }))
)

/** The named blocks of one page share a folder. */
function folderOf(file) {
  return `documented-${relative(root, file).replace(/\W+/g, "-")}`
}

/** By the path of the module that stands for it. */
const snippets = new Map(
  [...pages, ...modules].flatMap(({ file, snippets }) => snippets.map((snippet) => ({ file, ...snippet }))).map(
    (snippet, index) => {
      const name = /^\s*\/\/ (\w[\w.]*\.ts)$/m.exec(snippet.code.trimStart().split("\n", 1)[0])?.[1]
      const path = name === undefined ? `documented-${index}.ts` : join(folderOf(snippet.file), name)
      return [join(root, "examples", path), snippet]
    }
  )
)

const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), { incremental: false }, {
  ...ts.sys,
  onUnRecoverableConfigFileDiagnostic: ({ messageText }) => {
    throw new Error(ts.flattenDiagnosticMessageText(messageText, "\n"))
  }
})
const options = { ...config.options, tsBuildInfoFile: undefined }
const host = ts.createCompilerHost(options)
const { directoryExists, fileExists, readFile } = host
const folders = new Set([...snippets.keys()].map((name) => dirname(name)))
host.directoryExists = (name) => folders.has(name) || directoryExists(name)
host.fileExists = (name) => snippets.has(name) || fileExists(name)
host.readFile = (name) => snippets.get(name)?.code ?? readFile(name)

const program = ts.createProgram({ rootNames: [...snippets.keys()], options, host })
const errors = [...snippets].flatMap(([name, { file }]) => {
  const module = program.getSourceFile(name)
  return [...program.getSyntacticDiagnostics(module), ...program.getSemanticDiagnostics(module)].map((diagnostic) => {
    const { character, line } = module.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
    const message = `TS${diagnostic.code}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")}`
    return { module: name, file, line: line + 1, column: character + 1, message }
  })
})

for (const { column, file, line, message } of [...faults, ...errors]) {
  console.log(`${relative(root, file)}:${line}:${column} - ${message}`)
}
const failed = new Set(errors.map(({ module }) => module)).size + faults.length
console.log(`${snippets.size} documented examples, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
