/**
 * Runs one benchmark in a process of its own, so that none meets code that another has warmed up or deoptimised.
 */
import * as Effect from "effect/Effect"
import type { Result } from "./Report.ts"
import { render } from "./Report.ts"

const benchmarks: Record<string, () => Promise<{ readonly run: Effect.Effect<Result, unknown> }>> = {
  overhead: () => import("./Overhead.ts"),
  overheadAlone: () => import("./OverheadAlone.ts"),
  loopback: () => import("./Loopback.ts"),
  stampede: () => import("./Stampede.ts"),
  waiters: () => import("./Waiters.ts"),
  revocation: () => import("./Revocation.ts"),
  quota: () => import("./Quota.ts"),
  quotaCost: () => import("./QuotaCost.ts"),
  principals: () => import("./Principals.ts"),
  machines: () => import("./Machines.ts"),
  sockets: () => import("./Sockets.ts"),
  keys: () => import("./Keys.ts"),
  parsers: () => import("./Parsers.ts"),
  memory: () => import("./Memory.ts"),
  exchange: () => import("./OAuthExchange.ts"),
  dpop: () => import("./Dpop.ts"),
  coldStart: () => import("./ColdStart.ts"),
  sizes: () => import("./Sizes.ts"),
  import: () => import("./Import.ts")
}

const name = process.argv[2] ?? ""
const load = benchmarks[name]
if (load === undefined) throw new Error(`no such benchmark: ${name}`)
const { run } = await load()
const result = await Effect.runPromise(run)
if (process.send !== undefined) process.send(result, () => process.exit())
// started by hand, under a profiler for instance
else console.log(render(name, result))
