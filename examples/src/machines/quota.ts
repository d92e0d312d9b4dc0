/**
 * How do processes share a quota? Two of them, each with the same layers, call an API as fast as its quota lets them. Together
 * they stay within it; kill either of them, or Redis, and see what the other says.
 *
 *     REDIS_URL=redis://localhost:6379 API_URL=https://... tsx examples/src/machines/quota.ts
 */
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitEvent from "@effect-auth/rate-limit/RateLimitEvent"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as RedisClient from "@effect-auth/redis/RedisClient"
import * as RedisRateLimiter from "@effect-auth/redis/RedisRateLimiter"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Command from "@effect/platform/Command"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { fileURLToPath } from "node:url"
import { runMain } from "../runMain.ts"

const [role] = process.argv.slice(2)

const said = (text: string) => Console.log(`${process.pid}: ${text}`)

const policy = RateLimitPolicy.default.pipe(RateLimitPolicy.key(RateLimitPolicy.byOrigin))

const Shared = RedisRateLimiter.layer(policy, { key: "example" }).pipe(
  Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") })),
  Layer.merge(NodeHttpClient.layerUndici)
)

const worker = Effect.gen(function*() {
  const url = yield* Config.string("API_URL")
  const limiter = yield* RateLimiter.CurrentRateLimiter
  const http = (yield* HttpClient.HttpClient).pipe(RateLimiter.withRateLimiter(limiter))
  yield* Effect.fork(Stream.runForEach(limiter.events, (event) => said(RateLimitEvent.format(event))))
  yield* Effect.forEach(
    Array.from({ length: 1000 }),
    () => Effect.flatMap(http.get(url), ({ status }) => said(`answered ${status}`)),
    { concurrency: 16, discard: true }
  )
}).pipe(Effect.provide(Shared))

const start = Command.make("tsx", fileURLToPath(import.meta.url), "worker").pipe(
  Command.stdout("inherit"),
  Command.stderr("inherit"),
  Command.exitCode
)

const both = Effect.all([start, start], { concurrency: "unbounded", discard: true })

const program = Effect.if(role === "worker", { onTrue: () => Effect.asVoid(worker), onFalse: () => both })

program.pipe(Effect.provide(NodeContext.layer), runMain)
