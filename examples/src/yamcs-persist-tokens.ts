/**
 * How do I keep a session from one run to the next? With a store, from which the next run continues without a login. To
 * send tokens somewhere else, `onTokenChange` runs with every change.
 *
 *     YAMCS_URL=... YAMCS_USERNAME=... YAMCS_PASSWORD=... tsx examples/src/yamcs-persist-tokens.ts ~/.cache/yamcs
 */
import type * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStores from "@effect-auth/core/TokenStores"
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
  Console.log(change._tag === "Obtained" ? `a token, by ${change.provenance}` : change._tag)

// every session mode takes its store from TokenStores, under its own server and account
const Kept = Yamcs.layerConfig(
  { baseUrl: Config.string("YAMCS_URL"), credential: Yamcs.credentialConfig("YAMCS") },
  { onTokenChange }
).pipe(Layer.provide(TokenStores.layerKeyValueStore()))

program.pipe(
  Effect.provide(Kept),
  // in the clear: a directory that only this user may read
  Effect.provide(NodeKeyValueStore.layerFileSystem(directory)),
  Effect.provide(NodeHttpClient.layerUndici),
  runMain
)
