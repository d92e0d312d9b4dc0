/**
 * How do I enter without a password? With a certificate that the HttpClient presents, and whose common name is the user.
 *
 *     MQ_URL=... MQ_CERTIFICATE_FILE=client.pem MQ_KEY_FILE=client.key MQ_CA_FILE=ca.pem \
 *     tsx examples/src/ibm-mq-client-certificate.ts
 */
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as MqUser from "@effect-auth/ibm-mq/MqUser"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const program = Effect.flatMap(MqUser.whoAmI, ({ name, roles }) => Console.log(`${name}: ${roles.join(", ")}`))

// the mode requires a transport with a certificate: without the second line this does not compile
const Mq = IbmMq.layerClientCertificateConfig({ baseUrl: Config.string("MQ_URL") })
const Tls = ClientCertificate.layerUndiciConfig({ credential: Certificate.config("MQ") })

runMain(program.pipe(Effect.provide(Mq), Effect.provide(Tls)))
