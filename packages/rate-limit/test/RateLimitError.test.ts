import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as RateLimitError from "../src/RateLimitError.ts"

const key = "https://api.example/things"

describe("RateLimited", () => {
  it("says which quota is used up, and when to try again", () => {
    assert.strictEqual(
      new RateLimitError.RateLimited({ key, retryAfter: Duration.seconds(90) }).message,
      `${key}: the server's quota is used up; try again in 1m 30s`
    )
    assert.strictEqual(
      new RateLimitError.RateLimited({ key, retryAfter: Duration.seconds(5), limit: 300, remaining: 0 }).message,
      `${key}: the server's quota is used up (0 of 300 calls left); try again in 5s`
    )
  })

  it.each([
    ["names the request beside a key that does not", "all of them", `${key} (all of them)`],
    ["names the request once, if the key does", key, key],
    ["names the request once, if the key does among other things", `GET ${key}`, `GET ${key}`]
  ])("%s", (_, key, expected) => {
    assert.strictEqual(
      new RateLimitError.RateLimited({ key, url: "https://api.example/things", retryAfter: Duration.seconds(5) })
        .message,
      `${expected}: the server's quota is used up; try again in 5s`
    )
  })

  it("survives JSON", () => {
    const error = new RateLimitError.RateLimited({ key, url: key, retryAfter: Duration.seconds(5), limit: 300 })
    const json = Schema.encodeSync(Schema.parseJson(RateLimitError.RateLimited))(error)
    assert.deepStrictEqual(Schema.decodeSync(Schema.parseJson(RateLimitError.RateLimited))(json), error)
  })

  it("is told from other values", () => {
    assert.isTrue(RateLimitError.isRateLimited(new RateLimitError.RateLimited({ key, retryAfter: Duration.zero })))
    assert.isFalse(RateLimitError.isRateLimited(new Error("canary")))
    assert.isFalse(RateLimitError.isRateLimited({ _tag: "RateLimited" }))
  })
})
