import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Message from "../src/internal/socket/message.ts"

describe("message", () => {
  // recorded from yamcs-core 5.13.2
  const recorded: ReadonlyArray<readonly [name: string, text: string, read: object]> = [
    [
      "a reply",
      "{\"type\":\"reply\",\"call\":1,\"data\":{\"@type\":\"/yamcs.api.Reply\",\"replyTo\":7}}",
      { _tag: "Reply", id: 7, call: 1, refusal: Option.none() }
    ],
    [
      "a reply to message 0, whose zero is left out",
      "{\"type\":\"reply\",\"call\":2,\"data\":{\"@type\":\"/yamcs.api.Reply\"}}",
      { _tag: "Reply", id: 0, call: 2 }
    ],
    [
      "a reply in the spelling of the documentation",
      "{\"type\":\"reply\",\"call\":2,\"data\":{\"reply_to\":3}}",
      { _tag: "Reply", id: 3, call: 2 }
    ],
    [
      "data",
      "{\"type\":\"time\",\"call\":1,\"seq\":1,\"data\":{\"@type\":\"/google.protobuf.Timestamp\",\"value\":\"2026-11-26T11:05:49.311Z\"}}",
      {
        _tag: "Data",
        call: 1,
        seq: 1,
        data: { "@type": "/google.protobuf.Timestamp", "value": "2026-11-26T11:05:49.311Z" }
      }
    ],
    ["the state", "{\"type\":\"state\",\"data\":{\"@type\":\"/yamcs.api.State\"}}", { _tag: "State" }]
  ]
  for (const [name, text, read] of recorded) {
    it(`reads ${name}`, () => assert.deepInclude(Message.parse(text), read))
  }

  it("reads a refusal as an error in the server's words, made presentable", () => {
    const message = Message.parse(JSON.stringify({
      type: "reply",
      data: { replyTo: 8, exception: { code: 404, type: "NotFoundException", msg: "No topic\u001b[31m 'nope'" } }
    }))
    assert(message._tag === "Reply")
    assert.strictEqual(
      Option.getOrThrow(message.refusal).message,
      "Yamcs answered HTTP 404 (NotFoundException): No topic [31m 'nope'"
    )
  })

  it("takes anything for what it does not know, and never fails", () => {
    for (const text of ["", "{", "null", "[]", "{\"type\":1}", "{\"type\":\"reply\",\"data\":{\"replyTo\":\"x\"}}"]) {
      assert.deepStrictEqual(Message.parse(text), { _tag: "Other" })
    }
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.isString(Message.parse(text)._tag)
    }))
  })

  it("writes what the server reads", () => {
    const request: Message.Request = { topic: "events", options: { instance: "simulator" }, lowPriority: false }
    assert.deepStrictEqual(JSON.parse(Message.subscribe(1, request)), {
      type: "events",
      id: 1,
      options: { instance: "simulator" }
    })
    assert.deepInclude(JSON.parse(Message.subscribe(1, { ...request, lowPriority: true })), { lowPriority: true })
    assert.deepInclude(JSON.parse(Message.update(1, 7, request)), { type: "events", id: 1, call: 7 })
    assert.deepStrictEqual(JSON.parse(Message.cancel(7)), { type: "cancel", options: { call: 7 } })
  })

  it("knows what would end the connection before it is sent", () => {
    const problem = (options: Record<string, unknown>) =>
      Option.getOrUndefined(Message.problem({ topic: "events", options, lowPriority: false }))
    const circular: Record<string, unknown> = {}
    circular["self"] = circular
    assert.isUndefined(problem({ filter: "x".repeat(65_400) }))
    assert.strictEqual(problem({ filter: "x".repeat(65_536) }), "are longer than the 65536 bytes that the server takes")
    // what counts is bytes
    assert.isDefined(problem({ filter: "ü".repeat(33_000) }))
    assert.strictEqual(problem({ count: 1n }), "cannot be written as JSON")
    assert.strictEqual(problem(circular), "cannot be written as JSON")
  })
})
