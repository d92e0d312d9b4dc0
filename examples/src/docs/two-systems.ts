/** IBM MQ and Yamcs in one program. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { Config, ConfigProvider, Effect, Layer } from "effect"
import { deepStrictEqual } from "node:assert"

// #region systems
const Mq = IbmMq.layerLtpaConfig({ baseUrl: Config.string("MQ_URL"), credential: IbmMq.credentialConfig("MQ") })
const Ops = Yamcs.layerConfig({ baseUrl: Config.string("YAMCS_URL"), credential: Yamcs.credentialConfig("YAMCS") })

const Systems = AuthenticatedHttpClient.mergeSystems(Mq, Ops)

const health = Effect.all({
  mq: Effect.flatMap(IbmMq.Client, (http) => http.get("/admin/qmgr")),
  yamcs: Effect.flatMap(Yamcs.Client, (http) => http.get("/api/instances"))
}, { concurrency: "unbounded" })
// #endregion

// #region transports
const Separate = AuthenticatedHttpClient.mergeSystems(
  Layer.provide(Mq, FakeMqweb.layer()), // or Tls.layerUndici({ caFile: "mqweb.pem" })
  Layer.provide(Ops, FakeYamcs.layer()) // or NodeHttpClient.layerUndici
)

const program = health.pipe(Effect.provide(Separate))
// #endregion

export { Systems }

export const test = program.pipe(
  Effect.map(({ mq, yamcs }) => deepStrictEqual([mq.status, yamcs.status], [200, 200])),
  Effect.withConfigProvider(ConfigProvider.fromMap(
    new Map([
      ["MQ_URL", "https://mq.example:9443/ibmmq/rest/v3"],
      ["MQ_USERNAME", "mqadmin"],
      ["MQ_PASSWORD", "canary-password-mq"],
      ["YAMCS_URL", "https://yamcs.example"],
      ["YAMCS_USERNAME", "operator"],
      ["YAMCS_PASSWORD", "canary-password-yamcs"]
    ])
  ))
)
