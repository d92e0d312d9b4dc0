/**
 * `prepack` of every published package: brings `dist` up to date with `src` before a tarball is made, so that none can be
 * made without it or with what a removed source left behind.
 *
 * It runs in the folder of the package. A tarball that npm packs would export the TypeScript sources: only pnpm replaces
 * `exports` by those of `publishConfig`, and the ranges of the workspace by versions.
 */
import { spawnSync } from "node:child_process"
import { existsSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, relative } from "node:path"
import { argv, cwd, env, execPath } from "node:process"
import { fileURLToPath } from "node:url"
import { files } from "./workspace.mjs"

/**
 * How `dist` differs from what the sources of a package compile to, by the names of the files.
 *
 * @param {ReadonlyArray<string>} sources Relative to `src`, such as `internal/fetch.ts`.
 * @param {ReadonlyArray<string>} outputs Relative to `dist`.
 * @returns {{ readonly missing: ReadonlyArray<string>; readonly stale: ReadonlyArray<string> }}
 */
export const compare = (sources, outputs) => {
  const expected = sources
    .map((name) => name.replaceAll("\\", "/").replace(/\.ts$/, ""))
    .flatMap((module) => [".js", ".js.map", ".d.ts", ".d.ts.map"].map((extension) => module + extension))
  const found = outputs.map((name) => name.replaceAll("\\", "/"))
  return {
    missing: expected.filter((name) => !found.includes(name)),
    stale: found.filter((name) => !expected.includes(name))
  }
}

/** Whether the program that packs replaces `exports`, by the `user-agent` that it gives to scripts. */
export const isPublisher = (userAgent) => userAgent === undefined || userAgent.startsWith("pnpm/")

const main = (folder) => {
  if (!isPublisher(env["npm_config_user_agent"])) {
    return "Pack with pnpm: this tarball would export TypeScript sources and depend on workspace ranges."
  }
  const state = () => compare(names(join(folder, "src")), names(join(folder, "dist")))
  const before = state()
  for (const name of before.stale) rmSync(join(folder, "dist", name))
  // The compiler takes the word of its notes and does not look whether the files are there.
  if (before.missing.length > 0) rmSync(join(folder, ".cache/build.tsbuildinfo"), { force: true })
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc")
  const { status } = spawnSync(execPath, [tsc, "--build", join(folder, "tsconfig.build.json")], { stdio: "inherit" })
  if (status !== 0) return "The sources do not compile."
  const { missing } = state()
  return missing.length === 0 ? undefined : `dist has no ${missing.join(", ")}`
}

const names = (folder) => existsSync(folder) ? every(folder).map((path) => relative(folder, path)) : []
const every = (folder) => files(folder, /./)

if (argv[1] === fileURLToPath(import.meta.url)) {
  const fault = main(cwd())
  if (fault !== undefined) console.error(fault)
  process.exitCode = fault === undefined ? 0 : 1
}
