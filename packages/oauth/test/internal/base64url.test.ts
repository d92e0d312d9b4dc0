import { assert, describe, it } from "@effect/vitest"
import * as fc from "effect/FastCheck"
import * as Base64url from "../../src/internal/base64url.ts"

describe("base64url", () => {
  it("of any bytes is what Node makes of them", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.strictEqual(Base64url.ofBytes(bytes), Buffer.from(bytes).toString("base64url"))
    }))
  })

  it("of any text is that of its UTF-8", () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary", maxLength: 200 }), fc.string()), (text) => {
      assert.strictEqual(Base64url.ofText(text), Buffer.from(text).toString("base64url"))
    }))
    // letters that URLs have other meanings for
    assert.strictEqual(Base64url.ofText("~~~???>>>"), "fn5-Pz8_Pj4-")
  })
})
