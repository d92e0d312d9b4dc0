/**
 * How do I keep a session from one run to the next? With a store, which the next run takes up without a login. Where
 * tokens are to go somewhere else on every change, `onTokenChange` tells of each.
 *
 *     YAMCS_URL=... YAMCS_USERNAME=... YAMCS_PASSWORD=... tsx examples/src/yamcs-persist-tokens.ts ~/.cache/yamcs
 */
import type * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeKeyValueStore from "@effect/platform-node/NodeKeyValueStore"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { runMain } from "./runMain.ts"

const [directory = ".cache/yamcs"] = process.argv.slice(2)

const program = Effect.flatMap(Yamcs.user, ({ name }) => Console.log(name))

const onTokenChange = (change: TokenSource.TokenChange) =>
  Console.log(change._tag === "Obtained" ? `a token, by ${change.origin}` : change._tag)

const Kept = Layer.unwrapEffect(Effect.map(
  TokenStore.makeKeyValueStore({ key: "session" }),
  (store) =>
    Yamcs.layerConfig({
      baseUrl: Config.string("YAMCS_URL"),
      credential: Yamcs.credentialConfig("YAMCS"),
      store: Config.succeed(store),
      onTokenChange: Config.succeed(onTokenChange)
    })
))

program.pipe(
  Effect.provide(Kept),
  // in the clear: a directory that only this user may read
  Effect.provide(NodeKeyValueStore.layerFileSystem(directory)),
  Effect.provide(NodeHttpClient.layerUndici),
  runMain
)
