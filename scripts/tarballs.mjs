/**
 * Packs every package as it is published, into `.cache/tarballs`, and lints the tarballs: publint for what a package
 * manager and a bundler make of the manifest, and "are the types wrong" for what TypeScript makes of each public module.
 * The packages are for `import`, so what a CommonJS module or a resolution without `exports` would find is not asked.
 *
 *     node scripts/tarballs.mjs
 */
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core"
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"
import { publint } from "publint"
import { formatMessage } from "publint/utils"
import { packages, publicModules, root } from "./workspace.mjs"

const destination = join(root, ".cache/tarballs")

/**
 * What the last run packed: the manifest as it is published, and where the tarball is.
 *
 * @param {string} [folder]
 * @returns {ReadonlyArray<{ manifest: Record<string, any>; path: string }>}
 */
export const tarballs = (folder = destination) =>
  readdirSync(folder).filter((name) => name.endsWith(".tgz")).map((name) => {
    const path = join(folder, name)
    const manifest = execFileSync("tar", ["-xzOf", path, "package/package.json"], { encoding: "utf8" })
    return { manifest: JSON.parse(manifest), path }
  })

/** By pnpm, the only one that replaces `exports` by those of `publishConfig`. */
const pack = () => {
  rmSync(destination, { recursive: true, force: true })
  mkdirSync(destination, { recursive: true })
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
  const filters = packages().flatMap(({ manifest }) => ["--filter", manifest.name])
  execFileSync("npx", ["--yes", packageManager, "--recursive", ...filters, "pack", "--pack-destination", destination], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"]
  })
}

/**
 * What nobody who installs a package wants to find in its manifest.
 *
 * @param {Record<string, any>} manifest As it is published.
 * @returns {ReadonlyArray<string>}
 */
export const manifestFaults = (
  { dependencies = {}, exports = {}, name, peerDependencies = {}, scripts = {}, ...rest }
) => [
  ...["preinstall", "install", "postinstall", "prepare"].filter((script) => script in scripts)
    .map((script) => `${name}: runs a script at ${script}`),
  ...Object.entries({ ...dependencies, ...peerDependencies })
    .filter(([, range]) => /^(workspace|catalog|file|link|git|https?):/.test(range))
    .map(([dependency, range]) => `${name}: ${dependency} has the range ${range}`),
  ...Object.keys(dependencies).filter((dependency) => /^(effect|@effect\/.*|@effect-auth\/core)$/.test(dependency))
    .map((dependency) => `${name}: ${dependency} has to be a peer, or a program may have two of it`),
  ...JSON.stringify(exports).includes("/src/") ? [`${name}: exports its sources`] : [],
  ...["bugs", "description", "homepage", "keywords", "license", "repository"].filter((field) =>
    rest[field] === undefined
  )
    .map((field) => `${name}: has no ${field}`)
]

const lint = async ({ manifest, path }) => {
  const data = readFileSync(path)
  const tarball = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)
  const { messages } = await publint({ pack: { tarball }, strict: true })
  return messages.map((message) => `${manifest.name}: ${formatMessage(message, manifest, { color: false })}`)
}

const types = async ({ manifest, path }, published) => {
  const { folder } = published.find(({ manifest: { name } }) => name === manifest.name)
  const entrypoints = publicModules(folder).map((module) => module === "index" ? "." : module)
  const analysis = createPackageFromTarballData(readFileSync(path))
  const { problems, types } = await checkPackage(analysis, { entrypoints })
  if (types === false) return [`${manifest.name}: has no types`]
  return problems
    .filter(({ resolutionKind }) => resolutionKind !== "node10" && resolutionKind !== "node16-cjs")
    .map(({ entrypoint, kind, resolutionKind, ...where }) =>
      `${manifest.name}: ${kind} ${entrypoint ?? JSON.stringify(where)} (${resolutionKind ?? "any resolution"})`
    )
}

/**
 * What is wrong with tarballs, seen from outside.
 *
 * @param {ReturnType<typeof tarballs>} packed
 * @param {ReturnType<typeof packages>} published What there should be a tarball of.
 * @returns {Promise<ReadonlyArray<string>>}
 */
export const faultsOutside = async (packed, published) => {
  const typeFaults = []
  for (const tarball of packed) typeFaults.push(await types(tarball, published))
  return [
    ...published
      .filter(({ manifest: { name } }) => packed.every(({ manifest }) => manifest.name !== name))
      .map(({ manifest }) => `${manifest.name}: no tarball`),
    ...packed.flatMap(({ manifest }) => manifestFaults(manifest)),
    ...(await Promise.all(packed.map(lint))).flat(),
    ...typeFaults.flat()
  ]
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  pack()
  const packed = tarballs()
  const faults = await faultsOutside(packed, packages())
  for (const fault of faults) console.log(fault)
  console.log(`${packed.length} tarballs, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
