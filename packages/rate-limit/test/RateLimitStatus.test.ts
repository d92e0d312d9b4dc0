import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"

const { seconds } = Duration

describe("RateLimitStatus", () => {
  describe("make", () => {
    it("says nothing but the given parts", () => {
      assert.deepStrictEqual(RateLimitStatus.make({}), RateLimitStatus.empty)
      assert.deepStrictEqual(RateLimitStatus.make({ blocked: "rate" }), { blocked: "rate", quotas: [] })
    })
  })

  describe("wait", () => {
    it.each<[name: string, status: Partial<RateLimitStatus.RateLimitStatus>, wait: Duration.Duration]>([
      ["is zero if nothing is stated", {}, Duration.zero],
      ["is the stated Retry-After", { retryAfter: seconds(7) }, seconds(7)],
      ["is the reset of a quota with no calls left", { quotas: [{ remaining: 0, reset: seconds(5) }] }, seconds(5)],
      ["is zero while calls are left", { quotas: [{ remaining: 1, reset: seconds(5) }] }, Duration.zero],
      ["is zero if the reset is not stated", { quotas: [{ remaining: 0 }] }, Duration.zero],
      [
        "is the longest reset of the quotas with no calls left",
        {
          quotas: [
            { name: "a", remaining: 0, reset: seconds(5) },
            { name: "b", remaining: 0, reset: seconds(50) },
            { name: "c", remaining: 1, reset: seconds(500) }
          ]
        },
        seconds(50)
      ],
      [
        "is Retry-After, whatever the resets",
        { retryAfter: seconds(2), quotas: [{ remaining: 0, reset: seconds(50) }] },
        seconds(2)
      ]
    ])("%s", (_, status, wait) => {
      assert.deepStrictEqual(RateLimitStatus.wait(RateLimitStatus.make(status)), wait)
    })
  })

  describe("merge", () => {
    const first = RateLimitStatus.make({
      blocked: "rate",
      quotas: [{ name: "a", remaining: 1 }, { name: "b", remaining: 2 }],
      concurrency: { limit: 2 },
      retryAfter: seconds(1)
    })

    it("takes what only one of the two states", () => {
      assert.deepStrictEqual(RateLimitStatus.merge(first, RateLimitStatus.empty), first)
      assert.deepStrictEqual(RateLimitStatus.merge(RateLimitStatus.empty, first), first)
    })

    it("takes the second where both state the same thing", () => {
      const second = RateLimitStatus.make({
        blocked: "concurrency",
        quotas: [{ name: "a", remaining: 9 }, { remaining: 3 }],
        concurrency: { limit: 4 },
        retryAfter: seconds(5)
      })
      assert.deepStrictEqual(RateLimitStatus.merge(first, second), {
        ...second,
        quotas: [{ name: "b", remaining: 2 }, { name: "a", remaining: 9 }, { remaining: 3 }]
      })
    })

    it("takes a quota without a name for the one whose name is empty", () => {
      const unnamed = RateLimitStatus.make({ quotas: [{ remaining: 3 }] })
      const empty = RateLimitStatus.make({ quotas: [{ name: "", remaining: 2 }] })
      assert.deepStrictEqual(RateLimitStatus.merge(unnamed, empty).quotas, empty.quotas)
    })
  })
})
