/** From a hand-written client, and from those of Python, to this one. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Mqsc from "@effect-auth/ibm-mq/Mqsc"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysCredential from "@effect-auth/qualys/QualysCredential"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Context, Effect, Redacted, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region before
const Answer = Schema.Struct({ token: Schema.String, expires_in: Schema.Number })

const fetchToken = HttpClient.post("https://api.acme.example/login").pipe(
  Effect.flatMap(HttpClientResponse.schemaBodyJson(Answer))
)

const before = Effect.gen(function*() {
  const token = yield* Effect.cachedWithTTL(fetchToken, "1 hour")
  return (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl("https://api.acme.example")),
    HttpClient.mapRequestEffect((request) =>
      Effect.map(token, ({ token }) => HttpClientRequest.bearerToken(request, token))
    )
  )
})
// #endregion

// #region after
const mode = "Acme/Login"

const login = Effect.gen(function*() {
  const request = HttpClientRequest.post("https://api.acme.example/login")
  const response = yield* TokenEndpoint.execute(yield* HttpClient.HttpClient, request, { mode })
  const { expires_in, token } = yield* TokenEndpoint.json(Answer, { mode })(response)
  return yield* Token.make({ mode, value: token, expiresIn: expires_in })
})

class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const AcmeLive = AuthenticatedHttpClient.layer(
  Effect.map(TokenSource.make({ mode, login }), (tokens) => Authenticator.bearer(tokens, { mode })),
  { baseUrl: "https://api.acme.example", client: Acme }
)
// #endregion

// #region mq
const Mq = IbmMq.layerLtpa({
  baseUrl: "https://mq.example:9443/ibmmq/rest/v3",
  credential: { username: "mqadmin", password: Redacted.make("canary-password-mq") }
})

const queues = Effect.gen(function*() {
  const { responses } = yield* Mqsc.runMqscJson({ qmgr: "QM1", command: "display", qualifier: "queue", name: "DEV.*" })
  return responses.map(({ parameters }) => parameters["queue"])
})

// printed, as by each of the three: Effect.flatMap(mqProgram, Console.log).pipe(
//   Effect.provide(NodeHttpClient.layerUndici), NodeRuntime.runMain)
const mqProgram = queues.pipe(Effect.provide(Mq))
// #endregion

// #region yamcs
const Ops = Yamcs.layerPassword({
  baseUrl: "localhost:8090",
  credential: { username: "operator", password: Redacted.make("canary-password-yamcs") }
})

const Instances = Schema.Struct({ instances: Schema.Array(Schema.Struct({ name: Schema.String })) })

const instances = Effect.gen(function*() {
  const http = yield* Yamcs.Client
  const response = yield* YamcsError.filterStatusOk(http.get("/api/instances"))
  const { instances } = yield* HttpClientResponse.schemaBodyJson(Instances)(response)
  return instances.map(({ name }) => name)
})

const yamcsProgram = instances.pipe(Effect.provide(Ops))
// #endregion

// #region qualys
const Gateway = Qualys.layerJwt({
  platform: "qg2",
  credential: { username: "quays2ab1", password: Redacted.make("canary-password-qualys") }
})

const Count = Schema.Struct({ count: Schema.Number })

const assets = Effect.gen(function*() {
  const http = yield* Qualys.Client
  const response = yield* http.post("/am/v1/assets/host/count").pipe(Effect.flatMap(QualysError.check))
  return (yield* HttpClientResponse.schemaBodyJson(Count)(response)).count
})

const qualysProgram = assets.pipe(Effect.provide(Gateway))
// #endregion

// #region stored
const stored = (json: string) =>
  Effect.map(QualysCredential.fromJson(json), (credential) => Qualys.layer({ credential }))
// #endregion

const answers = [{ json: { token: "canary-token", expires_in: 60 } }, { status: 200 }]

export const test = Effect.gen(function*() {
  const http = yield* before
  const first = yield* http.get("/things")
  const second = yield* Effect.flatMap(Acme, (acme) => acme.get("/things")).pipe(
    Effect.provide(AcmeLive),
    Effect.provide(ScriptedHttpClient.layer(answers))
  )
  deepStrictEqual([first.status, second.status], [200, 200])
  deepStrictEqual(yield* Effect.provide(mqProgram, FakeMqweb.layer()), ["DEV.QUEUE.1"])
  deepStrictEqual(yield* Effect.provide(yamcsProgram, FakeYamcs.layer()), ["simulator"])
  deepStrictEqual(yield* Effect.provide(qualysProgram, FakeQualys.layer({ username: "quays2ab1" })), 0)
  yield* stored(`{"username":"ada","password":"canary-password","auth_type":"basic","platform":"qg2"}`)
}).pipe(Effect.provide(ScriptedHttpClient.layer(answers)))
