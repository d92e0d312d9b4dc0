import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Blocks from "../../src/internal/blocks.ts"
import * as RateLimitStatus from "../../src/RateLimitStatus.ts"

const rate = RateLimitStatus.make({ blocked: "rate" })
const rateFor = (millis: number) => RateLimitStatus.make({ blocked: "rate", retryAfter: Duration.millis(millis) })
const growing = RateLimitStatus.make({ blocked: "rate", retryAfter: Duration.minutes(1), isGrowing: true })
const concurrency = RateLimitStatus.make({ blocked: "concurrency" })

const concurrencyFor = (millis: number) => ({ ...rateFor(millis), blocked: "concurrency" as const })

const first: Blocks.Blocks = { count: 1, knownAt: 1000, endsAt: 3000, delay: 2000 }
const firstAsStated: Blocks.Blocks = { ...first, delay: undefined }

describe("blocks", () => {
  it.each<
    [
      name: string,
      blocks: Blocks.Blocks,
      status: RateLimitStatus.RateLimitStatus,
      sentAt: number,
      inFlight: number,
      step: boolean,
      count: number
    ]
  >([
    ["the first, without a wait, steps the backoff", Blocks.none, rate, 0, 1, true, 1],
    ["the first, with a wait, is as stated", Blocks.none, rateFor(5), 0, 1, false, 1],
    ["the next, without a wait, steps it", first, rate, 1001, 1, true, 2],
    ["the next, with a wait below a second, steps it too", first, rateFor(999), 1001, 1, true, 2],
    ["the next, with a wait of a second, is as stated", first, rateFor(1000), 1001, 1, false, 2],
    ["the next that grows steps it too", first, growing, 1001, 1, true, 2],
    ["one sent before the last was known is the same", first, rate, 1000, 5, false, 1],
    ["with a wait as well", first, rateFor(5), 1000, 5, false, 1],
    ["if the last was as stated, it steps the backoff without counting", firstAsStated, rate, 1000, 5, true, 1],
    ["too many at once, if no other runs, steps it", first, concurrency, 1000, 1, true, 2],
    ["too many at once, if another runs, does not", first, concurrency, 1001, 2, false, 1],
    ["too many at once, for less than a second again, steps it", first, concurrencyFor(1), 1001, 1, true, 2],
    ["too many at once, for a second, is as stated", first, concurrencyFor(1000), 1001, 1, false, 2]
  ])("%s", (_, blocks, status, sentAt, inFlight, step, count) => {
    const move = Blocks.decide(blocks, status, { sentAt, inFlight }, 3000)
    assert.deepStrictEqual([move._tag, move.blocks.count], [step ? "Step" : "AsStated", count])
    assert.strictEqual(move.blocks.knownAt, count > blocks.count ? 3000 : blocks.knownAt)
  })

  it("that are one without a wait last as long as the backoff said", () => {
    assert.deepInclude(Blocks.decide(first, rate, { sentAt: 1000, inFlight: 5 }, 3000), { delay: 2000 })
  })

  it("that grow last twice as long each, and at least as long as the backoff says", () => {
    const least = (count: number, delay: number) => Blocks.least({ ...first, count }, growing, delay)
    assert.deepStrictEqual([1, 2, 3].map((count) => least(count, 1000)), [60_000, 120_000, 240_000])
    assert.strictEqual(least(1, 90_000), 90_000)
    assert.isTrue(Number.isSafeInteger(least(5000, 0)))
    assert.strictEqual(Blocks.least({ ...first, count: 3 }, rateFor(5000), 1000), 1000)
  })

  it("are past ten minutes after the last of them has ended", () => {
    assert.isFalse(Blocks.isPast(first, 603_000))
    assert.isTrue(Blocks.isPast(first, 603_001))
    assert.isFalse(Blocks.isPast(Blocks.lasting(Blocks.lasting(first, 4000), 2000), 604_000))
    assert.isFalse(Blocks.isPast(Blocks.none, 1e9))
  })
})
