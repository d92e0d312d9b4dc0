import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Partition from "../../src/internal/partition.ts"
import * as RateLimitStatus from "../../src/RateLimitStatus.ts"

const { minutes, seconds } = Duration

const day = 86_400_000

const rules: Partition.Rules = { probe: false, reserve: 0, initial: undefined, believe: day }

const fresh = Partition.make(rules, 0)

const served = RateLimitStatus.empty
const rateBlock = RateLimitStatus.make({ blocked: "rate" })
const rateBlockFor = (wait: Duration.Duration) => RateLimitStatus.make({ blocked: "rate", retryAfter: wait })
const concurrencyBlock = RateLimitStatus.make({ blocked: "concurrency" })
const quota = (parts: RateLimitStatus.Quota) => RateLimitStatus.make({ quotas: [parts] })

const sent = (partition: Partition.Partition, n: number, at = 0) =>
  Array.from({ length: n }).reduce<Partition.Partition>((partition) => Partition.sent(partition, rules, at), partition)

/** A call that was sent at `sentAt` is answered at `now`. */
const answered = (
  partition: Partition.Partition,
  status: RateLimitStatus.RateLimitStatus,
  { backoff = 0, now = 0, sentAt = now }: {
    readonly sentAt?: number
    readonly now?: number
    readonly backoff?: number
  } = {}
) => Partition.answered(partition, { sentAt }, status, backoff, rules, now)

describe("partition", () => {
  describe("make", () => {
    it("knows nothing, and admits any number of requests", () => {
      assert.strictEqual(Partition.opensAt(sent(fresh, 1000), rules, 0), 0)
    })

    it("admits one request, if it probes", () => {
      const probing = { ...rules, probe: true }
      const partition = Partition.make(probing, 0)
      assert.strictEqual(Partition.opensAt(partition, probing, 0), 0)
      assert.strictEqual(Partition.opensAt(sent(partition, 1), probing, 0), Infinity)
    })

    it("knows what the policy says it knows", () => {
      const partition = Partition.make({
        ...rules,
        initial: RateLimitStatus.make({
          quotas: [{ limit: 3, window: minutes(1) }],
          concurrency: { limit: 2 },
          retryAfter: seconds(5)
        })
      }, 1000)
      assert.deepInclude(partition, { concurrency: 2, blockedUntil: 6000 })
      assert.deepInclude(partition.windows[0], { limit: 3, window: 60_000 })
    })
  })

  describe("opensAt", () => {
    const limited = answered(sent(fresh, 1), RateLimitStatus.make({ concurrency: { limit: 2 } }))

    it.each<[name: string, partition: Partition.Partition, expected: number]>([
      ["at once, if nothing is known", fresh, 1000],
      ["when the block ends", answered(sent(fresh, 1), rateBlockFor(seconds(7))), 7000],
      ["at once below the stated concurrency", sent(limited, 1), 1000],
      ["not before an answer at the stated concurrency", sent(limited, 2), Infinity],
      ["when the quota has more", answered(sent(fresh, 1), quota({ limit: 5, remaining: 0, reset: seconds(9) })), 9000],
      [
        "when the last of several quotas has more",
        answered(
          sent(fresh, 1),
          RateLimitStatus.make({
            quotas: [
              { name: "a", limit: 5, remaining: 0, reset: seconds(9) },
              { name: "b", limit: 5, remaining: 0, reset: seconds(20) }
            ]
          })
        ),
        20_000
      ]
    ])("%s", (_, partition, expected) => {
      assert.strictEqual(Partition.opensAt(partition, rules, 1000), expected)
    })

    it("leaves the reserve to others", () => {
      const partition = answered(sent(fresh, 1), quota({ limit: 20, remaining: 4, reset: minutes(1) }))
      assert.strictEqual(Partition.opensAt(partition, { ...rules, reserve: 3 }, 0), 0)
      assert.strictEqual(Partition.opensAt(partition, { ...rules, reserve: 4 }, 0), 60_000)
    })
  })

  describe("a served call", () => {
    it("is charged to every known quota", () => {
      const partition = answered(sent(fresh, 1), quota({ limit: 5, remaining: 4 }))
      const next = answered(sent(partition, 1), served)
      assert.deepStrictEqual(Partition.quotas(next, 0).map(({ remaining }) => remaining), [3])
    })

    it("is left alone with its server, if that is unavailable for a while", () => {
      const partition = answered(sent(fresh, 1), RateLimitStatus.make({ retryAfter: seconds(20) }))
      assert.deepInclude(partition, { blockedUntil: 20_000, congestionWindow: Infinity })
    })

    it("shows that the last block is over, if it was sent after that", () => {
      const blocked = answered(sent(fresh, 2), rateBlock, { backoff: 4000 })
      const isServed = (sentAt: number, status: RateLimitStatus.RateLimitStatus) =>
        Partition.isServed(blocked, { sentAt }, status)
      assert.isFalse(isServed(0, served))
      assert.isTrue(isServed(4000, served))
      assert.isFalse(isServed(4000, rateBlock))
    })

    it("that states a wait of a year is believed for a day, and then for one call", () => {
      const partition = answered(sent(fresh, 1), RateLimitStatus.make({ retryAfter: Duration.days(365) }))
      assert.strictEqual(Partition.opensAt(partition, rules, 0), day)
      assert.strictEqual(Partition.opensAt(sent(partition, 1, day), rules, day), Infinity)
    })

    it("keeps no more than four quotas of a server that invents names", () => {
      const partition = Array.from({ length: 20 }, (_, i) => `quota ${i}`).reduce(
        (partition, name) => answered(sent(partition, 1), quota({ name, limit: 5, remaining: 4 })),
        fresh
      )
      assert.deepStrictEqual(partition.windows.map(({ name }) => name), [16, 17, 18, 19].map((i) => `quota ${i}`))
    })
  })

  describe("a block", () => {
    it("lasts as long as the server states", () => {
      assert.strictEqual(answered(sent(fresh, 1), rateBlockFor(seconds(7)), { now: 100 }).blockedUntil, 7100)
    })

    it("lasts as long as the backoff says, if the server does not", () => {
      const partition = answered(sent(fresh, 1), rateBlock, { now: 100, backoff: 2000 })
      assert.deepInclude(partition, { blockedUntil: 2100 })
    })

    it("is never shortened by another", () => {
      const partition = answered(sent(fresh, 2), rateBlockFor(seconds(20)))
      assert.strictEqual(answered(partition, rateBlockFor(seconds(1)), { now: 10 }).blockedUntil, 20_000)
    })

    it("is not shortened by a server that is unavailable for less, nor by too many calls at once", () => {
      const partition = answered(sent(fresh, 2), rateBlockFor(seconds(20)))
      const unavailable = RateLimitStatus.make({ retryAfter: seconds(1) })
      assert.strictEqual(answered(partition, unavailable, { now: 10 }).blockedUntil, 20_000)
      assert.strictEqual(answered(partition, concurrencyBlock, { now: 10, backoff: 1000 }).blockedUntil, 20_000)
    })

    it("lasts at least as long as the backoff says, whatever the server states", () => {
      const blocked = (wait: Duration.Duration) => answered(sent(fresh, 1), rateBlockFor(wait), { backoff: 4000 })
      assert.strictEqual(blocked(Duration.millis(1)).blockedUntil, 4000)
      assert.strictEqual(blocked(seconds(9)).blockedUntil, 9000)
    })

    it("lasts no longer than a server is believed", () => {
      assert.strictEqual(answered(sent(fresh, 1), rateBlockFor(Duration.days(365))).blockedUntil, day)
    })

    it("lets the next calls begin with one, and grow by one with each served call up to half of those in flight", () => {
      const blocked = answered(sent(fresh, 8), rateBlockFor(seconds(1)))
      assert.deepInclude(blocked, { congestionWindow: 1, slowStartThreshold: 4 })
      const windows = [1, 2, 3].reduce<ReadonlyArray<Partition.Partition>>(
        (all) => [...all, answered(sent(all.at(-1) ?? fresh, 1, 1000), served, { now: 1000 })],
        [{ ...blocked, inFlight: 0 }]
      )
      assert.deepStrictEqual(windows.map(({ congestionWindow }) => congestionWindow), [1, 2, 3, 4])
    })

    it("lets the calls grow by one in each round from there on", () => {
      const partition = { ...fresh, congestionWindow: 4, slowStartThreshold: 4 }
      assert.strictEqual(answered(sent(partition, 1), served).congestionWindow, 4.25)
    })

    it("is one block, however many calls of a burst run into it", () => {
      const first = answered(sent(fresh, 8), rateBlock, { backoff: 1000 })
      const second = answered(first, rateBlock, { backoff: 1000, sentAt: 0, now: 10 })
      assert.deepInclude(second, { slowStartThreshold: 4, blockedUntil: 1010 })
    })

    it("uses up the quotas that the response does not rule out", () => {
      const known = answered(sent(fresh, 1), quota({ limit: 5, remaining: 4, window: minutes(1) }))
      const blocked = answered(sent(known, 1), rateBlockFor(seconds(1)))
      assert.deepStrictEqual(Partition.quotas(blocked, 0).map(({ remaining }) => remaining), [0])
      const ruledOut = RateLimitStatus.merge(rateBlockFor(seconds(1)), quota({ limit: 5, remaining: 3 }))
      const spared = answered(sent(known, 1), ruledOut)
      assert.deepStrictEqual(Partition.quotas(spared, 0).map(({ remaining }) => remaining), [3])
    })

    it("for concurrency lets as many run as are running", () => {
      const partition = answered(sent(fresh, 5), concurrencyBlock)
      assert.deepInclude(partition, { congestionWindow: 4, blockedUntil: 0 })
    })

    it("for concurrency pauses, if no other call of this program is running", () => {
      const partition = answered(sent(fresh, 1), concurrencyBlock, { backoff: 1000 })
      assert.deepInclude(partition, { congestionWindow: 1, blockedUntil: 1000 })
    })
  })

  describe("an abandoned call", () => {
    it("gives its slot back, and is charged because the server may have executed it", () => {
      const known = answered(sent(fresh, 1), quota({ limit: 5, remaining: 4 }))
      const partition = Partition.abandoned(sent(known, 1), 10)
      assert.strictEqual(partition.inFlight, 0)
      assert.deepStrictEqual(Partition.quotas(partition, 10).map(({ remaining }) => remaining), [3])
    })
  })

  describe("toStatus", () => {
    const states = (partition: Partition.Partition) => Partition.toStatus(partition, 5000, 0).blocked

    it("says why requests wait", () => {
      assert.strictEqual(states(fresh), "none")
      assert.strictEqual(states(answered(sent(fresh, 1), rateBlockFor(seconds(1)))), "rate")
      assert.strictEqual(states(answered(sent(fresh, 1), quota({ limit: 5, remaining: 0 }))), "rate")
      assert.strictEqual(states({ ...fresh, concurrency: 2, inFlight: 2 }), "concurrency")
    })

    it("states how long", () => {
      assert.deepStrictEqual(Partition.toStatus(fresh, 5000, 0).retryAfter, seconds(5))
    })
  })

  describe("isIdle", () => {
    const minutesOf = 60_000
    it.each<[name: string, partition: Partition.Partition, now: number, expected: boolean]>([
      ["not while calls are in flight", sent(fresh, 1), 1e9, false],
      ["not within ten minutes", fresh, 10 * minutesOf, false],
      ["after ten minutes", fresh, 10 * minutesOf + 1, true],
      ["not while blocked", answered(sent(fresh, 1), rateBlockFor(minutes(60))), 60 * minutesOf, false],
      [
        "not before the quota is stale",
        answered(sent(fresh, 1), quota({ limit: 5, remaining: 0, reset: minutes(60) })),
        60 * minutesOf,
        false
      ],
      [
        "after a day, whatever the server states",
        answered(sent(fresh, 1), quota({ limit: 5, remaining: 0, reset: Duration.days(365) })),
        day + 1,
        true
      ]
    ])("%s", (_, partition, now, expected) => {
      assert.strictEqual(Partition.isIdle(partition, rules, now), expected)
    })
  })

  describe("forgetTimes", () => {
    it("lets one call find out what has changed", () => {
      const closed = answered(sent(fresh, 1), quota({ limit: 5, remaining: 0, reset: minutes(60) }))
      for (const partition of [closed, answered(sent(fresh, 1), rateBlockFor(minutes(60)))]) {
        const open = Partition.forgetTimes(partition, 1000)
        assert.strictEqual(Partition.opensAt(open, rules, 1000), 1000)
        assert.strictEqual(Partition.opensAt(sent(open, 1, 1000), rules, 1000), Infinity)
      }
    })

    it("changes nothing where nothing is known", () => {
      assert.strictEqual(Partition.forgetTimes(fresh, 1000), fresh)
    })
  })
})
