/**
 * Tries one runtime: gets it, runs its program against servers on loopback, and compares what works with the catalogue.
 *
 *     node scripts/runtimes/run.mjs deno
 */
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { root } from "../workspace.mjs"
import { runtimes } from "./catalogue.mjs"
import { obtain } from "./obtain.mjs"
import { cache, project } from "./project.mjs"
import * as Workers from "./workers.mjs"

const runtime = runtimes.find(({ id }) => id === process.argv[2])
const folder = mkdtempSync(join(tmpdir(), "runtime-"))
const children = []

/** Starts a program of the runtime, which is ended with this one. */
const start = (path, args, options = {}) => {
  const child = spawn(path, args, { cwd: project, stdio: ["ignore", "pipe", "pipe"], ...options })
  children.push(child)
  return child
}

const output = (child) => {
  const parts = { stdout: "", stderr: "" }
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => {
      parts[name] += text
    })
  }
  return parts
}

const serve = async (options) => {
  const { serve } = await import(pathToFileURL(join(project, "servers.mjs")).href)
  return serve(options)
}

/** Each gives the version and what came of each scenario. */
const programs = {
  host: async (path) => {
    const { authority, client, server } = await certificates()
    const file = (name, text) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 })
      return join(folder, name)
    }
    const servers = await serve({
      tls: { key: server.private, cert: server.cert, ca: authority.cert, requestCert: true, rejectUnauthorized: false }
    })
    const child = start(path, [
      ...runtime.args,
      ...[join(project, "host.mjs"), servers.origin, servers.tlsOrigin, file("ca.pem", authority.cert)],
      ...[file("client.pem", client.cert), file("client.key", client.private), folder]
    ])
    const said = output(child)
    await new Promise((resolve) => child.on("close", resolve))
    servers.close()
    const report = said.stdout.split("\n").find((line) => line.startsWith("{\"version\""))
    if (report === undefined) throw new Error(`it reported nothing:\n${said.stdout}${said.stderr}`)
    return JSON.parse(report)
  },

  workers: async (path) => {
    const servers = await serve()
    try {
      return await Workers.run({ path, start, origin: servers.origin })
    } finally {
      servers.close()
    }
  },

  browser: async (path) => {
    const servers = await serve()
    const reported = Promise.withResolvers?.() ?? deferred()
    const page = "<!doctype html><script type=module src=/browser.js></script>"
    const pages = await serve({
      pages: { "/": page, "/browser.js": readFileSync(join(project, "bundles/browser.js"), "utf8") },
      onReport: reported.resolve
    })
    const child = start(path, [
      ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
      ...[`--user-data-dir=${folder}`, `${pages.origin}/?servers=${encodeURIComponent(servers.origin)}`]
    ])
    const said = output(child)
    child.on("close", () => reported.reject(new Error(`the browser ended:\n${said.stderr}`)))
    const { results, version } = await reported.promise
    pages.close()
    servers.close()
    return { results, version: /Chrome\/([\d.]+)/.exec(version)?.[1] ?? version }
  }
}

const deferred = () => {
  const settle = {}
  const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }))
  return { promise, ...settle }
}

/** An authority, a server of 127.0.0.1 and a client: some runtimes trust no server that is its own authority. */
const certificates = async () => {
  const { generate } = createRequire(join(root, "packages/core/package.json"))("selfsigned")
  const authority = await generate([{ name: "commonName", value: "Authority of a test" }], {
    keySize: 2048,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true }
    ]
  })
  const signed = (name, usage) =>
    generate([{ name: "commonName", value: name }], {
      keySize: 2048,
      ca: { key: authority.private, cert: authority.cert },
      extensions: [
        { name: "basicConstraints", cA: false, critical: true },
        { name: "keyUsage", digitalSignature: true, keyEncipherment: true, critical: true },
        { name: "extKeyUsage", ...usage },
        { name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }
      ]
    })
  return {
    authority,
    client: await signed("client", { clientAuth: true }),
    server: await signed("127.0.0.1", { serverAuth: true })
  }
}

/** What differs from the catalogue. */
const faultsOf = ({ results }) =>
  results.flatMap(({ detail, name, ok }) => {
    const reason = runtime.cannot[name]
    if (ok) return reason === undefined ? [] : [`${name}: works, although it is listed as what cannot (${reason})`]
    return reason === undefined ? [`${name}: ${detail}`] : []
  })

const save = (result) => {
  mkdirSync(join(cache, "results"), { recursive: true })
  writeFileSync(join(cache, "results", `${runtime.id}.json`), JSON.stringify(result))
}

// a bound against hanging
const limit = setTimeout(() => {
  console.log(`${runtime.name}: no report after two minutes`)
  process.exit(1)
}, 120_000)

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL")
})

/** Ends what was started, and waits until it writes no more. */
const clear = async () => {
  const running = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
  await Promise.all(running.map((child) =>
    new Promise((resolve) => {
      child.on("exit", resolve)
      child.kill("SIGKILL")
    })
  ))
  // the processes of a browser outlive it for a moment; a file that is left in the system's folder for them harms nobody
  for (let tries = 0; tries < 50; tries++) {
    try {
      rmSync(folder, { recursive: true, force: true })
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

try {
  const obtained = await obtain(runtime)
  if (obtained.absent !== undefined) {
    save({ absent: obtained.absent })
    console.log(`not to be had here: ${runtime.name}, ${obtained.absent}`)
  } else {
    const report = await programs[runtime.program](obtained.path)
    save(report)
    const faults = faultsOf(report)
    for (const fault of faults) console.log(fault)
    const passed = report.results.filter(({ ok }) => ok).length
    console.log(`${report.version}: ${passed} of ${report.results.length} scenarios, ${faults.length} faults`)
    process.exitCode = faults.length === 0 ? 0 : 1
  }
} catch (error) {
  console.log(error.stack)
  process.exitCode = 1
} finally {
  clearTimeout(limit)
  await clear()
}
process.exit()
