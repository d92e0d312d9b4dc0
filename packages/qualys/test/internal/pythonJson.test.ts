import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as PythonJson from "../../src/internal/pythonJson.ts"

describe("pythonJson", () => {
  it("puts a space after each comma and colon, and none at the end of a line", () => {
    const value = { a: "b", c: { d: null, e: "" }, f: {} }
    assert.strictEqual(PythonJson.write(value), "{\"a\": \"b\", \"c\": {\"d\": null, \"e\": \"\"}, \"f\": {}}")
    assert.strictEqual(PythonJson.write(value, 4), JSON.stringify(value, undefined, 4))
  })

  // what json.dumps of Python 3.12 writes for each
  it.each([
    ["\u0000\u001f", "\\u0000\\u001f"],
    ["\b\f\n\r\t", "\\b\\f\\n\\r\\t"],
    ["\"\\/", "\\\"\\\\/"],
    ["~\u007f\u0080", "~\\u007f\\u0080"],
    ["é\u2028\uffff", "\\u00e9\\u2028\\uffff"],
    ["🔑\u{10ffff}", "\\ud83d\\udd11\\udbff\\udfff"],
    ["\ud83d-\udd11", "\\ud83d-\\udd11"]
  ])("escapes %j in ASCII and lower case", (text, escaped) => {
    assert.strictEqual(PythonJson.write(text), `"${escaped}"`)
    assert.strictEqual(PythonJson.write({ [text]: text }), `{"${escaped}": "${escaped}"}`)
  })

  it.prop(
    "is printable ASCII that means the same, whatever the text",
    [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
    ([key, text]) => {
      const json = PythonJson.write({ [key]: text })
      assert.match(json, /^[\x20-\x7e]*$/)
      assert.deepStrictEqual(JSON.parse(json), { [key]: text })
    }
  )
})
