/**
 * Plays a release: a change of one package is one of all, to the same version, and a change that breaks something leaves
 * 0.x at 0.x. It works on a copy of the manifests; nothing is published.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { packages, root } from "./workspace.mjs"

const copy = mkdtempSync(join(tmpdir(), "release-"))
const faults = []

const plan = (bump, expected) => {
  for (const name of ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", ".changeset/config.json"]) {
    cpSync(join(root, name), join(copy, name))
  }
  for (const { folder } of packages()) {
    const name = basename(folder)
    mkdirSync(join(copy, "packages", name), { recursive: true })
    cpSync(join(folder, "package.json"), join(copy, "packages", name, "package.json"))
  }
  writeFileSync(join(copy, ".changeset/one.md"), `---\n"@effect-auth/yamcs": ${bump}\n---\n\nIt says what changed.\n`)
  const { output, status } = spawnSync("npm", ["run", "--silent", "changeset", "--", "version"], {
    cwd: copy,
    encoding: "utf8"
  })
  if (status !== 0) return faults.push(`changeset version, ${bump}: ${output.join("")}`)
  for (const { manifest: { name, version } } of packages(copy)) {
    if (version !== expected) faults.push(`${name} is ${version} after a ${bump} change, not ${expected}`)
  }
  const changes = readFileSync(join(copy, "packages/yamcs/CHANGELOG.md"), "utf8")
  if (!changes.includes("It says what changed.")) faults.push(`the changelog does not say what changed:\n${changes}`)
}

try {
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction")
  spawnSync("git", ["init", "--quiet", copy])
  const [major, minor, patch] = packages()[0].manifest.version.split(".").map(Number)
  plan("minor", `${major}.${minor + 1}.0`)
  plan("patch", `${major}.${minor}.${patch + 1}`)
} finally {
  rmSync(copy, { recursive: true })
}
for (const fault of faults) console.log(fault)
console.log(`2 releases, ${faults.length} failed`)
process.exitCode = faults.length === 0 ? 0 : 1
