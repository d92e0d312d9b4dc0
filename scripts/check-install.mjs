/**
 * Follows the pages as their readers do: in empty folders, from a registry that has the tarballs of `scripts/tarballs.mjs`,
 * with npm and with pnpm, whose `node_modules` has only what was asked for. Each install command of each page runs in the
 * order of the page, and the code below it is compiled with what is installed by then; its declarations are written, as
 * those of a library on top of this one would be.
 *
 * Then everything is installed together: every public module is imported and required, and the code of all pages is
 * compiled by the TypeScript versions below with both ways of resolving modules. The README's command also runs with both
 * lines of yarn.
 *
 *     node scripts/check-install.mjs           npm and pnpm take turns with the pages; each version resolves one way
 *     node scripts/check-install.mjs --whole   both with every page, each version both ways
 *     node scripts/check-install.mjs --keep    leaves the folders for a look
 *     node scripts/check-install.mjs yamcs     only the ways that name it
 */
import { spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative, resolve } from "node:path"
import { argv, env, execPath } from "node:process"
import { blocksOfPrograms, commands, joined, key, sequences, steps } from "./installLines.mjs"
import { serve } from "./registry.mjs"
import { inMarkdown } from "./snippets.mjs"
import { tarballs } from "./tarballs.mjs"
import { files, packages, publicModules, root } from "./workspace.mjs"

const compilers = { "5.4": "5.4.5", "5.6": "5.6.3", "5.9": "5.9.3", "6.0": "6.0.3", "7.0": "7.0.2" }
/** What compiles the pages: the fastest. */
const newest = "7.0"
/** What the pages use beside the packages and their peers, for those that have no command of their own. */
const others = [
  "@effect/opentelemetry@0.64",
  "@effect/platform-node@0.108",
  "@effect/rpc@0.76",
  "@effect/vitest@0.30",
  "@modelcontextprotocol/sdk@1",
  "ioredis@5",
  "vitest@3"
]
const yarns = { classic: "yarn@1.22.22", modern: "@yarnpkg/cli-dist@4.9.2" }

const whole = argv.includes("--whole")
const only = argv.slice(2).find((argument) => !argument.startsWith("--"))
const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
const folder = realpathSync(mkdtempSync(join(tmpdir(), "install-")))
const cache = join(root, ".cache/install")

/** Code of a page by the path it is compiled at. */
const page = (file) => {
  const text = readFileSync(file, "utf8")
  const name = relative(root, file)
  const folder = join("pages", name.replace(/\W+/g, "-"))
  const taken = blocksOfPrograms(text)
  const programs = taken.map(({ line, path }) => {
    // A block may go on with what those above it define.
    const above = taken.filter((block) => block.path === path && block.line <= line)
    const imported = relativeImports(join(root, path)).flatMap((module) => closure(module))
    return {
      line,
      sources: [...imported, [path, exportAll(joined(above.map(({ code }) => code)))]]
        .map(([path, code]) => [join(folder, path), code])
    }
  })
  const snippets = inMarkdown(text).snippets
    .filter(({ line }) => !taken.some((block) => block.line === line))
    .map(({ code, line }) => {
      const named = /^\/\/ (\w[\w.]*\.ts)$/.exec(code.split("\n")[line - 1]?.trim() ?? "")?.[1]
      return { line, sources: [[join(folder, named ?? `line-${line}.ts`), exportAll(code)]] }
    })
  return { name, commands: commands(text), snippets: [...snippets, ...programs] }
}

/** What is exported is written into declarations, and its type has to have a name there. */
const exportAll = (code) => code.replace(/^const /gm, "export const ")

const relativeImports = (file) =>
  existsSync(file)
    ? [...readFileSync(file, "utf8").matchAll(/from "(\.[^"]+)"/g)].map(([, path]) => resolve(dirname(file), path))
    : []

const closure = (file, seen = new Set()) => {
  if (seen.has(file) || !existsSync(file)) return []
  seen.add(file)
  return [
    [relative(root, file), readFileSync(file, "utf8")],
    ...relativeImports(file).flatMap((path) => closure(path, seen))
  ]
}

/** @returns {Promise<{ readonly ok: boolean; readonly output: string }>} */
const run = (cwd, command, args, variables = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...env, npm_config_user_agent: undefined, CI: "true", ...variables },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8")
      stream.on("data", (text) => output += text)
    }
    child.on("error", (error) => resolve({ ok: false, output: error.message }))
    child.on("close", (code) => resolve({ ok: code === 0, output }))
  })

const emptyFolder = (name, registry) => {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }))
  writeFileSync(join(path, ".npmrc"), `@effect-auth:registry=${registry}\nstrict-peer-dependencies=true\n`)
  return path
}

const managers = {
  npm: (cwd, { dev, specs }) =>
    run(cwd, "npm", [
      ...["install", ...dev ? ["--save-dev"] : [], ...specs],
      ...["--cache", join(cache, "npm"), "--prefer-offline", "--no-audit", "--no-fund", "--loglevel", "error"]
    ]),
  pnpm: (cwd, { dev, specs }) =>
    run(cwd, "npx", [
      ...["--yes", packageManager, "add", ...dev ? ["--save-dev"] : [], ...specs],
      ...["--cache-dir", join(cache, "pnpm"), "--prefer-offline", "--loglevel", "error"]
    ])
}

/** A configuration that compiles these sources, as `tsc --init` of today would write it but for a resolution by choice. */
const configure = (cwd, name, sources, resolution, options) => {
  for (const [path, text] of sources) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true })
    writeFileSync(join(cwd, path), text)
  }
  const path = `tsconfig.${name}.json`
  writeFileSync(
    join(cwd, path),
    JSON.stringify({
      compilerOptions: {
        target: "ES2022",
        lib: ["ES2022", "DOM", "DOM.Iterable"],
        module: resolution === "NodeNext" ? "NodeNext" : "ESNext",
        moduleResolution: resolution,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        verbatimModuleSyntax: true,
        skipLibCheck: true,
        allowImportingTsExtensions: true,
        typeRoots: [join(root, "node_modules/@types")],
        types: ["node"],
        rootDir: ".",
        ...options
      },
      files: [...new Set(sources.map(([path]) => path))]
    })
  )
  return path
}

/**
 * A library on top of a system, which exports what TypeScript infers: the types of errors one by one, a client, a layer,
 * options. With pnpm their names are found only in what the command asks for.
 */
const library = (specs) => {
  const systems = { "ibm-mq": "IbmMq", qualys: "Qualys", yamcs: "Yamcs" }
  return specs.map((spec) => spec.replace("@effect-auth/", "")).filter((name) => name in systems).map((name) => [
    `library/${name}.ts`,
    `import * as System from "@effect-auth/${name}/${systems[name]}"
import * as Effect from "effect/Effect"
const call = Effect.flatMap(System.Client, (http) => http.get("/"))
export const others = Effect.catchTag(call, "CredentialsRejected", () => Effect.void)
export const limited = Effect.map(Effect.flip(call), (error) => error._tag === "RateLimited" ? [error] : [])
export const { Client, layerBasic, layerBasicConfig, make, makeTokens, makeWith } = System
export const policy = ({ onTokenChange, refreshPolicy }: System.Options) => ({ onTokenChange, refreshPolicy })
`
  ])
}

const written = { declaration: true, emitDeclarationOnly: true, outDir: "declarations" }

const tsc = (version) => join(cache, "compilers/node_modules", `typescript-${version}`, "bin/tsc")

/** The first errors of a compiler, or none. */
const compile = async (cwd, version, config) => {
  const { ok, output } = await run(cwd, execPath, [tsc(version), "-p", config, "--pretty", "false"])
  return ok ? [] : output.split("\n").filter((line) => line !== "").slice(0, 12)
}

const installCompilers = async () => {
  const target = join(cache, "compilers")
  if (Object.entries(compilers).every(([name]) => existsSync(tsc(name)))) return []
  mkdirSync(target, { recursive: true })
  const dependencies = Object.fromEntries(
    Object.entries(compilers).map(([name, version]) => [`typescript-${name}`, `npm:typescript@${version}`])
  )
  writeFileSync(join(target, "package.json"), JSON.stringify({ private: true, dependencies }))
  const { ok, output } = await managers.npm(target, { dev: false, specs: [] })
  return ok ? [] : [`the compilers: ${output}`]
}

/** Follows a sequence of commands, and compiles what stands below each on every page that has come this way. */
const follow = async (manager, sequence, pages, registry) => {
  const name = `${manager} ${sequence.map(key).join(", then ")}`
  const cwd = emptyFolder(`${manager}-${follow.count = (follow.count ?? 0) + 1}`, registry)
  for (const [index, command] of sequence.entries()) {
    const { ok, output } = await managers[manager](cwd, command)
    if (!ok) return [`${manager} install ${command.specs.join(" ")}\n${output.trimEnd()}`]
    const path = sequence.slice(0, index + 1).map(key).join("\n")
    const sources = pages
      .flatMap(({ commands, snippets }) => steps(commands, snippets))
      .filter(({ commands }) => commands.map(key).join("\n") === path)
      .flatMap(({ snippets }) => snippets.flatMap(({ sources }) => sources))
    const all = [...sources, ...library(command.specs)]
    if (all.length === 0) continue
    const errors = await compile(cwd, newest, configure(cwd, index, all, "NodeNext", written))
    if (errors.length > 0) return [`${name}, command ${index + 1}\n${errors.join("\n")}`]
  }
  return []
}

const entries = packages().flatMap(({ folder, manifest }) =>
  publicModules(folder).map((module) => module === "index" ? manifest.name : `${manifest.name}/${module}`)
)

/** Everything at once: `require` of every module, and every compiler. */
const together = async (pages, registry) => {
  const cwd = emptyFolder("together", registry)
  const peers = ["effect@3", "@effect/platform@0.97"]
  const specs = [...packages().map(({ manifest }) => manifest.name), ...peers, ...others]
  const { ok, output } = await managers.npm(cwd, { dev: false, specs })
  if (!ok) return [`npm install ${specs.join(" ")}\n${output.trimEnd()}`]
  const loaded = await run(cwd, execPath, ["--input-type=commonjs", "--eval", requireAll])
  const imports = entries.map((name, index) => `export * as module${index} from ${JSON.stringify(name)}\n`).join("")
  const sources = [["everything.ts", imports], ...pages.flatMap(({ snippets }) => snippets.flatMap((it) => it.sources))]
  const faults = []
  for (const [index, version] of Object.keys(compilers).entries()) {
    const both = ["NodeNext", "Bundler"]
    for (const resolution of whole ? both : [both[index % 2]]) {
      const config = configure(cwd, `${version}-${resolution}`, sources, resolution, { noEmit: true })
      const errors = await compile(cwd, version, config)
      if (errors.length > 0) faults.push(`TypeScript ${version}, ${resolution}\n${errors.join("\n")}`)
    }
  }
  return [...loaded.ok ? [] : [`require\n${loaded.output.trimEnd()}`], ...faults]
}

const requireAll = `for (const name of ${JSON.stringify(entries)}) require(name)`

/** The same command by yarn: with a `node_modules` of its own making, and with none at all. */
const byYarn = async ({ specs }, registry) => {
  const faults = []
  const program = `await import(${JSON.stringify(specs.find((spec) => spec.startsWith("@effect-auth/ibm-mq")))})`
  const classic = emptyFolder("yarn-classic", registry)
  const modern = emptyFolder("yarn-modern", registry)
  writeFileSync(join(classic, ".yarnrc"), `cache-folder ${JSON.stringify(join(cache, "yarn"))}\n`)
  writeFileSync(join(modern, "yarn.lock"), "")
  writeFileSync(
    join(modern, ".yarnrc.yml"),
    `enableTelemetry: false
unsafeHttpWhitelist: ["127.0.0.1"]
globalFolder: ${JSON.stringify(join(cache, "yarn-modern"))}
npmScopes: { effect-auth: { npmRegistryServer: ${JSON.stringify(registry)} } }
`
  )
  for (const [cwd, yarn] of [[classic, yarns.classic], [modern, yarns.modern]]) {
    const npx = (...args) => run(cwd, "npx", ["--yes", "--package", yarn, "yarn", ...args])
    const added = await npx("add", ...specs)
    const loaded = added.ok ? await npx("node", "--input-type=module", "--eval", program) : added
    if (!loaded.ok) faults.push(`${yarn} add ${specs.join(" ")}\n${loaded.output.trimEnd()}`)
  }
  return faults
}

const main = async () => {
  const pages = files(root, /\.md$/).filter((file) => !file.startsWith(join(root, "packages/bench"))).map(page)
  const readmes = pages.filter(({ name }) => name === "README.md" || /^packages[\\/][^\\/]+[\\/]README\.md$/.test(name))
  const without = readmes.filter(({ commands }) => commands.length === 0)
  const registry = await serve(tarballs())
  const lines = sequences(pages.map(({ commands }) => commands))
  const checks = [
    ["TypeScript", () => together(pages, registry.url)],
    ...lines.flatMap((line, index) =>
      Object.keys(managers)
        .filter((_, position) => whole || position === index % 2)
        .map((manager) => [`${manager} ${line.map(key).join(", then ")}`, () =>
          follow(manager, line, pages, registry.url)]
        )
    ),
    ["yarn", () => byYarn(pages.find(({ name }) => name === "README.md").commands[0], registry.url)]
  ]
    .filter(([name]) => only === undefined || name.includes(only))
  const faults = [...without.map(({ name }) => `${name} does not say how to install`), ...await installCompilers()]
  const waiting = [...checks]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, check] = next
      const started = Date.now()
      const found = await check()
      for (const fault of found) faults.push(fault)
      console.log(`${found.length === 0 ? "ok" : "FAILED"} ${((Date.now() - started) / 1000).toFixed(1)} s ${name}`)
    }
  }
  await Promise.all([worker(), worker()])
  await registry.close()
  for (const fault of faults) console.log(`\n${fault}`)
  console.log(`${checks.length} ways to install, ${faults.length} failed`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

try {
  mkdirSync(cache, { recursive: true })
  await main()
} finally {
  if (!argv.includes("--keep")) rmSync(folder, { recursive: true })
}
