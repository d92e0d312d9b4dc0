/**
 * Which scans ran, and how do I notice that Qualys said no? (Basic; layerSessionConfig in its place changes nothing else.)
 *
 *     QUALYS_PLATFORM=qg2 QUALYS_USERNAME=... QUALYS_PASSWORD=... tsx examples/src/qualys-basic.ts
 */
import { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const listScans = Effect.gen(function*() {
  const http = yield* AuthenticatedHttpClient
  const { hosts } = yield* Qualys.ApiAccess
  const response = yield* http.get(`${hosts.api}/api/2.0/fo/scan/?action=list`).pipe(
    Effect.flatMap(QualysError.check), // a refusal may come with status 200
    Effect.flatMap(HttpClientResponse.filterStatusOk)
  )
  return yield* response.text
})

const Api = Qualys.layerBasicConfig({
  platform: Platform.config("QUALYS_PLATFORM"),
  credential: Qualys.credentialConfig("QUALYS")
})

runMain(
  listScans.pipe(
    Effect.flatMap(Console.log),
    Effect.provide(Api),
    Effect.provide(NodeHttpClient.layerUndici)
  )
)
