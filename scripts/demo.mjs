/** `npm run demo`: installs what is missing, which can be watched, then plays the demo with the same arguments. */
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import { root } from "./workspace.mjs"

const run = (command, args) =>
  spawnSync(command, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" })
const reporter = process.stdout.isTTY ? "default" : "append-only"

const installed = run("npm", ["run", "--silent", "bootstrap", "--", "--loglevel", "info", "--reporter", reporter])
process.exitCode = installed.status ?? 1
if (installed.status === 0) {
  const tsx = join(root, "node_modules/.bin/tsx")
  process.exitCode = run(tsx, [join("examples/src/demo.ts"), ...process.argv.slice(2)]).status ?? 1
}
