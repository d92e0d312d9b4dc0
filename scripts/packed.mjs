/**
 * Checks the tarballs of `scripts/tarballs.mjs` from inside: installs all of them in an empty folder with the dependencies
 * that they declare, loads every module that they export and checks their declarations.
 *
 * The workspace cannot show these faults: there, `exports` points to the sources, and a dependency is found whether it is
 * declared or not.
 */
import { execFileSync, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import ts from "typescript"
import { tarballs } from "./tarballs.mjs"
import { files, packages, publicModules, root } from "./workspace.mjs"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "packed-")))
const modules = join(folder, "node_modules")

const main = () => {
  const packed = tarballs()
  const installed = packages().map(({ folder, manifest }) => install(packed, folder, manifest.name))
  const faults = [...load(installed.flatMap(exported)), ...declarations(installed)]
  for (const fault of faults) console.log(fault)
  console.log(`${packed.length} packages, ${faults.length} faults`)
  process.exitCode = faults.length === 0 && packed.length === packages().length ? 0 : 1
}

const install = (packed, source, name) => {
  const target = join(modules, name)
  mkdirSync(target, { recursive: true })
  const { manifest: { dependencies, peerDependencies }, path } = packed.find(({ manifest }) => manifest.name === name)
  execFileSync("tar", ["-xzf", path, "-C", target, "--strip-components=1"])
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(modules, dependency)
    if (existsSync(link) || packages().some(({ manifest }) => manifest.name === dependency)) continue
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(realpathSync(join(source, "node_modules", dependency)), link, "junction")
  }
  return { name, source, target }
}

const exported = ({ name, source }) =>
  publicModules(source).map((module) => module === "index" ? name : `${name}/${module}`)

const load = (names) => {
  const program = `for (const name of ${JSON.stringify(names)}) {
    await import(name).catch((error) => console.log("import " + JSON.stringify(name) + ": " + error.message))
  }`
  const { status, stderr, stdout } = spawnSync("node", ["--input-type=module", "--eval", program], {
    cwd: folder,
    encoding: "utf8"
  })
  return [...stdout.split("\n").filter((line) => line !== ""), ...status === 0 ? [] : [stderr]]
}

/** Declarations that refer to what was stripped, or to what is not installed, are no fault to a compiler that skips them. */
const declarations = (installed) => {
  const own = installed.flatMap(({ target }) => files(join(target, "dist"), /\.d\.ts$/))
  const program = ts.createProgram(own, {
    exactOptionalPropertyTypes: true,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    typeRoots: [join(root, "node_modules/@types")],
    types: ["node"]
  })
  return own.flatMap((name) => {
    const file = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) => {
      const { character, line } = file.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
      const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
      return `${relative(modules, name)}:${line + 1}:${character + 1} - TS${diagnostic.code}: ${message}`
    })
  })
}

try {
  main()
} finally {
  rmSync(folder, { recursive: true })
}
