/** Lays out the project of the programs, and bundles those that run where there are no packages. */
import { build } from "esbuild"
import { join } from "node:path"
import { makeProject, project } from "./project.mjs"

makeProject()
await build({
  absWorkingDir: project,
  bundle: true,
  entryPoints: ["worker.mjs", "browser.mjs"],
  format: "esm",
  logLevel: "warning",
  outdir: join(project, "bundles")
})
console.log("2 bundles")
