import { assert, describe, it } from "@effect/vitest"
import * as Bytewise from "../../../src/internal/digest/bytewise.ts"

describe("what is received", () => {
  const table: ReadonlyArray<readonly [how: string, text: string, bytes: string]> = [
    ["in ASCII", "devices", "devices"],
    ["byte by byte, from UTF-8", Buffer.from("Ger\u00e4t\u20ac").toString("latin1"), "Ger\u00e4t\u20ac"],
    ["decoded, as its characters beyond a byte show", "Ger\u00e4t\u20ac", "Ger\u00e4t\u20ac"]
  ]
  for (const [how, text, bytes] of table) {
    it(`has its bytes, if it comes ${how}`, () => {
      assert.deepStrictEqual(Buffer.from(Bytewise.bytes(Bytewise.received(text))), Buffer.from(bytes))
    })
  }
})
