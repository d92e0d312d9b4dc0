import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as Json from "../../src/internal/json.ts"

describe("JSON from a server", () => {
  it.each([
    ["at the top", "{\"__proto__\":{\"error\":\"canary\"},\"a\":1}", { a: 1 }],
    ["within members and elements", "{\"a\":[{\"b\":[{\"__proto__\":{\"c\":1},\"d\":2}]}]}", {
      a: [{ b: [{ d: 2 }] }]
    }],
    ["with escaped letters", "[{\"__pr\\u006fto__\":{\"c\":1},\"d\":2}]", [{ d: 2 }]],
    ["twice in one object", "{\"__proto__\":1,\"__proto__\":2}", {}]
  ])("has no member called __proto__ %s", (_, text, expected) => {
    assert.deepStrictEqual(Option.getOrThrow(Json.parse(text)), expected)
  })

  it("has the other members, whatever they are called", () => {
    const text = "{\"proto\":\"__proto__\",\"constructor\":[null,true,-1.5,\"\\u0041\"],\"toString\":{}}"
    assert.strictEqual(
      JSON.stringify(Option.getOrThrow(Json.parse(text))),
      "{\"proto\":\"__proto__\",\"constructor\":[null,true,-1.5,\"A\"],\"toString\":{}}"
    )
  })

  it.each([
    ["[", "]", 100],
    ["{\"a\":", "}", 100],
    ["[{\"a\":", "}]", 50]
  ])("may be nested as deeply as an answer is, not deeper: %s", (opening, closing, times) => {
    const nested = (times: number) => Json.parse(`${opening.repeat(times)}1${closing.repeat(times)}`)
    assert.isTrue(Option.isSome(nested(times)))
    assert.isTrue(Option.isNone(nested(times + 1)))
    assert.isTrue(Option.isNone(nested(50_000)))
  })

  it("may have any number of brackets beside each other, or in texts", () => {
    const value = { texts: ["[{".repeat(1000), "\\\"[".repeat(1000)], lists: Array.from({ length: 1000 }, () => [{}]) }
    assert.deepStrictEqual(Json.parse(JSON.stringify(value)), Option.some(value))
  })

  it.each(["", "canary", "{\"a\":1", "[".repeat(100)])("is none where the text is no JSON: %s", (text) => {
    assert.isTrue(Option.isNone(Json.parse(text)))
  })

  it.each(["null", "1", "\"canary\"", "[1]"])("is no record where it is something else: %s", (text) => {
    assert.isTrue(Option.isNone(Json.parseRecord(text)))
  })
})
