/**
 * Checks the packages as they are published: packs each, lints the tarball with publint, installs all of them in an empty
 * folder with the dependencies that they declare, loads every module that they export and checks their declarations.
 *
 * The workspace cannot show these faults: there, `exports` points to the sources, and a dependency is found whether it is
 * declared or not. The packages have to be built.
 */
import { execFileSync, spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import ts from "typescript"
import { files, packages, root } from "./workspace.mjs"

const folder = realpathSync(mkdtempSync(join(tmpdir(), "packed-")))
const modules = join(folder, "node_modules")

const main = () => {
  const tarballs = pack(join(folder, "tarballs"))
  const installed = packages().map(({ folder, manifest }) => install(tarballs, folder, manifest.name))
  const faults = [...tarballs.flatMap(lint), ...load(installed.flatMap(exported)), ...declarations(installed)]
  for (const fault of faults) console.log(fault)
  console.log(`${tarballs.length} packages, ${faults.length} faults`)
  process.exitCode = faults.length === 0 && tarballs.length === packages().length ? 0 : 1
}

const pack = (destination) => {
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const filters = packages().flatMap(({ manifest }) => ["--filter", manifest.name])
  execFileSync("npx", ["--yes", packageManager, "--recursive", ...filters, "pack", "--pack-destination", destination], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"]
  })
  return readdirSync(destination).map((name) => join(destination, name))
}

const lint = (tarball) => {
  const { status, stderr, stdout } = spawnSync("publint", ["run", "--strict", tarball], { encoding: "utf8" })
  return status === 0 ? [] : [stdout + stderr]
}

const install = (tarballs, source, name) => {
  const target = join(modules, name)
  mkdirSync(target, { recursive: true })
  const tarball = tarballs.find((path) => path.includes(`/${name.replace("@", "").replace("/", "-")}-`))
  execFileSync("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"])
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(target, "package.json"), "utf8"))
  for (const dependency of Object.keys({ ...dependencies, ...peerDependencies })) {
    const link = join(modules, dependency)
    if (existsSync(link) || packages().some(({ manifest }) => manifest.name === dependency)) continue
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(realpathSync(join(source, "node_modules", dependency)), link, "junction")
  }
  return { name, target }
}

/** What a program can import: the modules outside of `internal`. */
const exported = ({ name, target }) =>
  files(join(target, "dist"), /\.js$/)
    .map((file) => relative(join(target, "dist"), file).replaceAll("\\", "/").replace(/\.js$/, ""))
    .filter((module) => !module.startsWith("internal/"))
    .map((module) => module === "index" ? name : `${name}/${module}`)

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
