import { assert, describe, it } from "@effect/vitest"
import { originAndPath } from "../../src/internal/key.ts"

describe("originAndPath", () => {
  it.each([
    ["https://api.example/a/b", "https://api.example/a/b"],
    ["https://api.example/a?page=canary", "https://api.example/a"],
    ["https://api.example/a#canary", "https://api.example/a"],
    ["https://api.example/a#canary?canary", "https://api.example/a"],
    ["https://api.example?canary", "https://api.example"],
    ["https://canary:canary@api.example/a", "https://api.example/a"],
    ["https://canary@api.example:8443/a?canary@canary", "https://api.example:8443/a"],
    ["https://canary:can@ary@api.example", "https://api.example"],
    ["HTTPS:canary:canary@api.example/a", "HTTPS:api.example/a"],
    ["//canary:canary@api.example/a", "//api.example/a"],
    ["https:\\\\canary@api.example\\a@b", "https:\\\\api.example\\a@b"],
    ["https://api.example/@me/a@b", "https://api.example/@me/a@b"],
    ["/@me/a@b?canary", "/@me/a@b"],
    ["a@b", "a@b"],
    ["", ""]
  ])("of %s", (url, expected) => {
    assert.strictEqual(originAndPath(url), expected)
  })
})
