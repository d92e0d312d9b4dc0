/** Yamcs: a call and its failure, a service account, tickets, a person, a script, a session that is kept alive, and a subscription. */
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Kerberos from "@effect-auth/node/Kerberos"
import * as TerminalLogin from "@effect-auth/node/TerminalLogin"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import { HttpClientResponse } from "@effect/platform"
import { Config, ConfigProvider, Effect, Layer, Option, Redacted, Schedule, Schema, Stream } from "effect"
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

// #region kerberos
const ByTicket = Yamcs.layerSpnego({ baseUrl: "https://yamcs.example" })

// the tickets of kinit, or of the keytab that KRB5_CLIENT_KTNAME names
export const Robot = ByTicket.pipe(Layer.provide(Kerberos.layer))
// #endregion

// #region person
const InBrowser = Yamcs.layerOpenId({ baseUrl: "https://yamcs.example" })

// the browser of the person who runs the program
export const Console = InBrowser.pipe(Layer.provide(TerminalLogin.layer))
// #endregion

// #region script
// YAMCS_URL and YAMCS_API_KEY are what Yamcs gives a script that it starts
export const Script = Yamcs.layerFromEnvironmentWith({ dangerouslyAllowPlainHttp: true })
// #endregion

// #region alive
export const Display = Yamcs.layerPassword({
  baseUrl: "https://yamcs.example",
  credential: { username: "operator", password: Redacted.make("canary-password-yamcs") },
  refreshPolicy: Yamcs.refreshPolicy.pipe(RefreshPolicy.keepAlive(true))
})
// #endregion

// #region subscribe
export const events = Yamcs.subscribe("events", { options: { instance: "simulator" } }).pipe(
  Stream.map((element) => {
    switch (element._tag) {
      case "Data":
        return `event ${element.seq}`
      case "Lost":
        return `something is missing here: ${element.reason}`
      case "Reconnected":
        return "events come again"
    }
  })
)

// one connection for all subscriptions, with the credential and the session of the client below
export const OpsLive = Yamcs.layerSubscriptions().pipe(Layer.provideMerge(Ops))
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
  const { negotiate, publish } = yield* FakeYamcs.FakeYamcs
  const script = yield* Yamcs.user.pipe(
    Effect.provide(Script),
    environment([["YAMCS_URL", "http://yamcs.example:8090"], ["YAMCS_API_KEY", FakeYamcs.canaries.apiKey]])
  )
  const others = [
    yield* Effect.provide(Yamcs.user, Display),
    yield* Effect.provide(Yamcs.user, ByTicket.pipe(Layer.provide(Layer.succeed(Negotiate.Negotiate, negotiate)))),
    yield* Effect.provide(Yamcs.user, InBrowser.pipe(Layer.provide(FakePerson.layerYamcs))),
    script
  ]
  deepStrictEqual(others.map(({ name }) => name), ["operator", "operator", "operator", "operator"])
  yield* Effect.repeat(publish("events", {}), Schedule.spaced("10 millis")).pipe(Effect.fork)
  const first = yield* Stream.runHead(events).pipe(
    Effect.provide(OpsLive),
    environment([["YAMCS_USERNAME", username], ["YAMCS_PASSWORD", password]])
  )
  deepStrictEqual(first, Option.some("event 1"))
}).pipe(Effect.provide(FakeYamcs.layer({ spnego: true, openId: {} })))
