/**
 * Runs the programs in examples/src, each of which has to end with exit code 0: its modules, and the `main.ts` of its
 * folders.
 *
 * `notRun` in examples/package.json lists those that are not run, each with the reason.
 */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./workspace.mjs"

const timeout = 60_000

const { notRun = {} } = JSON.parse(readFileSync(join(root, "examples/package.json"), "utf8"))
const programs = readdirSync(join(root, "examples/src"), { recursive: true }).filter((name) =>
  /^[\w-]+(\.ts|\/main\.ts)$/.test(name.replaceAll("\\", "/"))
)

const run = (name) => {
  const { error, signal, status, stderr, stdout } = spawnSync("tsx", [join("examples/src", name)], {
    cwd: root,
    encoding: "utf8",
    timeout
  })
  const ended = error?.code === "ETIMEDOUT"
    ? `does not end within ${timeout / 1000} s`
    : `ends with ${signal ?? status}`
  return status === 0 ? [] : [`examples/src/${name} ${ended}\n${stdout}${stderr}`]
}

const running = programs.filter((name) => notRun[name] === undefined)
const faults = [
  ...Object.entries(notRun).flatMap(([name, reason]) => [
    ...programs.includes(name) ? [] : [`examples/package.json: notRun lists ${name}, which is not in examples/src`],
    ...typeof reason === "string" && reason !== "" ? [] : [`examples/package.json: notRun gives no reason for ${name}`]
  ]),
  ...running.flatMap(run)
]

for (const fault of faults) console.log(fault)
console.log(`${running.length} examples run, ${programs.length - running.length} not run, ${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1
