import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Approach from "../../src/internal/approach.ts"
import * as Partition from "../../src/internal/partition.ts"
import * as RateLimitStatus from "../../src/RateLimitStatus.ts"

const { minutes, seconds } = Duration

const rules: Partition.Rules = { probe: false, reserve: 0, initial: undefined, believe: 86_400_000 }

const fresh = Partition.make(rules, 0)

const quota = (parts: RateLimitStatus.Quota) => RateLimitStatus.make({ quotas: [parts] })

const sent = (partition: Partition.Partition, n: number, at = 0) =>
  Array.from({ length: n }).reduce<Partition.Partition>((partition) => Partition.sent(partition, rules, at), partition)

const answered = (
  partition: Partition.Partition,
  status: RateLimitStatus.RateLimitStatus,
  { now = 0 }: { readonly now?: number } = {}
) => Partition.answered(partition, { sentAt: now }, status, 0, rules, now)

describe("approach", () => {
  const warning = (warnBelow: ReadonlyArray<number>, warnEvery: Duration.DurationInput = 0) => ({
    warnBelow,
    warnEvery: Duration.decode(warnEvery)
  })

  it.each<[name: string, limit: number | undefined, remaining: number, warns: boolean]>([
    ["a share of the limit that is not reached", 300, 30, false],
    ["a share of the limit", 300, 29, true],
    ["a share of a small limit", 5, 0, true],
    ["a share of the calls seen, if no limit is stated", undefined, 0, true],
    ["a share of the calls seen that is not reached", undefined, 1, false]
  ])("warns by %s", (_, limit, remaining, warns) => {
    const status = quota({ limit, remaining, reset: minutes(1) })
    const [approaches] = Approach.approaching(answered(sent(fresh, 1), status), status, warning([0.1]), 0)
    assert.lengthOf(approaches, warns ? 1 : 0)
  })

  it("warns of a key at most as often as the policy says, and again if the clock was set back", () => {
    const status = quota({ limit: 20, remaining: 1, window: seconds(1), reset: seconds(1) })
    const at = (partition: Partition.Partition, now: number) =>
      Approach.approaching(
        answered(sent(partition, 1), status, { now }),
        status,
        warning([0.1], "1 minute"),
        now
      )
    const [first, afterFirst] = at(fresh, 100_000)
    const [second, afterSecond] = at(afterFirst, 159_999)
    const [third] = at(afterSecond, 162_000)
    const [back] = at({ ...fresh, warnedAt: 1_000_000 }, 50_000)
    assert.deepStrictEqual([first.length, second.length, third.length, back.length], [1, 0, 1, 1])
  })

  it("takes a limit that only some responses state from those that do", () => {
    const known = answered(sent(fresh, 1), quota({ limit: 300, remaining: 100 }))
    const status = quota({ remaining: 29 })
    assert.lengthOf(Approach.approaching(answered(sent(known, 1), status), status, warning([0.1]), 0)[0], 1)
  })

  it("warns later of what came too soon, if it still holds", () => {
    const day = (remaining: number) => ({ name: "day", limit: 1000, remaining, window: Duration.days(1) })
    const minute = (remaining: number) => ({ name: "minute", limit: 60, remaining, window: minutes(1) })
    const step = (partition: Partition.Partition, quotas: ReadonlyArray<RateLimitStatus.Quota>, now: number) => {
      const status = RateLimitStatus.make({ quotas })
      const after = answered(sent(partition, 1, now), status, { now })
      return Approach.approaching(after, status, warning([0.1], "1 minute"), now)
    }
    const [first, a] = step(fresh, [day(500), minute(5)], 0)
    const [second, b] = step(a, [day(99), minute(5)], 30_000)
    const [third, c] = step(b, [day(98), minute(5)], 60_000)
    const [fourth] = step(c, [day(97), minute(5)], 120_000)
    assert.deepStrictEqual(
      [first, second, third, fourth].map((approaches) => approaches.map(({ quota }) => quota)),
      [["minute"], [], ["day"], ["minute"]]
    )
  })

  it.each(
    [
      ["one", "1 minute", ["a"]],
      ["all, if nothing is too soon,", 0, ["a", "b"]]
    ] as const
  )("names %s of two quotas that fall below a threshold at once", (_, every, expected) => {
    const status = RateLimitStatus.make({
      quotas: [{ name: "a", limit: 20, remaining: 1 }, { name: "b", limit: 20, remaining: 1 }]
    })
    const [approaches] = Approach.approaching(answered(sent(fresh, 1), status), status, warning([0.1], every), 0)
    assert.deepStrictEqual(approaches.map(({ quota }) => quota), [...expected])
  })

  it("names the quotas that fell below a threshold", () => {
    const status = RateLimitStatus.make({
      quotas: [
        { name: "a", limit: 20, remaining: 9, reset: minutes(1) },
        { name: "b", limit: 20, remaining: 15, reset: minutes(1) }
      ]
    })
    const [approaches, remembered] = Approach.approaching(answered(sent(fresh, 1), status), status, warning([10]), 0)
    assert.deepStrictEqual(approaches, [{ quota: "a", limit: 20, remaining: 9, moreAt: 60_000 }])
    assert.deepStrictEqual(Approach.approaching(remembered, status, warning([10]), 0)[0], [])
  })

  it("says nothing without thresholds", () => {
    const status = quota({ limit: 20, remaining: 0 })
    assert.deepStrictEqual(Approach.approaching(answered(sent(fresh, 1), status), status, warning([]), 0)[0], [])
  })
})
