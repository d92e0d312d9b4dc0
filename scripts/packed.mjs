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
import { dirname, join } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import { tarballs } from "./tarballs.mjs"
import { files, packages, publicModules, root } from "./workspace.mjs"

/**
 * What is wrong with tarballs, seen from inside.
 *
 * @param {object} options
 * @param {ReturnType<typeof tarballs>} options.packed
 * @param {ReturnType<typeof packages>} options.published
 * @param {(source: string, dependency: string) => string} options.installed Where what a package depends on is installed.
 * @param {string} options.types Where the types of Node are installed.
 * @param {(name: string) => ReadonlyArray<string>} [options.programs] Which programs load the modules of a package. Default:
 *   the Node of this machine.
 * @returns {ReadonlyArray<string>}
 */
export const faultsInside = ({ packed, programs = () => ["node"], published, ...from }) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "packed-")))
  try {
    const targets = published.map(({ folder: source, manifest }) =>
      install({ ...from, packed, published, source, name: manifest.name, modules: join(folder, "node_modules") })
    )
    return [
      ...[...new Set(targets.flatMap(({ name }) => programs(name)))].flatMap((program) =>
        load(folder, program, targets.filter(({ name }) => programs(name).includes(program)).flatMap(exported))
      ),
      ...declarations(targets, from.types)
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const install = ({ installed, modules, name, packed, published, source }) => {
  const target = join(modules, name)
  mkdirSync(target, { recursive: true })
  const { manifest: { dependencies, peerDependencies }, path } = packed.find(({ manifest }) => manifest.name === name)
  execFileSync("tar", ["-xzf", path, "-C", target, "--strip-components=1"])
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(modules, dependency)
    if (existsSync(link) || published.some(({ manifest }) => manifest.name === dependency)) continue
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(realpathSync(installed(source, dependency)), link, "junction")
  }
  return { name, source, target }
}

const exported = ({ name, source }) =>
  publicModules(source).map((module) => module === "index" ? name : `${name}/${module}`)

const load = (folder, node, names) => {
  const program = `for (const name of ${JSON.stringify(names)}) {
    await import(name).catch((error) => console.log("import " + JSON.stringify(name) + ": " + error.message))
  }`
  const { status, stderr, stdout } = spawnSync(node, ["--input-type=module", "--eval", program], {
    cwd: folder,
    encoding: "utf8"
  })
  return [...stdout.split("\n").filter((line) => line !== ""), ...status === 0 ? [] : [stderr]]
}

/** Declarations that refer to what was stripped, or to what is not installed, are no fault to a compiler that skips them. */
const declarations = (installed, types) => {
  const own = installed.flatMap(({ target }) => files(join(target, "dist"), /\.d\.ts$/))
  const program = ts.createProgram(own, {
    exactOptionalPropertyTypes: true,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    noEmit: true,
    strict: true,
    target: ts.ScriptTarget.ES2022,
    typeRoots: [types],
    types: ["node"]
  })
  return own.flatMap((name) => {
    const file = program.getSourceFile(name)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map((diagnostic) => {
      const { character, line } = file.getLineAndCharacterOfPosition(diagnostic.start ?? 0)
      const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n")
      const path = name.slice(name.lastIndexOf("node_modules"))
      return `${path}:${line + 1}:${character + 1} - TS${diagnostic.code}: ${message}`
    })
  })
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const packed = tarballs()
  const faults = faultsInside({
    packed,
    published: packages(),
    installed: (source, dependency) => join(source, "node_modules", dependency),
    types: join(root, "node_modules/@types")
  })
  for (const fault of faults) console.log(fault)
  console.log(`${packed.length} packages, ${faults.length} faults`)
  process.exitCode = faults.length === 0 && packed.length === packages().length ? 0 : 1
}
