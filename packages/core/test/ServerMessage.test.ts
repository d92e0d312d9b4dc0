import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as ServerMessage from "../src/ServerMessage.ts"

describe("ServerMessage", () => {
  describe("make", () => {
    it("keeps a short code and a short sentence as they are", () => {
      const message = { code: "MQWB0112E", detail: "The user name is not known." }
      assert.deepStrictEqual(ServerMessage.make(message), message)
    })

    it("leaves out what the server did not say", () => {
      assert.deepStrictEqual(ServerMessage.make({}), ServerMessage.empty)
      assert.deepStrictEqual(ServerMessage.make({ code: undefined, detail: "x" }), { detail: "x" })
    })

    it("makes one line of several, without control and formatting characters", () => {
      const { detail } = ServerMessage.make({ detail: "\u001b[31mit\r\nexpired\u0000\u202e\u2028now\t" })
      assert.strictEqual(detail, "[31mit expired now")
    })

    it("cuts a code to 80 characters and a detail to 500", () => {
      const long = "word, ".repeat(100)
      const { code, detail } = ServerMessage.make({ code: long, detail: long })
      assert.isTrue(code !== undefined && code.length <= 80 && code.length > 78)
      assert.isTrue(detail !== undefined && detail.length <= 500 && detail.length > 498)
      assert.match(code ?? "", /…$/u)
      assert.match(detail ?? "", /…$/u)
    })

    it("keeps what a mode advises apart from what the server says, and takes no name in it for a credential", () => {
      const advice = "the token is one of https://login.acme.example/oauth2/default/of/an/authorization/server"
      const { detail, ...message } = ServerMessage.make({ detail: "word, ".repeat(100), advice })
      assert.strictEqual(detail?.length, 500)
      assert.deepStrictEqual(message, { advice })
      assert.strictEqual(
        ServerMessage.make({ advice: "of canary-user,\nnot yours" }, ["canary-user"]).advice,
        "of […], not yours"
      )
      assert.strictEqual(ServerMessage.make({ advice: "word, ".repeat(100) }).advice?.length, 500)
    })

    it("replaces a run of 32 token characters, which may be a credential", () => {
      const token = (length: number) => "canary-9".repeat(8).slice(0, length)
      assert.strictEqual(ServerMessage.make({ detail: `token ${token(32)} expired` }).detail, "token […] expired")
      assert.strictEqual(ServerMessage.make({ code: token(32) }).code, "[…]")
      assert.include(ServerMessage.make({ detail: `token ${token(31)} expired` }).detail, token(31))
    })

    it.prop(
      "makes any text safe to show, and changes nothing when applied twice",
      [FastCheck.string({ unit: "binary", maxLength: 500 })],
      ([text]) => {
        const message = ServerMessage.make({ code: text, detail: text })
        assert.isAtMost((message.code ?? "").length, 80)
        assert.isAtMost((message.detail ?? "").length, 500)
        assert.notMatch(`${message.code}${message.detail}`, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
        assert.deepStrictEqual(ServerMessage.make(message), message)
      }
    )
  })

  describe("merge", () => {
    it("takes the first code and the first detail of several messages", () => {
      const messages = [{ detail: "first" }, { code: "E1" }, { code: "E2", detail: "second" }]
      assert.deepStrictEqual(ServerMessage.merge(messages), { code: "E1", detail: "first" })
    })

    it("takes the code and the detail of one message before those of two", () => {
      const messages = [{ detail: "the server asks for basic" }, { code: "E2", detail: "the second" }]
      assert.deepStrictEqual(ServerMessage.merge(messages), { code: "E2", detail: "the second" })
    })

    it("takes the advice of all, and none of it twice", () => {
      const messages = [{ advice: "check a" }, { detail: "said" }, { advice: "check b" }, { advice: "check a" }]
      assert.deepInclude(ServerMessage.merge(messages), { detail: "said", advice: "check a; check b" })
    })

    it("says nothing if no message does", () => {
      assert.deepInclude(ServerMessage.merge([{}, {}]), { code: undefined, detail: undefined })
    })
  })
})
