/**
 * Which files of the library a GET runs code of once its client holds a fresh token, as V8 counts it in a second request.
 * These are the files to read for what becomes of a request, so they are limited. The transport is one that never follows
 * redirects, and its answer states no quota.
 *
 *     tsx scripts/getPath.mjs
 */
import * as Effect from "effect/Effect"
import { Session } from "node:inspector/promises"
import { relative } from "node:path"
import { argv } from "node:process"
import { fileURLToPath } from "node:url"
import * as AuthenticatedHttpClient from "../packages/core/src/AuthenticatedHttpClient.ts"
import * as Authenticator from "../packages/core/src/Authenticator.ts"
import * as Token from "../packages/core/src/Token.ts"
import * as TokenSource from "../packages/core/src/TokenSource.ts"
import * as Transport from "../packages/core/src/Transport.ts"
import * as RateLimiter from "../packages/rate-limit/src/RateLimiter.ts"
import * as RateLimitPolicy from "../packages/rate-limit/src/RateLimitPolicy.ts"
import * as ScriptedHttpClient from "../packages/testing/src/ScriptedHttpClient.ts"
import { root } from "./workspace.mjs"

const clients = [
  { name: "without a limiter", limiter: Effect.succeed(undefined), most: 10 },
  { name: "with a limiter", limiter: RateLimiter.make(RateLimitPolicy.default), most: 16 }
]

/**
 * The files of the library of which something was run.
 *
 * @param {ReadonlyArray<import("node:inspector").Profiler.ScriptCoverage>} scripts
 * @returns {ReadonlyArray<string>}
 */
export const filesRun = (scripts, workspace = root) =>
  scripts
    .filter(({ functions, url }) => url.startsWith("file:") && functions.some(({ ranges: [{ count }] }) => count > 0))
    .map(({ url }) => relative(workspace, fileURLToPath(url)).replaceAll("\\", "/"))
    .filter((path) => /^packages\/(core|rate-limit)\/src\//.test(path))

const count = (session, client) =>
  Effect.gen(function*() {
    yield* Effect.promise(() => session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true }))
    // what was run so far is not counted
    yield* Effect.promise(() => session.post("Profiler.takePreciseCoverage"))
    yield* client.get("/things")
    const { result } = yield* Effect.promise(() => session.post("Profiler.takePreciseCoverage"))
    yield* Effect.promise(() => session.post("Profiler.stopPreciseCoverage"))
    return filesRun(result)
  })

const measure = (session, limiter) =>
  Effect.gen(function*() {
    Transport.withoutRedirects(yield* ScriptedHttpClient.ScriptedHttpClient)
    const tokens = yield* TokenSource.make({ login: Token.make({ value: "canary-token", lifetime: "1 hour" }) })
    const client = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
      baseUrl: "https://api.example",
      rateLimiter: yield* limiter
    })
    yield* client.get("/things")
    return yield* count(session, client)
  }).pipe(Effect.provide(ScriptedHttpClient.layer({})), Effect.scoped, Effect.runPromise)

if (argv[1] === fileURLToPath(import.meta.url)) {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  const faults = []
  for (const { limiter, most, name } of clients) {
    const files = await measure(session, limiter)
    console.log(`${name}: ${files.length} files, at most ${most}`)
    for (const path of files) console.log(`  ${path}`)
    if (files.length > most) faults.push(`a GET ${name} runs code of ${files.length - most} files more than it may`)
  }
  session.disconnect()
  for (const fault of faults) console.log(fault)
  console.log(`${clients.length} clients, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}
