/**
 * The quick start: list the queue managers of an IBM MQ server.
 *
 *     MQ_URL=https://mq.example:9443/ibmmq/rest/v3 MQ_USERNAME=reader MQ_PASSWORD=... tsx examples/src/quick-start.ts
 */
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

// A program says what it needs, not how it is proved.
const program = Effect.gen(function*() {
  const http = yield* IbmMq.Client
  const response = yield* http.get("/admin/qmgr") // relative to the client's base URL
  yield* Console.log(yield* response.json)
})

// The mode is a Layer; swapping it is one line: layerLtpaConfig logs in once, layerBasicConfig sends the password always.
const Mq = IbmMq.layerLtpaConfig({ baseUrl: Config.string("MQ_URL"), credential: IbmMq.credentialConfig("MQ") })

runMain(program.pipe(Effect.provide(Mq), Effect.provide(NodeHttpClient.layerUndici)))
