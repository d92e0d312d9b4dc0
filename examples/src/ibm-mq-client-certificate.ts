/**
 * How do I enter without a password? With a certificate that the HttpClient presents, and whose common name is the user.
 *
 *     MQ_URL=... MQ_CERT=client.pem MQ_KEY=client.key MQ_CA=ca.pem tsx examples/src/ibm-mq-client-certificate.ts
 */
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as MqUser from "@effect-auth/ibm-mq/MqUser"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

const program = Effect.flatMap(MqUser.whoAmI, ({ name, roles }) => Console.log(`${name}: ${roles.join(", ")}`))

const file = (name: string) =>
  Effect.flatMap(
    Config.string(name),
    (path) => Effect.flatMap(FileSystem.FileSystem, (files) => files.readFileString(path))
  )

/** The transport that presents the certificate, and the evidence that it does. */
const Tls = Effect.all({ cert: file("MQ_CERT"), key: file("MQ_KEY"), ca: file("MQ_CA") }).pipe(
  Effect.map((pem) => Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer(pem))),
  Layer.unwrapEffect,
  Layer.merge(Layer.succeed(MutualTls, { subject: Option.none() }))
)

const Mq = IbmMq.layerClientCertificateConfig({ baseUrl: Config.string("MQ_URL") })

program.pipe(
  Effect.provide(Mq),
  Effect.provide(Tls),
  Effect.provide(NodeContext.layer),
  Effect.tapErrorCause((cause) => Console.error(Cause.prettyErrors(cause).map(({ message }) => message).join("\n"))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
