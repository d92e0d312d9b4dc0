import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as MqError from "../src/MqError.ts"

const answer = (status: number, body: string | null) =>
  HttpClientResponse.fromWeb(
    HttpClientRequest.get("https://mq.example/ibmmq/rest/v2/x?canary=1"),
    new Response(body, { status })
  )

const problem = {
  type: "rest",
  message: "MQWB0103E: Not authorized.",
  explanation: "The user lacks the role.",
  action: "Ask for it.",
  completionCode: 0,
  reasonCode: 0
}

const html = "<html><body><h1>Gateway canary-html</h1></body></html>"

describe("MqError", () => {
  for (const field of ["msgId", "messageId"]) {
    it.effect(`reads the identifier from ${field}, and everything beside it`, () =>
      Effect.gen(function*() {
        const body = JSON.stringify({ error: [{ ...problem, [field]: "MQWB0103E" }] })
        const error = yield* MqError.fromResponse(answer(403, body))
        assert.strictEqual(error._tag, "MqNotAuthorized")
        assert.deepStrictEqual({ ...error.problems[0] }, { ...problem, id: "MQWB0103E" })
        assert.strictEqual(
          error.message,
          "mqweb does not permit this at https://mq.example/ibmmq/rest/v2/x (HTTP 403, MQWB0103E): Not authorized. " +
            "(to a user with the role MQWebUser the queue manager says this also when it has the name in another case, or " +
            "when the name is longer than 12 characters)"
        )
      }))
  }

  const classes = [
    [401, "MqNotAuthenticated"],
    [403, "MqNotAuthorized"],
    [400, "MqCommandFailed"],
    [404, "MqCommandFailed"],
    [302, "MqServerFailed"],
    [500, "MqServerFailed"],
    [503, "MqServerFailed"]
  ] as const
  for (const [status, tag] of classes) {
    it.effect(`${status} is ${tag}, whether the body is an error list, HTML, other JSON or empty`, () =>
      Effect.gen(function*() {
        const long = JSON.stringify({ error: [problem], padding: "canary-html".repeat(3000) })
        for (const body of [long, JSON.stringify({ error: [problem] }), html, "{\"error\":\"no\"}", "[]", "", null]) {
          const error = yield* MqError.fromResponse(answer(status, body))
          assert.deepInclude(error, { _tag: tag, status, url: "https://mq.example/ibmmq/rest/v2/x" })
          assert.include(error.message, `HTTP ${status}`)
          assert.notInclude(error.message, "canary-html")
        }
      }))
  }

  it.effect("a 404 below /admin without a word of mqweb may be a server without this API, and says so", () =>
    Effect.gen(function*() {
      const at = (path: string) =>
        HttpClientResponse.fromWeb(
          HttpClientRequest.get(`https://mq.example/ibmmq/rest/v3${path}`),
          new Response(html, { status: 404 })
        )
      const hint = "a stand-alone IBM MQ Web Server has no administrative REST API"
      assert.include((yield* MqError.fromResponse(at("/admin/qmgr"))).message, hint)
      assert.notInclude((yield* MqError.fromResponse(at("/login"))).message, hint)
      const known = answer(404, JSON.stringify({ error: [problem] }))
      assert.notInclude((yield* MqError.fromResponse(known)).message, hint)
    }))

  it.effect("a reason code is part of the message", () =>
    Effect.gen(function*() {
      const body = JSON.stringify({ error: [{ ...problem, message: "Unknown.", reasonCode: 2058 }] })
      const error = yield* MqError.fromResponse(answer(404, body))
      assert.strictEqual(
        error.message,
        "the command failed at https://mq.example/ibmmq/rest/v2/x (HTTP 404, reason code 2058): Unknown."
      )
    }))
})
