import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Window from "../../src/internal/window.ts"
import type { Quota } from "../../src/RateLimitStatus.ts"

const { minutes, seconds } = Duration

const perMinute: Quota = { limit: 10, window: minutes(1) }

const answered = (
  call: Partial<Window.AnsweredCall> & Pick<Window.AnsweredCall, "answeredAt">
): Window.AnsweredCall => ({ sentAt: call.answeredAt, executed: true, others: 0, ...call })

/** A quota, after calls at these times. */
const after = (quota: Quota, ...times: ReadonlyArray<number>): Window.WindowUsage =>
  times.reduce((usage, at) => Window.charge(usage, at), Window.open(quota, 0))

const times = (n: number, at = 0) => Array.from({ length: n }, () => at)

const day = 86_400_000

const rules = (reserve: number) => ({ reserve, believe: day })

describe("window", () => {
  describe("opensAt", () => {
    it.each<[name: string, usage: Window.WindowUsage, inFlight: number, reserve: number, expected: number]>([
      ["at once while calls are left", after(perMinute, ...times(9)), 0, 0, 1000],
      ["when the oldest call leaves the window", after(perMinute, 100, ...times(9, 500)), 0, 0, 60_100],
      ["when enough calls have left for those in flight", after(perMinute, 100, ...times(9, 500)), 1, 0, 60_500],
      ["not before an answer, if only calls in flight fill it", after(perMinute), 10, 0, Infinity],
      ["earlier than the last call by the reserve", after(perMinute, ...times(7)), 0, 3, 60_000],
      ["for one call, whatever the reserve", after(perMinute), 0, 99, 1000],
      ["at once if the limit is unknown", after({ window: minutes(1) }, ...times(99)), 0, 0, 1000],
      [
        "at the reset, if the server states what is left",
        after({ limit: 5, remaining: 0, reset: seconds(7) }),
        0,
        0,
        7000
      ],
      ["at once, if the reset passed on the way", after({ limit: 5, remaining: 0, reset: Duration.zero }), 0, 0, 0],
      [
        "after a window, if a reset of zero was stated while calls were left",
        Window.charge(after({ limit: 2, remaining: 1, reset: Duration.zero, window: minutes(2) }), 1000),
        0,
        0,
        120_000
      ],
      ["after a window, if others used it", after({ limit: 5, remaining: 0, window: minutes(2) }), 0, 0, 120_000],
      ["after a minute, if nothing says when", after({ limit: 5, remaining: 0 }), 0, 0, 60_000]
    ])("%s", (_, usage, inFlight, reserve, expected) => {
      assert.strictEqual(Window.opensAt(usage, inFlight, rules(reserve), 1000), expected)
    })

    it.each<[name: string, usage: Window.WindowUsage, expected: number]>([
      ["a reset in a year", after({ limit: 5, remaining: 0, reset: Duration.days(365) }), day],
      ["the calls of others in a window of a year", after({ limit: 5, remaining: 0, window: Duration.days(365) }), day],
      ["own calls in a window of a year", after({ limit: 5, window: Duration.days(365) }, ...times(5)), day]
    ])("believes a day, then for one call: %s", (_, usage, expected) => {
      assert.strictEqual(Window.opensAt(usage, 0, rules(0), 1000), expected)
      const taken = Window.take(usage, day, day)
      assert.isAbove(Window.opensAt(taken, 1, rules(0), day), day)
      assert.isAbove(Window.opensAt(Window.charge(taken, day), 0, rules(0), day), day)
    })

    it("waits for an answer rather than a refill while a call is in flight", () => {
      const usage = after({ limit: 5, remaining: 0, reset: seconds(7) })
      assert.strictEqual(Window.opensAt(usage, 1, rules(0), 8000), Infinity)
    })
  })

  describe("state", () => {
    it("counts as used by others what the program has not used", () => {
      const usage = Window.state(after(perMinute, ...times(2)), { remaining: 3 }, answered({ answeredAt: 1000 }))
      assert.deepInclude(usage, { limit: 10, usedByOthers: 10 - 3 - 2 - 1 })
    })

    it("does not count calls in flight as used by others", () => {
      const usage = Window.state(after(perMinute), { remaining: 5 }, answered({ answeredAt: 1000, others: 4 }))
      assert.strictEqual(usage.usedByOthers, 0)
    })

    it("drops own calls that the server no longer counts", () => {
      const usage = Window.state(after(perMinute, ...times(6)), { remaining: 8 }, answered({ answeredAt: 1000 }))
      // the answer's own call is one of the two
      assert.strictEqual(Window.remaining(Window.charge(usage, 1000), 0, 1000), 8)
    })

    it("does not count a blocked call", () => {
      const blocked = answered({ answeredAt: 1000, executed: false })
      const usage = Window.state(after(perMinute), { remaining: 0 }, blocked)
      assert.strictEqual(usage.usedByOthers, 10)
    })

    it("assumes the least limit that fits, if the server states only what is left", () => {
      const usage = Window.state(after({}), { remaining: 8 }, answered({ answeredAt: 1000, others: 1 }))
      assert.strictEqual(usage.limit, 10)
    })

    it("takes the later reset of two answers whose calls overlapped", () => {
      const first = Window.state(after(perMinute), { remaining: 0, reset: seconds(9) }, answered({ answeredAt: 1000 }))
      const second = answered({ sentAt: 500, answeredAt: 2000 })
      assert.strictEqual(Window.state(first, { remaining: 0, reset: seconds(1) }, second).refillAt, 10_000)
    })

    it("takes the reset of an answer whose call was sent later", () => {
      const first = Window.state(after(perMinute), { remaining: 0, reset: seconds(9) }, answered({ answeredAt: 1000 }))
      const second = answered({ sentAt: 1500, answeredAt: 2000 })
      assert.strictEqual(Window.state(first, { remaining: 0, reset: seconds(1) }, second).refillAt, 3000)
    })
  })

  describe("state, of a window that has passed", () => {
    it("keeps only the calls that a statement may still include", () => {
      const usage = after(perMinute, 0, 1000, 74_000)
      assert.deepStrictEqual(Window.state(usage, {}, answered({ answeredAt: 75_000 })).calls, [1000, 1, 74_000, 1])
    })
  })

  describe("take", () => {
    it("takes up a promised refill that is due, so no second call relies on it", () => {
      const usage = after({ limit: 5, remaining: 0, reset: seconds(7) })
      assert.strictEqual(Window.take(usage, day, 6999), usage)
      const taken = Window.take(usage, day, 7000)
      assert.isUndefined(taken.refillAt)
      assert.strictEqual(Window.opensAt(taken, 1, rules(0), 7000), Infinity)
    })
  })

  describe("take, of a call that goes because one has left a sliding window", () => {
    const usage = (reset: number) => after({ limit: 2, window: seconds(2), reset: Duration.millis(reset) }, 0, 1000)

    it("takes up the promise that meant the same, stated in whole seconds", () => {
      assert.isUndefined(Window.take(usage(2900), day, 2000).refillAt)
    })

    it("leaves a promise that is later, and one before any call has left", () => {
      assert.strictEqual(Window.take(usage(3001), day, 2000).refillAt, 3001)
      assert.strictEqual(Window.take(usage(2900), day, 1999).refillAt, 2900)
    })
  })

  describe("exhaust", () => {
    it("leaves nothing until the block ends", () => {
      const usage = Window.exhaust(after(perMinute, ...times(2)), 1, 5000, 1000)
      assert.strictEqual(Window.remaining(usage, 1, 1000), 0)
      assert.deepInclude(usage, { usedByOthers: 7, refillAt: 5000 })
    })
  })

  describe("moreAt", () => {
    it.each<[name: string, usage: Window.WindowUsage, expected: number]>([
      ["is the stated reset", after({ limit: 5, remaining: 0, reset: seconds(7) }), 7000],
      ["is when the first call leaves the window", after(perMinute, 100, 200), 60_100],
      ["is a window from now, if nothing was used", after(perMinute), 61_000],
      ["is a minute from the statement, if nothing says when", after({ limit: 5, remaining: 0 }), 60_000]
    ])("%s", (_, usage, expected) => {
      assert.strictEqual(Window.moreAt(usage, 1000), expected)
    })
  })

  describe("staleAt", () => {
    it("is a window after the last thing that happened", () => {
      assert.strictEqual(Window.staleAt(after(perMinute, 5000), day), 65_000)
      assert.strictEqual(Window.staleAt(after({ limit: 5, remaining: 0, reset: minutes(10) }), day), 660_000)
    })
  })

  describe("staleAt of a quota for a year", () => {
    it("is when it is no longer believed", () => {
      const usage = after({ limit: 5, remaining: 0, reset: Duration.days(365), window: Duration.days(365) }, 5000)
      assert.strictEqual(Window.staleAt(usage, day), day + 5000)
    })
  })

  describe("warn", () => {
    const warn = (usage: Window.WindowUsage, left: number, now: number) => Window.warn(usage, left, [10, 5], now)

    it("crosses each threshold once in a window", () => {
      const left = [11, 9, 8, 4, 3]
      const [crossed] = left.reduce<readonly [ReadonlyArray<boolean>, Window.WindowUsage]>(([all, usage], left, i) => {
        const [crossed, warned] = warn(usage, left, i * 1000)
        return [[...all, crossed], warned]
      }, [[], after(perMinute)])
      assert.deepStrictEqual(crossed, [false, true, false, true, false])
    })

    it("crosses only the lowest of several thresholds", () => {
      const [crossed, usage] = warn(after(perMinute), 4, 0)
      assert.isTrue(crossed)
      assert.isFalse(warn(usage, 9, 1000)[0])
    })

    it("crosses a threshold again in the next window", () => {
      const [, usage] = warn(after(perMinute), 4, 0)
      assert.isFalse(warn(usage, 4, 59_999)[0])
      assert.isTrue(warn(usage, 4, 60_000)[0])
    })
  })
})
