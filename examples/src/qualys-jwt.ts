/**
 * How many assets have I, asked of the gateway, with my own patience? (JWT; renewed a minute before it expires.)
 *
 *     QUALYS_PLATFORM=qg2 QUALYS_USERNAME=... QUALYS_PASSWORD=... tsx examples/src/qualys-jwt.ts
 */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { runMain } from "./runMain.ts"

const Count = Schema.Struct({ count: Schema.Number })

// Works with a JWT or a bearer; with layerBasic it does not compile.
const countAssets = Effect.gen(function*() {
  const http = yield* Qualys.Client
  const { hosts } = yield* Qualys.GatewayAccess
  const { count } = yield* http.post(`${hosts.gateway}/rest/2.0/count/am/asset`).pipe(
    Effect.flatMap(HttpClientResponse.filterStatusOk),
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Count))
  )
  return count
})

const Gateway = Qualys.layerJwtConfig(
  { platform: Platform.config("QUALYS_PLATFORM"), credential: Qualys.credentialConfig("QUALYS") },
  {
    refreshPolicy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.beforeExpiry("1 minute"))),
    rateLimiter: QualysQuota.policy.pipe(
      RateLimitPolicy.waiting(RateLimitPolicy.asStated.pipe(Schedule.upTo("1 hour")))
    )
  }
)

runMain(
  countAssets.pipe(
    Effect.flatMap((count) => Console.log(`${count} assets`)),
    Effect.provide(Gateway),
    Effect.provide(NodeHttpClient.layerUndici)
  )
)
