/**
 * The reference of every package, by docgen, in `.cache/reference`: a page for each public module, made of what stands above
 * its exports. Fails where an export says nothing, and where a module shows no example; `documented-examples.mjs` compiles
 * the examples themselves.
 *
 * docgen would run the examples, and few of them are programs: to it they are text. It does not follow an export to another
 * file either. So each page is made of a copy of the module, in which an export from elsewhere has the words of its
 * declaration.
 */
import { spawn } from "node:child_process"
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { basename, join, relative } from "node:path"
import { execPath } from "node:process"
import ts from "typescript"
import { packages, publicModules, root } from "./workspace.mjs"

const docgen = join(root, "node_modules/@effect/docgen/bin.cjs")
const target = join(root, ".cache/reference")

const modules = packages().flatMap(({ folder, manifest }) =>
  publicModules(folder).filter((module) => module !== "index").map((module) => ({
    folder,
    name: `${manifest.name}/${module}`,
    file: join(folder, "src", `${module}.ts`),
    copy: join(target, basename(folder), "src", `${module}.ts`)
  }))
)

const options = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile).config,
  ts.sys,
  root
).options
const program = ts.createProgram(modules.map(({ file }) => file), { ...options, incremental: false, noEmit: true })
const checker = program.getTypeChecker()

/** The comment above what is exported, wherever it is declared. */
const wordsOf = (specifier) => {
  const symbol = checker.getSymbolAtLocation(specifier.name)
  const declared = symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias
    ? checker.getAliasedSymbol(symbol)
    : symbol
  const comments = (declared?.declarations ?? []).flatMap((node) => ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc))
  return comments.at(-1)?.getText()
}

const isDocumented = (specifier) => {
  const { text } = specifier.getSourceFile()
  return (ts.getLeadingCommentRanges(text, specifier.pos) ?? []).some(({ pos }) => text.startsWith("/**", pos))
}

/** A module with what it exports from elsewhere explained, and what is said of nothing. */
const explained = ({ file, name }) => {
  const source = program.getSourceFile(file)
  const bare = source.statements
    .filter((node) =>
      ts.isExportDeclaration(node) && node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
    )
    .flatMap((node) => [...node.exportClause.elements])
    .filter((specifier) => !isDocumented(specifier))
  const found = bare.map((specifier) => ({
    at: specifier.getStart(source),
    name: specifier.name.text,
    words: wordsOf(specifier)
  }))
  const text = found.toSorted((a, b) => b.at - a.at).reduce(
    (text, { at, words }) => words === undefined ? text : `${text.slice(0, at)}\n${words}\n${text.slice(at)}`,
    source.text
  )
  return {
    text,
    faults: [
      ...found.filter(({ words }) => words === undefined).map((it) =>
        `${relative(root, file)}: ${it.name} says nothing`
      ),
      ...text.includes("@example") ? [] : [`${relative(root, file)}: ${name} shows no example`]
    ]
  }
}

const run = (cwd) =>
  new Promise((resolve) => {
    const child = spawn(execPath, [docgen], {
      cwd,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => output += text)
    child.on("close", (code) => resolve({ ok: code === 0, output }))
  })

/** Copies a package, and makes its pages. */
const make = async ({ folder, manifest }) => {
  const cwd = join(target, basename(folder))
  cpSync(join(folder, "src"), join(cwd, "src"), { recursive: true })
  const faults = modules.filter((module) => module.folder === folder).flatMap((module) => {
    const { faults, text } = explained(module)
    writeFileSync(module.copy, text.replace(/^( *\* )@example$/gm, "$1**Example**"))
    return faults
  })
  rmSync(join(cwd, "src/index.ts"), { force: true })
  const { homepage, name } = manifest
  writeFileSync(join(cwd, "package.json"), JSON.stringify({ name, homepage, type: "module" }))
  writeFileSync(
    join(cwd, "docgen.json"),
    JSON.stringify({
      exclude: ["src/internal/**/*.ts"],
      // members of a class have none of their own
      enforceVersion: false,
      parseCompilerOptions: { strict: true }
    })
  )
  const { ok, output } = await run(cwd)
  return [...faults, ...ok ? [] : [`${name}\n${output.trimEnd()}`]]
}

rmSync(target, { recursive: true, force: true })
mkdirSync(target, { recursive: true })
const waiting = [...packages()]
const faults = []
const worker = async () => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) faults.push(await make(next))
}
await Promise.all([worker(), worker()])
for (const fault of faults.flat()) console.log(fault)
console.log(`${modules.length} modules, ${faults.flat().length} faults`)
process.exitCode = faults.flat().length === 0 ? 0 : 1
