/**
 * How do I let a stored credential choose the mode? (QUALYS_CREDENTIAL is the JSON that qualysdk writes.)
 *
 *     QUALYS_CREDENTIAL='{"username":"...","password":"...","auth_type":"token","platform":"qg2"}' \
 *       tsx examples/src/qualys-credential.ts
 */
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysCredential from "@effect-auth/qualys/QualysCredential"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const ping = Effect.gen(function*() {
  const http = yield* Qualys.Client
  const { hosts, mode } = yield* Qualys.GatewayAccess
  const { status } = yield* http.post(`${hosts.gateway}/rest/2.0/count/am/asset`)
  return `${mode}: the gateway answers ${status}`
})

const program = Effect.gen(function*() {
  const credential = yield* QualysCredential.config("QUALYS_CREDENTIAL")
  yield* Console.log(QualysCredential.toJson(credential, { pretty: true })) // without its secrets
  // with "auth_type":"basic" this fails before anything is sent: "expected Qualys/Jwt or Qualys/Bearer, got Qualys/Basic"
  const answer = yield* Qualys.requireGateway(ping).pipe(Effect.provide(Qualys.layer({ credential })))
  yield* Console.log(answer)
})

runMain(program.pipe(Effect.provide(NodeHttpClient.layerUndici)))
