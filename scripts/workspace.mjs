/** Where the workspace is, and which packages it publishes. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"

/** The folder of the workspace. */
export const root = fileURLToPath(new URL("..", import.meta.url))

/** The published packages: folder and manifest. Private ones may not be installed. */
export const packages = (workspace = root) =>
  readdirSync(join(workspace, "packages"))
    .map((name) => join(workspace, "packages", name))
    .filter((folder) => existsSync(join(folder, "package.json")))
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) }))
    .filter(({ manifest }) => manifest.private !== true)

/** The files below a folder whose names match, without dependencies and what is generated. */
export const files = (folder, name) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return /^(\..*|node_modules|dist|coverage)$/.test(entry.name) ? [] : files(path, name)
    return name.test(entry.name) ? [path] : []
  })

/** What a program can import of a package, by the names of its sources: the modules outside of `internal`. */
export const publicModules = (folder) =>
  files(join(folder, "src"), /\.ts$/)
    .map((file) => relative(join(folder, "src"), file).replaceAll("\\", "/").replace(/\.ts$/, ""))
    .filter((module) => !module.startsWith("internal/"))
