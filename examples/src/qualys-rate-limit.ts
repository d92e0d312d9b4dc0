/**
 * What does my subscription admit, and how much of it is left? Asked with one call, and learned without one.
 *
 *     QUALYS_PLATFORM=qg2 QUALYS_USERNAME=... QUALYS_PASSWORD=... tsx examples/src/qualys-rate-limit.ts
 */
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const program = Effect.gen(function*() {
  const platform = yield* Platform.config("QUALYS_PLATFORM")
  const credential = yield* Qualys.credentialConfig("QUALYS")
  yield* Console.log(yield* QualysRateLimit.get({ platform, credential }))

  // a governor of one's own tells what it has learned, and may be shared by several clients
  const governor = yield* RateLimit.make(Qualys.limits)
  const http = yield* Qualys.makeBasic({ platform, credential, limits: governor })
  yield* http.get("/api/2.0/fo/scan/?action=list")
  for (const { concurrency, key, quotas } of yield* governor.snapshot) {
    yield* Console.log(key, { concurrency, quotas })
  }
})

runMain(program.pipe(Effect.provide(NodeHttpClient.layerUndici)))
