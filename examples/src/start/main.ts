import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Redacted } from "effect"
import { queueManagers } from "./program.ts"

// how it is authenticated: one login, then a cookie; another mode is another layer
const Mq = IbmMq.layerLtpa({
  baseUrl: "https://mq.example:9443/ibmmq/rest/v3",
  credential: { username: "mqadmin", password: Redacted.make("canary-password-mq") }
})

queueManagers.pipe(
  Effect.flatMap(Console.log),
  Effect.provide(Mq),
  Effect.provide(FakeMqweb.layer()), // the transport: here a fake server in memory
  NodeRuntime.runMain
)
