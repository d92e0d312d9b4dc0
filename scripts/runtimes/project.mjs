/**
 * A project that has the packages as they are published, beside the programs that use them: what they export is built,
 * and a module that they do not export cannot be imported. The packages have to be built.
 */
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { packages, root } from "../workspace.mjs"

const programs = fileURLToPath(new URL("programs", import.meta.url))

/** Where everything that this needs is kept between runs. */
export const cache = join(root, ".cache/runtimes")

/** The folder of the project. */
export const project = join(cache, "project")

export const makeProject = () => {
  rmSync(project, { recursive: true, force: true })
  const modules = join(project, "node_modules")
  const link = (name, from) => {
    const target = join(modules, name)
    if (existsSync(target)) return
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(realpathSync(join(from, "node_modules", name)), target, "junction")
  }
  for (const { folder, manifest } of packages()) {
    const { dependencies, devDependencies: _, peerDependencies, publishConfig, ...published } = manifest
    const target = join(modules, manifest.name)
    cpSync(join(folder, "dist"), join(target, "dist"), { recursive: true })
    writeFileSync(
      join(target, "package.json"),
      JSON.stringify({ ...published, dependencies, peerDependencies, exports: publishConfig.exports })
    )
    const names = Object.keys({ ...dependencies, ...peerDependencies })
    for (const name of names.filter((name) => !name.startsWith("@effect-auth/"))) link(name, folder)
  }
  cpSync(programs, project, { recursive: true })
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "programs", private: true, type: "module" }))
}
