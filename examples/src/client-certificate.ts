/**
 * Mutual TLS from the environment: a client certificate, and a password beside it if the server asks for one. The files
 * may be renewed while this runs.
 *
 *   ACME_URL=https://acme.example ACME_CERTIFICATE_FILE=client.pem ACME_KEY_FILE=client.key \
 *   ACME_USERNAME=reader ACME_PASSWORD=... npx tsx examples/src/client-certificate.ts
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as Credential from "@effect-auth/core/Credential"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as System from "@effect-auth/core/System"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { runMain } from "./runMain.ts"

// the transport: it presents the certificate, reloads it, and warns before it expires
const Transport = ClientCertificate.layerUndiciConfig({ credential: Certificate.config("ACME") })

// what travels inside: here HTTP Basic; a mode of a vendor package takes this place as well
const Acme = System.layerConfig(
  { baseUrl: Config.string("ACME_URL"), credential: Credential.basicConfig("ACME") },
  ({ baseUrl, credential }) => AuthenticatedHttpClient.layer(Authenticator.basic(credential), { baseUrl })
)

// the requirement of MutualTls makes it a type error to forget the certificate
const program = Effect.gen(function*() {
  const { subject } = yield* MutualTls
  const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
  const response = yield* http.get("/")
  yield* Console.log(`${Option.getOrElse(subject, () => "a certificate without a subject")}: HTTP ${response.status}`)
})

runMain(program.pipe(Effect.provide(Layer.provideMerge(Acme, Transport))))
