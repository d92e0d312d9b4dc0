/** IBM MQ: a call, a command and its failure, and the transport to a server that signs its own certificate. */
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as MqError from "@effect-auth/ibm-mq/MqError"
import * as Mqsc from "@effect-auth/ibm-mq/Mqsc"
import * as MqUser from "@effect-auth/ibm-mq/MqUser"
import * as Tls from "@effect-auth/node/Tls"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import { HttpClientResponse } from "@effect/platform"
import { Config, ConfigProvider, Effect, Layer, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region call
const QueueManagers = Schema.Struct({
  qmgr: Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String }))
})

export const queueManagers = Effect.gen(function*() {
  const http = yield* IbmMq.Client
  const response = yield* http.get("/admin/qmgr")
  if (response.status !== 200) return yield* Effect.flatMap(MqError.fromResponse(response), Effect.fail)
  return (yield* HttpClientResponse.schemaBodyJson(QueueManagers)(response)).qmgr
})
// #endregion

// #region layer
const Mq = IbmMq.layerLtpaConfig({
  baseUrl: Config.string("MQ_URL"), // https://HOST:9443/ibmmq/rest/v3
  credential: IbmMq.credentialConfig("MQ") // MQ_USERNAME and MQ_PASSWORD
})
// #endregion

// #region mqsc
export const queues = (name: string) =>
  Mqsc.runMqscJson({ qmgr: "QM1", command: "display", qualifier: "qlocal", name }).pipe(
    Effect.map(({ responses }) => responses.map(({ parameters }) => parameters["queue"])),
    // 2085: there is no such queue
    Effect.catchTag(
      "MqCommandFailed",
      (error) => error.problems.some(({ reasonCode }) => reasonCode === 2085) ? Effect.succeed([]) : Effect.fail(error)
    )
  )
// #endregion

// #region tls
// MQ_CA_FILE, MQ_SERVER_NAME, HTTPS_PROXY and NO_PROXY, each if it is set
export const Trusted = Mq.pipe(Layer.provide(Tls.layerUndiciConfig(Tls.config("MQ"))))
// #endregion

export const test = Effect.gen(function*() {
  deepStrictEqual(yield* queueManagers, [{ name: "QM1", state: "running" }])
  deepStrictEqual((yield* MqUser.whoAmI).name, "mqadmin")
  deepStrictEqual([yield* queues("DEV.QUEUE.1"), yield* queues("NO.QUEUE")], [["DEV.QUEUE.1"], []])
}).pipe(
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
