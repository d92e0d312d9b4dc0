/**
 * What a program bundles when it imports everything of one public module: minified and gzipped, with all that the module
 * imports from this workspace and from its dependencies, without the peers (Effect and its platform). `sizes.json` has a
 * limit in bytes for each, a tenth above what it was when the limit was set.
 *
 *     node scripts/sizes.mjs           compares
 *     node scripts/sizes.mjs --write   sets the limits anew
 */
import { build } from "esbuild"
import { Buffer } from "node:buffer"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"
import { brotliCompressSync, gzipSync } from "node:zlib"
import { packages, publicModules, root } from "./workspace.mjs"

const file = join(root, "scripts/sizes.json")

const mostAdded = 4096

/**
 * @param {Readonly<Record<string, number>>} sizes By entry, such as `@effect-auth/core/Token`.
 * @param {Readonly<Record<string, number>>} limits
 * @returns {ReadonlyArray<string>}
 */
export const compare = (sizes, limits) => [
  ...Object.entries(sizes).flatMap(([entry, size]) => {
    const limit = limits[entry]
    if (limit === undefined) return [`${entry} has no limit: ${size} bytes`]
    return size > limit ? [`${entry} has ${size} bytes, ${size - limit} more than its limit`] : []
  }),
  ...Object.keys(limits).filter((entry) => !(entry in sizes)).map((entry) => `${entry} has a limit and is not there`)
]

const bundled = async (entry) => {
  const { outputFiles: [bundle] } = await build({
    ...entry,
    bundle: true,
    external: ["effect", "@effect/*", "@napi-rs/*", "jose", "ioredis", "kerberos", "ws", "node:*"],
    format: "esm",
    legalComments: "none",
    logLevel: "silent",
    minify: true,
    platform: "neutral",
    mainFields: ["module", "main"],
    target: "es2022",
    write: false
  })
  return bundle.contents
}

const measure = async (path) => gzipSync(await bundled({ entryPoints: [path] }), { level: 9 }).length

/** What a mode adds to a token source whose login is one's own, in bytes of Brotli. */
const added = async () => {
  const [own, mode] = await Promise.all([
    `export { layer } from "@effect-auth/core/AuthenticatedHttpClient"
     export { bearer } from "@effect-auth/core/Authenticator"
     export { make as credential } from "@effect-auth/core/CredentialSource"
     export { makeTokens } from "@effect-auth/core/System"
     export { make as token } from "@effect-auth/core/Token"
     export { execute, json } from "@effect-auth/core/TokenEndpoint"`,
    `export { layer } from "@effect-auth/oauth/ClientCredentials"`
  ].map((contents) => bundled({ stdin: { contents, resolveDir: join(root, "packages/oauth") } })))
  return medianDifference(mode, own)
}

/**
 * One byte more at the start moves the blocks of Brotli, and one result by up to a hundred bytes. So both are compressed
 * with starts of several lengths, and the median counts.
 *
 * @param {Uint8Array} longer
 * @param {Uint8Array} shorter
 */
export const medianDifference = (longer, shorter) => {
  const differences = Array.from({ length: 31 }, (_, index) => {
    const start = Buffer.from(`//${"x".repeat(index)}\n`)
    const [more, less] = [longer, shorter].map((bytes) => brotliCompressSync(Buffer.concat([start, bytes])).length)
    return more - less
  })
  return differences.sort((a, b) => a - b)[15]
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const sizes = {}
  for (const { folder, manifest } of packages()) {
    for (const module of publicModules(folder).sort()) {
      const entry = module === "index" ? manifest.name : `${manifest.name}/${module}`
      sizes[entry] = await measure(join(folder, "src", `${module}.ts`))
    }
  }
  const bytes = await added()
  console.log(`client credentials add ${bytes} bytes`)
  if (argv.includes("--write")) {
    const limits = Object.entries(sizes).map(([entry, size]) => [entry, Math.ceil(size * 1.1 / 100) * 100])
    writeFileSync(file, `${JSON.stringify(Object.fromEntries(limits), null, 2)}\n`)
  }
  const faults = [
    ...compare(sizes, existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}),
    ...bytes > mostAdded ? [`client credentials add ${bytes - mostAdded} bytes more than they may`] : []
  ]
  for (const fault of faults) console.log(fault)
  console.log(`${Object.keys(sizes).length} bundles, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
