/** The first program, with the settings of a real server. */
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Config, ConfigProvider, Console, Effect } from "effect"
import { deepStrictEqual } from "node:assert"
import { queueManagers } from "./program.ts"

// #region real
const Mq = IbmMq.layerLtpaConfig({
  baseUrl: Config.string("MQ_URL"), // https://mq.example:9443/ibmmq/rest/v3
  credential: IbmMq.credentialConfig("MQ") // MQ_USERNAME and MQ_PASSWORD
})
// #endregion

export const main = () =>
  // #region real
  queueManagers.pipe(
    Effect.flatMap(Console.log),
    Effect.provide(Mq),
    Effect.provide(NodeHttpClient.layerUndici),
    NodeRuntime.runMain
  )
// #endregion

export const test = queueManagers.pipe(
  Effect.map((answer) => deepStrictEqual(answer, { qmgr: [{ name: "QM1", state: "running" }] })),
  Effect.provide(Mq),
  Effect.provide(FakeMqweb.layer()),
  Effect.withConfigProvider(ConfigProvider.fromMap(
    new Map([
      ["MQ_URL", "https://mq.example:9443/ibmmq/rest/v3"],
      ["MQ_USERNAME", "mqadmin"],
      ["MQ_PASSWORD", "canary-password-mq"]
    ])
  ))
)
