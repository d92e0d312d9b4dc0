/** Makes the workspace of the Effect 4 line from this one: sources, tests, manifests, and the configuration to run them. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import ts from "typescript"
import * as Regions from "../scripts/regions.mjs"
import { files, root } from "../scripts/workspace.mjs"
import { integration, packages as carried, pages } from "./carried.mjs"
import { blocksOf, withBlocks, withCommands } from "./documented.mjs"
import { manifestOf, workspaceManifest } from "./manifests.mjs"
import { messages } from "./messages.mjs"
import { moduleOf, prose, words } from "./prose.mjs"
import { rewriter } from "./rewrite.mjs"
import { rules } from "./rules/index.mjs"
import * as skipped from "./skipped.mjs"
import { values } from "./types.mjs"

export const siblingsFolder = fileURLToPath(new URL("siblings", import.meta.url))

const folders = ["src", "test", "integration", "stress", "dtslint"]

/**
 * Writes the line into a folder outside of the workspace, where no module of Effect 3 can be found by mistake. What is
 * there already stays as it is, so that what is built from it stays valid; what no source stands behind any more goes.
 *
 * @param {string} destination
 * @returns {{ readonly written: number; readonly files: number }}
 */
export const make = (destination) => {
  if (!relative(root, resolve(destination)).startsWith("..")) {
    throw new Error(`${destination} lies in the workspace, whose Effect 3 its modules would find`)
  }
  const made = line()
  let written = 0
  for (const [path, content] of made) {
    const target = join(destination, path)
    if (existsSync(target) && readFileSync(target).equals(Buffer.from(content))) continue
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, content)
    written += 1
  }
  for (const folder of ["packages", "examples", "docs"].map((name) => join(destination, name)).filter(existsSync)) {
    for (const file of files(folder, /./)) {
      if (!made.has(relative(destination, file).split(sep).join("/"))) rmSync(file)
    }
  }
  return { written, files: made.size }
}

/** Every file of the line, by its path. */
export const line = () => {
  const rewrite = rewriter(rules)
  const values = valuesBySource()
  const rewritten = (path, source) => rewrite(path, source, values.get(path))
  const text = prose(words, (source) => rewrite("prose.ts", source), moduleOf)
  const manifests = carried.map((name) => readJson(`packages/${name}/package.json`))
  const found = new Map()
  const add = (path) => {
    const sibling = join(siblingsFolder, path)
    const source = readFileSync(existsSync(sibling) ? sibling : join(root, path))
    found.set(
      path,
      existsSync(sibling) || !/\.(ts|mjs)$/.test(path)
        ? source
        : documented(path, source.toString("utf8"), rewritten, text)
    )
  }
  const addPage = (path) => {
    const page = documented(path, readFileSync(join(root, path), "utf8"), rewritten, text)
    const { faults, text: included } = Regions.include(page, (program) => found.get(program)?.toString("utf8"))
    if (faults.length > 0) throw new Error(`${path}: ${faults.map(({ message }) => message).join("; ")}`)
    found.set(path, withCommands(included))
  }
  sourcesOf("examples", ["src"]).forEach(add)
  for (const [index, name] of carried.entries()) {
    sourcesOf(`packages/${name}`).forEach(add)
    add(`packages/${name}/tsconfig.build.json`)
    found.set(`packages/${name}/package.json`, json(manifestOf(manifests[index], manifests, pinned)))
  }
  pages.forEach(addPage)
  sourcesOf("docs", [""]).filter((path) => !found.has(path)).forEach(add)
  const faults = text.faults()
  if (faults.length > 0) throw new Error(faults.join("\n"))
  stateMessages(found)
  for (const path of [...found.keys()].filter(isDocumented)) {
    for (const block of blocksOf(path, found.get(path).toString("utf8"))) found.set(block.path, block.code)
  }
  found.set("examples/documented/names.ts", text.program())
  found.set("skipped.json", json(skipped.tests))
  found.set("excluded.json", json(skipped.files.map(({ file }) => file)))
  found.set("integration.json", json(integration))
  found.set("stress.json", json(stressOf(found)))
  for (const path of siblings()) if (!found.has(path)) found.set(path, readFileSync(join(siblingsFolder, path)))
  const { exclude, include, ...config } = JSON.parse(found.get("tsconfig.json"))
  found.set(
    "tsconfig.json",
    json({
      ...config,
      include: [...include, ...integration],
      exclude: [...exclude, ...skipped.files.map(({ file }) => file)]
    })
  )
  found.set("tstyche.config.json", readFileSync(join(root, "tstyche.config.json")))
  found.set("tsconfig.dtslint.json", json({ extends: "./tsconfig.json", include: ["packages/*/dtslint"] }))
  found.set("tsconfig.base.json", readFileSync(join(root, "tsconfig.base.json")))
  found.set(
    "tsconfig.build.json",
    json({ files: [], references: carried.map((name) => ({ path: `packages/${name}/tsconfig.build.json` })) })
  )
  found.set("package.json", json(workspaceManifest(manifests, pinned)))
  const listed = [...skipped.files, ...skipped.tests, ...skipped.untyped, ...skipped.typeTests, ...skipped.stress]
  const gone = listed.filter(({ file }) => !found.has(file))
  if (gone.length > 0) throw new Error(`There are no such files: ${gone.map(({ file }) => file).join(", ")}`)
  for (const { file } of skipped.typeTests) found.delete(file)
  return found
}

/** The long runs that are run on Effect 4 too. */
const stressOf = (found) =>
  [...found.keys()].filter((path) =>
    /^packages\/[^/]+\/stress\/.*\.test\.ts$/.test(path) && skipped.stress.every(({ file }) => file !== path)
  )

/** Puts the words of the compiler into the type tests, and into the pages that show them. */
const stateMessages = (found) => {
  const tests = [...found.keys()].filter((path) => path.endsWith(".tst.ts") || pages.includes(path))
  for (const { after, before } of messages) {
    const stating = tests.filter((path) => found.get(path).toString("utf8").includes(before))
    if (stating.length === 0) throw new Error(`No type test states "${before}"`)
    for (const path of stating) found.set(path, found.get(path).toString("utf8").replaceAll(before, after))
  }
}

/** Where examples are read: pages, and the comments of modules. */
const isDocumented = (path) =>
  pages.includes(path) || carried.some((name) => path.startsWith(`packages/${name}/src/`) && path.endsWith(".ts"))

/** A module or a page that goes through the rules, each of its examples by itself, and what it says around them. */
const documented = (path, source, rewritten, text) => {
  const made = path.endsWith(".md") ? source : rewritten(path, source)
  if (!isDocumented(path)) return made
  const [before, after] = [source, made].map((text) => blocksOf(path, text))
  if (before.length !== after.length) throw new Error(`${path} has lost an example`)
  const examples = withBlocks(made, after, (block) => {
    const { code } = before[after.indexOf(block)]
    return rewritten(block.path, code)
  })
  return text.change(path, examples)
}

/** The examples of the sources, which are in no file: what the program about their types has besides. */
const examplesRead = () =>
  new Map(
    [...pages, ...carried.flatMap((name) => sourcesOf(`packages/${name}`)).filter(isDocumented)]
      .flatMap((path) => blocksOf(path, readFileSync(join(root, path), "utf8")))
      .map(({ code, path }) => [join(root, path), code])
  )

/**
 * Where the sources have a value in the place of an effect. To ask the compiler takes longer than all the rest, so the
 * answer is kept until a source changes.
 */
const valuesBySource = () => {
  const kept = join(root, ".cache/effect4-values.json")
  const parsed = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), {
    incremental: false,
    tsBuildInfoFile: undefined
  }, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: console.error })
  const virtual = examplesRead()
  const hash = createHash("sha256").update(JSON.stringify([...virtual]))
  for (const file of [...parsed.fileNames, fileURLToPath(new URL("types.mjs", import.meta.url))]) {
    hash.update(readFileSync(file))
  }
  const key = hash.digest("hex")
  const last = existsSync(kept) ? JSON.parse(readFileSync(kept, "utf8")) : undefined
  const found = last?.key === key
    ? last.found
    : [...values(programOf(parsed, virtual), (path) => !path.includes("/node_modules/"))]
      .map(([file, sites]) => [relative(root, file).split(sep).join("/"), [...sites]])
  mkdirSync(dirname(kept), { recursive: true })
  writeFileSync(kept, JSON.stringify({ key, found }))
  return new Map(found.map(([path, sites]) => [path, new Map(sites)]))
}

const programOf = ({ fileNames, options }, virtual) => {
  const host = ts.createCompilerHost(options)
  const { directoryExists, fileExists, readFile } = host
  const folders = new Set([...virtual.keys()].flatMap((path) => [dirname(path), dirname(dirname(path))]))
  host.directoryExists = (path) => folders.has(path) || directoryExists(path)
  host.fileExists = (path) => virtual.has(path) || fileExists(path)
  host.readFile = (path) => virtual.get(path) ?? readFile(path)
  return ts.createProgram({ rootNames: [...fileNames, ...virtual.keys()], options, host })
}

/** The files written by hand, by the path that they have in the line. */
export const siblings = () =>
  files(siblingsFolder, /./).map((file) => relative(siblingsFolder, file).split(sep).join("/"))

const sourcesOf = (folder, within = folders) =>
  within.map((name) => join(root, folder, name)).filter(existsSync).flatMap((path) => files(path, /./))
    .map((file) => relative(root, file).split(sep).join("/"))

const readJson = (path) => JSON.parse(readFileSync(join(root, path), "utf8"))

const json = (value) => `${JSON.stringify(value, null, 2)}\n`

const catalog = () => {
  const text = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")
  const lines = /^catalog:\n((?: {2}.*\n)+)/m.exec(text)?.[1] ?? ""
  return Object.fromEntries(
    [...lines.matchAll(/^ {2}"?([^"\s]+?)"?: (?:&\w+ )?(\S+)$/gm)].map(([, name, version]) => [name, version])
  )
}

const pinned = (name, range) => range === "catalog:" ? catalog()[name] : range

/** What is written by hand of the sources, against the sources of the packages that are carried over. */
export const share = () => {
  const count = (paths) => paths.reduce((sum, path) => sum + readFileSync(path, "utf8").split("\n").length - 1, 0)
  const lines = count(carried.flatMap((name) => files(join(root, "packages", name, "src"), /\.ts$/)))
  const byHand = count(
    siblings().filter((path) => carried.some((name) => path.startsWith(`packages/${name}/src/`)))
      .map((path) => join(siblingsFolder, path))
  )
  return { byHand, lines, percent: Math.round(1000 * byHand / lines) / 10 }
}
