/**
 * Checks that the picture of the README is the one that its example draws.
 *
 *     node scripts/timeline.mjs           fails where it is not
 *     node scripts/timeline.mjs --write   draws it anew
 */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { argv } from "node:process"
import { root } from "./workspace.mjs"

const picture = join(root, "docs/timeline.svg")

const drawn = execFileSync("tsx", [join(root, "examples/src/timeline.ts")], { encoding: "utf8" })
if (argv.includes("--write")) writeFileSync(picture, drawn)
const stale = !existsSync(picture) || readFileSync(picture, "utf8") !== drawn
if (stale) console.log("docs/timeline.svg is stale: node scripts/timeline.mjs --write")
console.log(`1 picture, ${stale ? 1 : 0} faults`)
process.exitCode = stale ? 1 : 0
