import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as IbmMq from "../src/IbmMq.ts"
import { Ltpa } from "../src/MqCredential.ts"
import * as Mqsc from "../src/Mqsc.ts"
import { baseUrl, credential, type Needs, wire } from "./wire.ts"

const mq = (server?: FakeMqweb.Options) => wire(IbmMq.layerLtpa({ baseUrl, credential }), server)

describe("Mqsc", () => {
  it.effect("a text command answers lines", () =>
    Effect.gen(function*() {
      const { responses } = yield* Mqsc.runMqsc({ qmgr: "QM1", command: "DISPLAY QLOCAL('DEV.*')" })
      assert.deepStrictEqual(responses.map(({ text }) => text), [[
        "AMQ8409I: Display Queue details. QUEUE(DEV.QUEUE.1) TYPE(QLOCAL)"
      ]])
    }).pipe(Effect.provide(mq().layer)))

  it.effect("a JSON command answers attributes, where there are any", () =>
    Effect.gen(function*() {
      const queue = { qmgr: "QM1", qualifier: "qlocal" }
      const shown = yield* Mqsc.runMqscJson({ ...queue, command: "display", name: "DEV.QUEUE.1" })
      assert.deepStrictEqual(shown.responses[0]?.parameters, { queue: "DEV.QUEUE.1", type: "QLOCAL" })
      const defined = yield* Mqsc.runMqscJson({ ...queue, command: "define", name: "NEW" })
      assert.deepStrictEqual(defined.responses.map(({ message, parameters }) => [message, parameters]), [[[], {}]])
    }).pipe(Effect.provide(mq().layer)))

  it.effect("a command that completes with a code is CommandFailed with the codes of each entry", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr: "QM1", command: "DISPLAY QLOCAL('NONE')" }))
      assert.strictEqual(error._tag, "MqCommandFailed")
      assert.deepStrictEqual("problems" in error ? error.problems.map((problem) => ({ ...problem })) : [], [{
        id: "AMQ8147E",
        completionCode: 2,
        reasonCode: 2085,
        message: "AMQ8147E: IBM MQ object NONE not found."
      }])
      const silent = yield* Effect.flip(
        Mqsc.runMqscJson({ qmgr: "QM1", command: "display", qualifier: "qlocal", name: "NONE" })
      )
      assert.include(silent.message, "reason code 2085")
    }).pipe(Effect.provide(mq().layer)))

  it.effect("the name of the queue manager is percent-encoded", () => {
    const { layer, told } = mq({ qmgrs: ["QM/1%"] })
    return Effect.gen(function*() {
      yield* Mqsc.runMqsc({ qmgr: "QM/1%", command: "PING QMGR" })
      assert.strictEqual(told()[1], "POST /admin/action/qmgr/QM%2F1%25/mqsc 200")
    }).pipe(Effect.provide(layer))
  })

  it.effect("a name that would be another path is refused before anything is sent", () => {
    const { layer, told } = mq()
    return Effect.gen(function*() {
      for (const qmgr of ["", ".", "..", "\ud800"]) {
        const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr, command: "PING QMGR" }))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "qmgr" })
      }
      assert.deepStrictEqual(told(), [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a gateway whose name no header can have is refused before anything is sent", () => {
    const { layer, told } = mq()
    return Effect.gen(function*() {
      for (const gatewayQmgr of ["GATE\u200b", "GATE\n", "“GATE”"]) {
        const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR", gatewayQmgr }))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "gatewayQmgr" })
      }
      assert.deepStrictEqual(told(), [])
    }).pipe(Effect.provide(layer))
  })

  it.effect("the gateway is named on the command, never on the login, and read from the answer", () => {
    const { calls, layer } = mq()
    return Effect.gen(function*() {
      const { gatewayQmgr } = yield* Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR", gatewayQmgr: "GATE" })
      assert.deepStrictEqual(gatewayQmgr, Option.some("GATE"))
      assert.deepStrictEqual(calls.map(({ headers, told }) => [told, headers["ibm-mq-rest-gateway-qmgr"]]), [
        ["POST /login 204", undefined],
        ["POST /admin/action/qmgr/QM1/mqsc 200", "GATE"]
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("the gateway of the client's settings is that of commands which name none, in every mode", () =>
    Effect.gen(function*() {
      const gatewayQmgr = "GATE"
      const layers: ReadonlyArray<Layer.Layer<IbmMq.Client, unknown, Needs>> = [
        IbmMq.layerLtpa({ baseUrl, credential, gatewayQmgr }),
        IbmMq.layerBasic({ baseUrl, credential, gatewayQmgr })
      ]
      for (const mode of layers) {
        const { calls, layer } = wire(mode)
        yield* Effect.gen(function*() {
          yield* Effect.flatMap(IbmMq.Client, (http) => http.get("/admin/qmgr"))
          yield* Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR" })
          yield* Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR", gatewayQmgr: "OTHER" })
        }).pipe(Effect.provide(layer))
        const sent = calls.map(({ headers, told }) => [told, headers["ibm-mq-rest-gateway-qmgr"]] as const)
        assert.deepStrictEqual(sent.filter(([told]) => !told.includes("/login")), [
          ["GET /admin/qmgr 200", undefined],
          ["POST /admin/action/qmgr/QM1/mqsc 200", "GATE"],
          ["POST /admin/action/qmgr/QM1/mqsc 200", "OTHER"]
        ])
        assert.isTrue(sent.filter(([told]) => told.includes("/login")).every(([, gateway]) => gateway === undefined))
      }
    }))

  it.effect("a gateway of the settings whose name no header can have fails the start", () =>
    Effect.gen(function*() {
      const { layer, told } = wire(IbmMq.layerBasic({ baseUrl, credential, gatewayQmgr: "GATE\n" }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "gatewayQmgr" })
      assert.deepStrictEqual(told(), [])
    }))

  it.effect("a command that fails through a gateway names its URL", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr: "NONE", command: "PING QMGR", gatewayQmgr: "GATE" }))
      assert.include(error.message, `at ${baseUrl}/admin/action/qmgr/NONE/mqsc`)
    }).pipe(Effect.provide(mq().layer)))

  it.effect("an unknown queue manager is CommandFailed with the server's reason", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr: "NONE", command: "PING QMGR" }))
      assert.strictEqual(error._tag, "MqCommandFailed")
      assert.include(error.message, "HTTP 404, MQWB0009E, reason code 2058")
    }).pipe(Effect.provide(mq().layer)))

  it.effect("a command that the user's role does not permit is NotAuthorized, and is not sent again", () => {
    const reader = new Ltpa({
      username: "reader",
      password: Redacted.make(FakeMqweb.canaries.reader.password)
    })
    const { layer, told } = wire(IbmMq.layerLtpa({ baseUrl, credential: reader }))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr: "QM1", command: "DEFINE QLOCAL(NEW)" }))
      assert.strictEqual(error._tag, "MqNotAuthorized")
      assert.deepStrictEqual(told(), ["POST /login 204", "POST /admin/action/qmgr/QM1/mqsc 403"])
    }).pipe(Effect.provide(layer))
  })

  for (const htmlErrors of [false, true]) {
    const shape = htmlErrors ? "HTML" : "JSON"
    it.effect(`no refusal looks like success: 401, 403 and 503 in ${shape}`, () =>
      Effect.gen(function*() {
        const server = yield* FakeMqweb.FakeMqweb
        const command = Effect.flip(Mqsc.runMqsc({ qmgr: "QM1", command: "DISPLAY QLOCAL(*)" }))
        yield* server.failNext(1, 401)
        assert.deepInclude(yield* command, { _tag: "CredentialsRejected", status: 401 })
        yield* server.failNext(1, 403)
        assert.deepInclude(yield* command, { _tag: "MqNotAuthorized", status: 403 })
        yield* server.failNext(1, 503)
        assert.deepInclude(yield* command, { _tag: "MqServerFailed", status: 503 })
      }).pipe(
        Effect.provide(wire(IbmMq.layerBasic({ baseUrl, credential }), { htmlErrors }).layer)
      ))
  }

  it.effect("a 200 that is not mqweb's is no success either", () => {
    const answering = (body: string) => ScriptedHttpClient.make({ body })
    return Effect.gen(function*() {
      for (const body of ["<html></html>", "", "{}", "{\"commandResponse\":[]}"]) {
        const error = yield* Effect.flip(Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR" })).pipe(
          Effect.provide(IbmMq.layerBasic({ baseUrl, credential })),
          Effect.provideService(HttpClient.HttpClient, answering(body))
        )
        assert.deepInclude(error, { _tag: "MqServerFailed", status: 200 })
      }
    })
  })
})
