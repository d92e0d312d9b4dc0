import { assert, describe, it } from "@effect/vitest"
import * as Protobuf from "../../src/internal/protobuf.ts"

const name = (value: string) => Protobuf.message({ name: [1, value] })

describe("A message of Protocol Buffers", () => {
  // the bytes are those of protobuf.dev/programming-guides/encoding
  const table: ReadonlyArray<
    readonly [what: string, message: Protobuf.Message, json: unknown, bytes: string, text: string]
  > = [
    ["with a number", Protobuf.message({ a: [1, 150] }), { a: 150 }, "089601", "a: 150\n"],
    [
      "with a text",
      Protobuf.message({ b: [2, "testing"] }),
      { b: "testing" },
      "120774657374696e67",
      "b: \"testing\"\n"
    ],
    ["with a field above 15", Protobuf.message({ active: [16, true] }), { active: true }, "800101", "active: true\n"],
    [
      "with an enumeration",
      Protobuf.message({ state: [11, Protobuf.enumeration("RUNNING", 4)] }),
      { state: "RUNNING" },
      "5804",
      "state: RUNNING\n"
    ],
    [
      "with a message",
      Protobuf.message({ c: [3, Protobuf.message({ a: [1, 150] })] }),
      { c: { a: 150 } },
      "1a03089601",
      "c {\n  a: 150\n}\n"
    ],
    [
      "with a list",
      Protobuf.message({ d: [1, [name("x"), name("y")]] }),
      { d: [{ name: "x" }, { name: "y" }] },
      "0a030a01780a030a0179",
      "d {\n  name: \"x\"\n}\nd {\n  name: \"y\"\n}\n"
    ],
    ["with nothing in it", Protobuf.message({ a: [1, undefined], d: [2, []] }), {}, "", ""],
    [
      "with a long text",
      Protobuf.message({ b: [1, "x".repeat(200)] }),
      { b: "x".repeat(200) },
      `0ac801${"78".repeat(200)}`,
      `b: "${"x".repeat(200)}"\n`
    ]
  ]
  for (const [what, message, json, bytes, text] of table) {
    it(`${what} is the same in JSON, in bytes and as text`, () => {
      assert.deepStrictEqual(Protobuf.toJson(message), json)
      assert.strictEqual(Buffer.from(Protobuf.encode(message)).toString("hex"), bytes)
      assert.strictEqual(Protobuf.toText(message), text)
    })
  }
})
