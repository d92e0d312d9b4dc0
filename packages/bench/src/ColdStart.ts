/**
 * A command that goes on with a stored session and makes one call: from the start of its process to the answer, beside
 * the same command with other libraries, and by hand.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { compile, home } from "./Bundle.ts"
import type { Session } from "./cli/settings.ts"
import { spread } from "./Measure.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

const rounds = 9

const commands: Readonly<Record<string, string>> = {
  ours: "effect-auth: FileTokenStore, refresh token",
  effect: "by hand on Effect: reads the file, renews nothing",
  fetch: "by hand on fetch: reads the file, renews nothing",
  openid: "openid-client, the file by hand",
  google: "google-auth-library, the file by hand",
  mcp: "@modelcontextprotocol/sdk, the file by hand",
  msal: "@azure/msal-node, its cache"
}

const names = Object.keys(commands)

const outdir = `${home}.cache/cli`

/** With what it imports found where it was installed, and all in one file. */
type Form = "installed" | "bundled"

const forms: ReadonlyArray<Form> = ["installed", "bundled"]

const measure = async (): Promise<Result> => {
  const entries = Object.fromEntries(names.map((name) => [name, `${home}src/cli/${name}.ts`]))
  await compile(entries, `${outdir}/installed`)
  await compile(entries, `${outdir}/bundled`, { whole: true, minify: true })
  const directory = await mkdtemp(join(tmpdir(), "effect-auth-cli-"))
  await mkdir(directory, { recursive: true })
  const session: Session = {
    access_token: "canary-token",
    refresh_token: "canary-refresh",
    expires_at: Date.now() + 36_000_000
  }
  await writeFile(join(directory, "session.json"), JSON.stringify(session))
  const exchanges = { count: 0 }
  const server = createServer((request, response) => {
    const isExchange = request.url === "/token"
    if (isExchange) exchanges.count++
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(
      isExchange ? { access_token: "canary-token", token_type: "Bearer", expires_in: 36_000 } : { id: 1 }
    ))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const env = { ...process.env, BENCH_ORIGIN: `http://127.0.0.1:${port}`, BENCH_DIRECTORY: directory }
  const start = async (name: string, form: Form): Promise<number> => {
    const begun = performance.now()
    const { stdout } = await promisify(execFile)(process.execPath, [`${outdir}/${form}/${name}.js`], { env })
    if (stdout !== "{\"id\":1}") throw new Error(`${name} printed ${stdout}`)
    return performance.now() - begun
  }
  const samples: Record<string, Array<number>> = {}
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const name of round % 2 === 0 ? names : names.toReversed()) {
        for (const form of forms) {
          const millis = await start(name, form)
          // the first logs in, and reads its files from the disk
          if (round > 0) samples[`${name} ${form}`] = [...samples[`${name} ${form}`] ?? [], millis]
        }
      }
    }
  } finally {
    server.close()
    await rm(directory, { recursive: true, force: true })
  }
  if (exchanges.count !== 1) throw new Error(`there were ${exchanges.count} exchanges, not 1`)
  const of = (name: string, form: Form): ReadonlyArray<number> => samples[`${name} ${form}`] ?? []
  const over = (form: Form): number =>
    spread(of("ours", form).map((millis, round) => millis / (of("effect", form)[round] ?? NaN))).median
  return {
    title: "a command that goes on with a stored session, from the start of its process to its end",
    columns: ["with", "ms, installed (quartiles)", "ms, bundled (quartiles)"],
    rows: names.map((name): ReadonlyArray<Cell> => [
      commands[name] ?? name,
      spread(of(name, "installed")),
      spread(of(name, "bundled"))
    ]),
    goals: [
      atMost("over the same by hand on Effect, installed", over("installed"), 1.5),
      atMost("over the same by hand on Effect, bundled", over("bundled"), 1.5)
    ],
    notes: [
      `${rounds} rounds in turn, after one in which each logs in that has to. The answer comes over loopback.`,
      "Installed: what a command imports is found in its own file. Bundled: all is in one file, minified by esbuild."
    ]
  }
}

export const run: Effect.Effect<Result> = Effect.promise(measure)
