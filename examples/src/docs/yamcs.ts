/** Yamcs: a call and its failure, a service account, and a session that is kept alive. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import { HttpClientResponse } from "@effect/platform"
import { Config, ConfigProvider, Effect, Redacted, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region layer
const Ops = Yamcs.layerConfig({
  baseUrl: Config.string("YAMCS_URL"), // https://yamcs.example/ops, or localhost:8090
  credential: Yamcs.credentialConfig("YAMCS") // YAMCS_USERNAME and YAMCS_PASSWORD, or one of the others
})
// #endregion

// #region call
const Instances = Schema.Struct({ instances: Schema.Array(Schema.Struct({ name: Schema.String })) })

export const instances = Effect.gen(function*() {
  const http = yield* Yamcs.Client
  const response = yield* http.get("/api/instances").pipe(YamcsError.filterStatusOk)
  return (yield* HttpClientResponse.schemaBodyJson(Instances)(response)).instances
}).pipe(
  // 403: these privileges do not suffice
  Effect.catchTag("YamcsError", (error) => error.status === 403 ? Effect.succeed([]) : Effect.fail(error))
)
// #endregion

// #region account
const Service = Yamcs.layerServiceAccountConfig({
  baseUrl: Config.string("YAMCS_URL"),
  // YAMCS_CLIENT_ID, YAMCS_CLIENT_SECRET, and in YAMCS_BECOME the account to act as
  credential: YamcsCredential.serviceAccountConfig("YAMCS")
})
// #endregion

// #region alive
export const Display = Yamcs.layerPassword({
  baseUrl: "https://yamcs.example",
  credential: { username: "operator", password: Redacted.make("canary-password-yamcs") },
  refreshPolicy: Yamcs.refreshPolicy.pipe(RefreshPolicy.keepAlive(true))
})
// #endregion

const { password, serviceAccount, username } = FakeYamcs.canaries

const environment = (variables: ReadonlyArray<readonly [string, string]>) =>
  Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["YAMCS_URL", "https://yamcs.example"], ...variables])))

export const test = Effect.gen(function*() {
  const operator = yield* Effect.zip(Yamcs.user, instances).pipe(
    Effect.provide(Ops),
    environment([["YAMCS_USERNAME", username], ["YAMCS_PASSWORD", password]])
  )
  const scheduler = yield* Yamcs.user.pipe(
    Effect.provide(Service),
    environment([
      ["YAMCS_CLIENT_ID", serviceAccount.applicationId],
      ["YAMCS_CLIENT_SECRET", serviceAccount.applicationSecret],
      ["YAMCS_BECOME", username]
    ])
  )
  deepStrictEqual([operator[0].name, operator[1].map(({ name }) => name), scheduler.name], [
    "operator",
    ["simulator"],
    "operator"
  ])
  deepStrictEqual((yield* Effect.provide(Yamcs.user, Display)).name, "operator")
}).pipe(Effect.provide(FakeYamcs.layer()))
