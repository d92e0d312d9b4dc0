import { assert, describe, it } from "@effect/vitest"
import * as Entry from "../../src/internal/entry.ts"

const entry = (generation: number, text = `text of ${generation}`): Entry.Entry => ({ generation, text })

describe("what is known of a session", () => {
  for (
    const [what, known, seen, expected] of [
      ["what is seen first", Entry.unknown, entry(5), entry(5)],
      ["what is seen later", entry(5), entry(6), entry(6)],
      ["not what was before, which a store shows that has lost the rest", entry(6), entry(5), entry(6)],
      ["a removal", entry(5), entry(6, ""), entry(6, "")],
      ["nothing, where everyone was asked", Entry.unknown, entry(1, ""), Entry.unknown]
    ] as const
  ) {
    it(`is ${what}`, () => assert.deepStrictEqual(Entry.learned(known, seen), expected))
  }
})

describe("a message", () => {
  for (
    const [text, expected] of [
      ["released", { _tag: "Released" }],
      ["who", { _tag: "Who" }],
      ["stored 5", { _tag: "Stored", generation: 5 }],
      ["stored", undefined],
      ["stored 05", undefined],
      ["stored 5 canary", undefined],
      [`stored ${"9".repeat(17)}`, undefined],
      ["", undefined]
    ] as const
  ) {
    it(`${JSON.stringify(text)} is ${expected === undefined ? "of somebody else" : expected._tag}`, () =>
      assert.deepStrictEqual(Entry.message(text), expected))
  }
})

describe("a write that was refused", () => {
  for (
    const [what, expected, stored, known, isReadable, retry] of [
      ["another has stored one", 5, entry(6), entry(6), true, { _tag: "GiveUp" }],
      ["the session was removed", 5, entry(6, ""), entry(6, ""), true, { _tag: "GiveUp" }],
      ["the store has lost what it had", 5, Entry.unknown, entry(5), true, { _tag: "RestoreFirst" }],
      ["the store shows an earlier one", 5, entry(4), entry(5), true, { _tag: "RestoreFirst" }],
      ["the store is empty, and this process knows a later one", 5, Entry.unknown, entry(6), true, { _tag: "GiveUp" }],
      ["there is one where there was none", 0, entry(5), entry(5), true, { _tag: "GiveUp" }],
      ["there is one that cannot be read", 0, entry(5), entry(5), false, { _tag: "Replace", generation: 5 }],
      ["a later removal is noted", 0, entry(5, ""), entry(5, ""), true, { _tag: "Replace", generation: 0 }]
    ] as const
  ) {
    it(`${retry._tag}: ${what}`, () =>
      assert.deepStrictEqual(Entry.onRefusal(expected, stored, known, isReadable), retry))
  }
})
