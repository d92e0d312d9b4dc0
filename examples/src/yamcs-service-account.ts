/**
 * How does a service act for one of its users? As a service account that becomes another account.
 *
 *     YAMCS_URL=... YAMCS_CLIENT_ID=... YAMCS_CLIENT_SECRET=... YAMCS_BECOME=operator tsx examples/src/yamcs-service-account.ts
 */
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { serviceAccountConfig } from "@effect-auth/yamcs/YamcsCredential"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const program = Effect.flatMap(Yamcs.user, ({ name }) => Console.log(`Yamcs takes this program for ${name}`))

const Service = Yamcs.layerConfig({ baseUrl: Config.string("YAMCS_URL"), credential: serviceAccountConfig("YAMCS") })

program.pipe(
  Effect.provide(Service),
  Effect.provide(NodeHttpClient.layerUndici),
  runMain
)
