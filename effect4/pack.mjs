/** Packs the Effect 4 line as it is published, and looks at the tarballs as those of the Effect 3 line are looked at. */
import { execFileSync, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { execPath } from "node:process"
import { faultsInside } from "../scripts/packed.mjs"
import { faultsOutside, tarballs } from "../scripts/tarballs.mjs"
import { packages, root } from "../scripts/workspace.mjs"

/** Compiles every package into its `dist`. */
export const build = (folder) => {
  for (const { folder: own } of packages(folder)) {
    rmSync(join(own, "dist"), { recursive: true, force: true })
    rmSync(join(own, ".cache"), { recursive: true, force: true })
  }
  const tsc = join(folder, "node_modules/typescript/bin/tsc")
  const { status, stdout } = spawnSync(execPath, [tsc, "--build", "tsconfig.build.json"], {
    cwd: folder,
    encoding: "utf8"
  })
  if (status !== 0) throw new Error(`The sources cannot be built:\n${stdout}`)
}

/**
 * One tarball for each package. npm leaves `exports` as they are, so the manifest that it reads is already the published
 * one.
 */
export const pack = (folder) => {
  const destination = join(folder, ".cache/tarballs")
  const staging = join(folder, ".cache/published")
  for (const path of [destination, staging]) {
    rmSync(path, { recursive: true, force: true })
    mkdirSync(path, { recursive: true })
  }
  for (const { folder: own, manifest } of packages(folder)) {
    const target = join(staging, manifest.name)
    mkdirSync(target, { recursive: true })
    for (const name of ["src", "dist", "README.md"]) {
      if (existsSync(join(own, name))) cpSync(join(own, name), join(target, name), { recursive: true })
    }
    cpSync(join(root, "LICENSE"), join(target, "LICENSE"))
    writeFileSync(join(target, "package.json"), JSON.stringify(published(manifest), null, 2))
    execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", destination], { cwd: target })
  }
  return tarballs(destination)
}

/**
 * Not under `latest`, which is the Effect 3 line's: npm takes no version with a hyphen for a range of others.
 *
 * @param {Record<string, any>} manifest That of the line, whose modules are sources.
 */
const published = ({ publishConfig: { exports, ...publishConfig }, ...manifest }) => ({
  ...manifest,
  exports,
  publishConfig: { ...publishConfig, tag: "effect-4" }
})

/**
 * What is wrong with the tarballs. Every module of them is loaded by the Node of the line, and those of packages that
 * promise an older one by the Node that runs this, too.
 *
 * @param {string} folder
 * @param {ReturnType<typeof tarballs>} packed
 * @param {string} node That of the line.
 */
export const check = async (folder, packed, node) => {
  const all = packages(folder)
  const older = all.filter(({ manifest }) => manifest.engines.node === rootEngine()).map(({ manifest }) =>
    manifest.name
  )
  return [
    ...await faultsOutside(packed, all),
    ...faultsInside({
      packed,
      published: all,
      installed: (_, dependency) => join(folder, "node_modules", dependency),
      types: join(folder, "node_modules/@types"),
      programs: (name) => older.includes(name) ? [node, execPath] : [node]
    })
  ]
}

const rootEngine = () => JSON.parse(readFileSync(join(root, "package.json"), "utf8")).engines.node
