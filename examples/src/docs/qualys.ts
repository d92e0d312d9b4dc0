/** Qualys: a call and its failure, the gateway, and what the subscription admits. */
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import { ConfigProvider, Effect } from "effect"
import { deepStrictEqual } from "node:assert"

// #region layer
const Api = Qualys.layerBasicConfig({
  platform: Platform.config("QUALYS_PLATFORM"), // qg2, eu1, ...
  credential: Qualys.credentialConfig("QUALYS") // QUALYS_USERNAME and QUALYS_PASSWORD
})
// #endregion

// #region call
export const scans = Effect.gen(function*() {
  const http = yield* Qualys.Client
  const response = yield* http.get("/api/2.0/fo/scan/?action=list").pipe(Effect.flatMap(QualysError.check))
  return yield* response.text // XML
})
// #endregion

// #region gateway
const Gateway = Qualys.layerJwtConfig({
  platform: Platform.config("QUALYS_PLATFORM"),
  credential: Qualys.credentialConfig("QUALYS")
})

// needs a mode that reaches the gateway: with Api it does not compile
export const countAssets = Effect.gen(function*() {
  const http = yield* Qualys.Client
  const { hosts } = yield* Qualys.GatewayAccess
  const response = yield* http.post(`${hosts.gateway}/rest/2.0/count/am/asset`)
  return response.status
})
// #endregion

// #region quota
export const admitted = Effect.map(QualysRateLimit.get, (quota) => quota["X-RateLimit-Limit"])
// #endregion

export const test = Effect.gen(function*() {
  yield* Effect.provide(scans, Api)
  deepStrictEqual(yield* Effect.provide(countAssets, Gateway), 200)
  deepStrictEqual(yield* Effect.provide(admitted, Gateway), 300)
}).pipe(
  Effect.provide(FakeQualys.layer()),
  Effect.withConfigProvider(ConfigProvider.fromMap(
    new Map([
      ["QUALYS_PLATFORM", "qg2"],
      ["QUALYS_USERNAME", FakeQualys.canaries.username],
      ["QUALYS_PASSWORD", FakeQualys.canaries.password]
    ])
  ))
)
