/**
 * Who does Yamcs take me for, after I have logged in with my browser? At the OpenID provider of the server if it has one,
 * and else at its own page. The next run goes on with the session, in a file that only its owner can read.
 *
 *     YAMCS_URL=localhost:8090 tsx examples/src/yamcs-open-id.ts
 */
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as TerminalLogin from "@effect-auth/node/TerminalLogin"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const Ops = Yamcs.layerOpenIdConfig({
  baseUrl: Config.string("YAMCS_URL"),
  credential: YamcsCredential.openIdConfig("YAMCS") // YAMCS_ACCOUNT and YAMCS_ISSUER, if they are set
})

const program = Effect.flatMap(Yamcs.user, ({ name }) => Console.log(name))

program.pipe(
  Effect.provide(Ops),
  Effect.provide(TerminalLogin.layer),
  Effect.provide(FileTokenStore.layer({ directory: ".sessions" })),
  Effect.provide(NodeHttpClient.layerUndici),
  runMain
)
