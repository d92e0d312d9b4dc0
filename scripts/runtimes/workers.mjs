/** Runs the Worker in workerd, and calls it from outside, as clients do. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { project } from "./project.mjs"

/** In the text format of Cap'n Proto. The Worker and its Durable Object may call servers on loopback. */
const config = `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"]))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);

const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-01-01",
  durableObjectNamespaces = [(className = "Session", uniqueKey = "session")],
  durableObjectStorage = (inMemory = void),
  bindings = [(name = "SESSION", durableObjectNamespace = "Session")]
);
`

export const run = async ({ origin, path, start }) => {
  const file = join(project, "bundles/config.capnp")
  writeFileSync(file, config)
  const child = start(path, ["serve", "--control-fd=3", file], { stdio: ["ignore", "pipe", "pipe", "pipe"] })
  const said = { text: "" }
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => said.text += text)
  const port = await new Promise((resolve, reject) => {
    child.stdio[3].setEncoding("utf8").on("data", (text) => {
      for (const line of text.split("\n").filter((line) => line !== "")) {
        const { event, port } = JSON.parse(line)
        if (event === "listen") resolve(port)
      }
    })
    child.on("close", () => reject(new Error(`workerd ended:\n${said.text}`)))
  })
  const results = []
  for (const [name, scenario] of Object.entries(scenarios(`http://127.0.0.1:${port}`, origin))) {
    const detail = await scenario().then(() => undefined, (error) => error.message)
    results.push({ name, ok: detail === undefined, detail })
  }
  return { version: /\d[\d.-]*\d/.exec(await versionOf(path, start))?.[0], results }
}

const versionOf = (path, start) => {
  const child = start(path, ["--version"])
  return new Promise((resolve) => child.stdout.setEncoding("utf8").on("data", resolve))
}

const scenarios = (worker, origin) => {
  const json = async (response) => (await response).json()
  const newServer = (settings) => json(fetch(`${origin}/new?${new URLSearchParams(settings)}`))
  const stats = ({ baseUrl }) => json(fetch(`${baseUrl}/-/stats`))
  const call = (path, server, signal) =>
    json(fetch(`${worker}${path}`, { method: "POST", body: JSON.stringify(server), signal }))
  const portable = (name) => async () =>
    succeeds(await json(fetch(`${worker}/scenario?${new URLSearchParams({ name, origin })}`)))

  return {
    login: portable("login"),
    refresh: portable("refresh"),
    "401 replay": portable("401 replay"),
    "proof of possession": portable("proof of possession"),
    "quota wait": portable("quota wait"),

    "one store for the layers of all requests": async () => {
      const server = await newServer()
      for (const _ of [1, 2, 3]) succeeds(await call("/stored", server))
      equals("logins", (await stats(server)).logins, 1)
    },

    "a client that goes away during a login keeps nobody waiting": async () => {
      const server = await newServer({ delay: 1 })
      const leaving = new AbortController()
      // the store of the scenario before holds a token of another server, which this one refuses
      const left = call("/stored", server, leaving.signal).catch(() => undefined)
      await pause(300)
      leaving.abort()
      await left
      const started = Date.now()
      succeeds(await call("/stored", server))
      if (Date.now() - started > 15_000) throw new Error("the next request waited for it")
    },

    "one session for all requests is refused": async () => {
      const server = await newServer({ delay: 1 })
      const first = call("/shared-session", server)
      await pause(300)
      fails(await call("/shared-session", server), "the token source belongs to another request")
      succeeds(await first)
      fails(await call("/shared-session", server), "the token source belongs to another request")
    },

    "one rate limiter for all requests is refused": async () => {
      const server = await newServer()
      await call("/shared-limiter", server)
      fails(await call("/shared-limiter", server), "the rate limiter belongs to another request")
    },

    "one session in a Durable Object": async () => {
      const server = await newServer({ delay: 1 })
      for (const result of await Promise.all([1, 2, 3].map(() => call("/object", server)))) succeeds(result)
      equals("logins", (await stats(server)).logins, 1)
    }
  }
}

const succeeds = ({ detail, ok }) => {
  if (!ok) throw new Error(detail)
}

const fails = ({ detail, ok }, sentence) => {
  if (ok || !detail.includes(sentence)) throw new Error(ok ? `it succeeded, without "${sentence}"` : detail)
}

const equals = (what, actual, expected) => {
  if (actual !== expected) throw new Error(`${what}: ${actual} instead of ${expected}`)
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
