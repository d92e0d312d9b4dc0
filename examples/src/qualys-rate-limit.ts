/**
 * What does my subscription admit, and how much of it is left? Asked with one call, and learned without one.
 *
 *     QUALYS_PLATFORM=qg2 QUALYS_USERNAME=... QUALYS_PASSWORD=... tsx examples/src/qualys-rate-limit.ts
 */
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { runMain } from "./runMain.ts"

const program = Effect.gen(function*() {
  // a limiter of one's own shows what it has learned, and may be shared by several clients
  const limiter = yield* RateLimiter.make(QualysQuota.policy)
  const Api = Qualys.layerBasicConfig(
    { platform: Platform.config("QUALYS_PLATFORM"), credential: Qualys.credentialConfig("QUALYS") },
    { rateLimiter: limiter }
  )
  yield* Effect.gen(function*() {
    yield* Console.log(yield* QualysRateLimit.get)
    yield* Effect.flatMap(Qualys.Client, (http) => http.get("/api/2.0/fo/scan/?action=list"))
  }).pipe(Effect.provide(Api))
  for (const { concurrency, key, quotas } of yield* limiter.snapshot) {
    yield* Console.log(key, { concurrency, quotas })
  }
})

runMain(program.pipe(Effect.provide(NodeHttpClient.layerUndici)))
