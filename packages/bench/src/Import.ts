/**
 * What a program pays for importing a package: time and memory of a cold import, and bytes of the bundle. Counted over
 * the modules of Effect that the package uses, which an Effect program has anyway.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { brotliCompressSync } from "node:zlib"
import { compile, source } from "./Bundle.ts"
import { spread } from "./Measure.ts"
import type { Cell, Goal, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

const rounds = 5

const vendors = ["ibm-mq", "yamcs", "qualys"]

const packages = ["rate-limit", "core", "node", "oauth", "signing", ...vendors]

const peers = [
  "@azure/core-rest-pipeline",
  "@azure/msal-node",
  "google-auth-library",
  "@badgateway/oauth2-client",
  "oauth4webapi",
  "openid-client",
  "@modelcontextprotocol/sdk/client/auth.js",
  "@octokit/core",
  "bottleneck"
]

/** A module, and two that import only what it needs from elsewhere: to have it there, and to see what finding it costs. */
interface Subject {
  readonly name: string
  readonly module: string
  readonly base: string
  readonly resolved: string
  readonly bundle: { readonly minified: number; readonly brotli: number } | undefined
}

interface Cost {
  readonly millis: number
  /** In MiB. */
  readonly resident: number
  readonly heap: number
}

const compiling =
  "Most of it is compiling, and making the Schema classes of errors, credentials and events, of everything that the " +
  "package has; a program that is bundled has a part of them."

const directory = fileURLToPath(new URL("../import", import.meta.url))

const nothing = join(directory, "nothing.js")

const measure = async (): Promise<Result> => {
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, "probe.js"), probe)
  await writeFile(nothing, "")
  const subjects = [...await Promise.all(packages.map(ours)), ...await Promise.all(peers.map(peer))]
  const costs = new Map<Subject, Array<Cost>>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const cost = await costOf(subject)
      // the first reads the files from the disk
      if (round > 0) costs.get(subject)?.push(cost)
    }
  }
  const of = (subject: Subject, part: keyof Cost) => spread((costs.get(subject) ?? []).map((cost) => cost[part]))
  return {
    title: "cold import in a fresh process, and size of the bundle",
    columns: ["package", "added ms (quartiles)", "added MiB resident", "added MiB heap", "minified kB", "brotli kB"],
    rows: subjects.map((subject): ReadonlyArray<Cell> => [
      subject.name,
      of(subject, "millis"),
      of(subject, "resident").median,
      of(subject, "heap").median,
      subject.bundle === undefined ? null : subject.bundle.minified / 1000,
      subject.bundle === undefined ? null : subject.bundle.brotli / 1000
    ]),
    goals: subjects.flatMap((subject): ReadonlyArray<Goal> =>
      subject.bundle === undefined ? [] : [
        atMost(
          `${subject.name}: ms to import`,
          of(subject, "millis").median,
          vendors.some((name) => subject.name.endsWith(name)) ? 15 : 20,
          compiling
        ),
        atMost(`${subject.name}: MiB resident`, of(subject, "resident").median, 3, "Of what its XML parser brings.")
      ]
    ),
    notes: [
      `${rounds} rounds of fresh processes after one that is not counted; what is already there is imported before.`,
      "Packages of this project: everything that their index exports, with what they use of each other, over the modules "
      + "of Effect and the platform that they use. The others: over nothing."
    ]
  }
}

const ours = async (name: string): Promise<Subject> => {
  const outdir = join(directory, name)
  const entry = { index: source(name) }
  const { metafile } = await compile(entry, outdir)
  const needed = new Set(
    Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter(({ external, kind }) => external && kind === "import-statement")
    )
      .map(({ path }) => path)
  )
  const imports = [...needed].map((path) => `import ${JSON.stringify(path)}\n`).join("")
  await writeFile(join(outdir, "base.js"), imports)
  await writeFile(join(outdir, "resolved.js"), imports)
  await compile(entry, join(outdir, "minified"), { minify: true })
  const minified = await readFile(join(outdir, "minified/index.js"))
  return {
    name: `@effect-auth/${name}`,
    module: join(outdir, "index.js"),
    base: join(outdir, "base.js"),
    resolved: join(outdir, "resolved.js"),
    bundle: { minified: minified.length, brotli: brotliCompressSync(minified).length }
  }
}

const peer = async (name: string): Promise<Subject> => {
  const module = join(directory, `${name.replaceAll("/", "-")}.js`)
  await writeFile(module, `import ${JSON.stringify(name)}\n`)
  return { name, module, base: nothing, resolved: nothing, bundle: undefined }
}

/**
 * Time: of two modules that import the same, which is there already, what one adds to the other. Memory: what one process
 * has more than another, because in the same one it would find room that was freed before.
 */
const costOf = async ({ base, module, resolved }: Subject): Promise<Cost> => {
  const [, found, added] = await importing(base, resolved, module)
  const [less] = await importing(base)
  const [more] = await importing(module)
  if (added === undefined || found === undefined || more === undefined || less === undefined) throw new Error(module)
  return {
    millis: added.millis - found.millis,
    resident: more.resident - less.resident,
    heap: more.heap - less.heap
  }
}

/** One after the other in a fresh process. */
const importing = async (...modules: ReadonlyArray<string>): Promise<ReadonlyArray<Cost>> => {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--expose-gc", join(directory, "probe.js"), ...modules]
  )
  return JSON.parse(stdout)
}

const probe = `
const costs = []
for (const module of process.argv.slice(2)) {
  gc()
  const before = process.memoryUsage()
  const begun = performance.now()
  await import(module)
  const millis = performance.now() - begun
  const after = process.memoryUsage()
  const mebibytes = (part) => (after[part] - before[part]) / 1048576
  costs.push({ millis, resident: mebibytes("rss"), heap: mebibytes("heapUsed") })
}
console.log(JSON.stringify(costs))
`

export const run: Effect.Effect<Result> = Effect.promise(measure)
