/**
 * Compiles what is measured to the JavaScript that would be published. Run straight from TypeScript, every function
 * would be given its name again each time it is made.
 */
import type { BuildResult, Plugin } from "esbuild"
import { build } from "esbuild"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/**
 * Compiles entry points with this workspace's sources, and with what these borrow elsewhere. What this package itself
 * depends on stays an import: Effect, and the peers.
 */
export const compile = (
  entryPoints: Readonly<Record<string, string>>,
  outdir: string,
  options?: {
    readonly minify?: boolean
    /** With all dependencies. */
    readonly whole?: boolean
    /** What a module is that is not there: the benchmarks of today may need one that an earlier commit did not have. */
    readonly missing?: "an error" | "an error when it is imported"
  }
): Promise<BuildResult<{ metafile: true }>> =>
  build({
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minify: options?.minify ?? false,
    metafile: true,
    ...options?.whole === true ? { banner: { js: requiring } } : undefined,
    logLevel: "error",
    plugins: [
      ...options?.whole === true ? [] : [workspaceOnly],
      ...options?.missing === "an error when it is imported" ? [externalWhereMissing] : []
    ]
  })

/** For dependencies that are no ES modules. */
const requiring = "import { createRequire } from \"node:module\"; const require = createRequire(import.meta.url);"

/** This package's directory, found from its sources as well as from where they are compiled to. */
export const home = fileURLToPath(new URL(import.meta.url.replace(/\/(?:src|\.cache)\/.*$/u, "/")))

/** The entry module of a package of this workspace. */
export const source = (name: string): string => `${home}../${name}/src/index.ts`

export const manifest: {
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
} = JSON.parse(readFileSync(`${home}package.json`, "utf8"))

/** Everything that this package depends on outside the workspace. */
export const dependencies: ReadonlyArray<string> = Object.keys({
  ...manifest.dependencies,
  ...manifest.devDependencies
}).filter((name) => !name.startsWith("@effect-auth/"))

/** Bindings, loaded by what needs them when it is used. */
const optional = ["@napi-rs/keyring", "kerberos"]

const workspaceOnly: Plugin = {
  name: "workspace-only",
  setup(build) {
    build.onResolve(
      { filter: /^[^./]/ },
      ({ path }) =>
        [...dependencies, ...optional].some((name) => path === name || path.startsWith(`${name}/`))
          ? { path, external: true }
          : undefined
    )
  }
}

const externalWhereMissing: Plugin = {
  name: "external-where-missing",
  setup(build) {
    build.onResolve({ filter: /^(?:@effect-auth\/|\.)/ }, async ({ path, ...options }) => {
      if (options.pluginData === asked) return undefined
      const found = await build.resolve(path, { ...options, pluginData: asked })
      return found.errors.length === 0 ? found : { path, external: true }
    })
  }
}

/** Keeps a plugin from asking itself. */
const asked = Symbol()
