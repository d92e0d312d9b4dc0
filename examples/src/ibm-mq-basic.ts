/**
 * How do I run an MQSC command, and tell "refused", "not permitted" and "failed" apart? (Basic; layerLtpaConfig or
 * layerClientCertificateConfig in its place changes nothing else.)
 *
 *     MQ_URL=... MQ_USERNAME=... MQ_PASSWORD=... tsx examples/src/ibm-mq-basic.ts QM1 "DISPLAY QLOCAL(*)"
 */
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Mqsc from "@effect-auth/ibm-mq/Mqsc"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const [qmgr = "QM1", command = "DISPLAY QMGR"] = process.argv.slice(2)

const program = Mqsc.runMqsc({ qmgr, command }).pipe(
  Effect.flatMap(({ responses }) => Effect.forEach(responses, ({ text }) => Console.log(text.join("\n")))),
  Effect.tapErrorTag("CredentialsRejected", () => Console.error("Check MQ_USERNAME and MQ_PASSWORD.")),
  Effect.tapErrorTag("MqNotAuthorized", () => Console.error("Ask for the role MQWebAdmin, or only DISPLAY.")),
  Effect.tapErrorTag(
    "MqCommandFailed",
    ({ problems }) =>
      Effect.forEach(problems, ({ message, reasonCode }) => Console.error(`reason ${reasonCode}: ${message}`))
  )
)

const Mq = IbmMq.layerBasicConfig({ baseUrl: Config.string("MQ_URL"), credential: IbmMq.credentialConfig("MQ") })

runMain(program.pipe(Effect.provide(Mq), Effect.provide(NodeHttpClient.layerUndici)))
