/**
 * Who does mqweb take me for, and which queue managers may I see? With one login for both questions (LTPA).
 *
 *     MQ_URL=https://mq.example:9443/ibmmq/rest/v3 MQ_USERNAME=reader MQ_PASSWORD=... tsx examples/src/ibm-mq-ltpa.ts
 */
import { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as MqUser from "@effect-auth/ibm-mq/MqUser"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { runMain } from "./runMain.ts"

const QueueManagers = Schema.Struct({
  qmgr: Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String }))
})

const program = Effect.gen(function*() {
  const { name, roles } = yield* MqUser.whoAmI
  yield* Console.log(`${name}: ${roles.join(", ")}`)
  const http = yield* AuthenticatedHttpClient
  const { qmgr } = yield* http.get("/admin/qmgr").pipe(
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(QueueManagers))
  )
  yield* Effect.forEach(qmgr, ({ name, state }) => Console.log(`${name} ${state}`))
})

const Mq = IbmMq.layerLtpaConfig({ baseUrl: Config.string("MQ_URL"), credential: IbmMq.credentialConfig("MQ") })

runMain(program.pipe(Effect.provide(Mq), Effect.provide(NodeHttpClient.layerUndici)))
