/**
 * How do processes share a session? Two of them, each with the same layers, ask a Yamcs server who they are every few seconds.
 * One logs in, and one at a time renews the session; kill either of them, or Redis, and see what the other says.
 *
 *     REDIS_URL=redis://localhost:6379 YAMCS_URL=... YAMCS_USERNAME=... YAMCS_PASSWORD=... tsx examples/src/machines/main.ts
 */
import type * as TokenSource from "@effect-auth/core/TokenSource"
import * as RedisClient from "@effect-auth/redis/RedisClient"
import * as RedisTokenStore from "@effect-auth/redis/RedisTokenStore"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Command from "@effect/platform/Command"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { fileURLToPath } from "node:url"
import { runMain } from "../runMain.ts"

const [role] = process.argv.slice(2)

const said = (text: string) => Console.log(`${process.pid}: ${text}`)

const onTokenChange = (change: TokenSource.TokenChange) =>
  said(change._tag === "Obtained" ? `a token, by ${change.provenance}` : change._tag)

const Shared = Yamcs.layerConfig(
  { baseUrl: Config.string("YAMCS_URL"), credential: Yamcs.credentialConfig("YAMCS") },
  { onTokenChange }
).pipe(
  Layer.provide(RedisTokenStore.layer()),
  Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") })),
  Layer.provide(NodeHttpClient.layerUndici)
)

const worker = Yamcs.user.pipe(
  Effect.flatMap(({ name }) => said(name)),
  Effect.repeat(Schedule.spaced("5 seconds")),
  Effect.provide(Shared)
)

const start = Command.make("tsx", fileURLToPath(import.meta.url), "worker").pipe(
  Command.stdout("inherit"),
  Command.stderr("inherit"),
  Command.exitCode
)

const both = Effect.all([start, start], { concurrency: "unbounded", discard: true })

const program = Effect.if(role === "worker", { onTrue: () => Effect.asVoid(worker), onFalse: () => both })

program.pipe(Effect.provide(NodeContext.layer), runMain)
