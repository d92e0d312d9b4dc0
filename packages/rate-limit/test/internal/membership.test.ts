import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Membership from "../../src/internal/membership.ts"
import type { GrantedQuota } from "../../src/internal/sharedState.ts"
import { busy, joined, lost, quota, stated, told } from "../sharingProcess.ts"

describe("a process that shares quotas", () => {
  describe("reports", () => {
    it("at once another limit, a block, and what is asked for", () => {
      const self = told(joined(), 0)
      const call = { sentAt: 100, blockedFor: 0, inFlight: 0 }
      assert.isFalse(Membership.answered(self, stated(), call, 110).isUrgent)
      const halved = stated({ quotas: [{ name: "a", limit: 20, remaining: 0, window: Duration.seconds(1) }] })
      assert.isTrue(Membership.answered(self, halved, call, 110).isUrgent)
      const blocked = stated({ blocked: "rate", retryAfter: Duration.seconds(1) })
      assert.isTrue(Membership.answered(self, blocked, { ...call, blockedFor: 1000 }, 110).isUrgent)
      assert.isTrue(Membership.asked(self).isUrgent)
      assert.isTrue(told(joined(), 0, { again: 1 }).isUrgent)
    })

    it("all of its calls to a state that has lost them", () => {
      const calls = Membership.ended(told(joined(), 0), 100)
      const [, first] = Membership.report(calls, { ...busy, leaves: false }, 200)
      assert.deepStrictEqual(first.holds[0]?.charges, [5_100, 1])
      const self = told(told(calls, 200), 300, { epoch: 5_300 })
      assert.isTrue(self.isUrgent)
      assert.deepStrictEqual(Membership.report(self, { ...busy, leaves: false }, 310)[1].holds[0]?.charges, [5_100, 1])
    })

    it("at once that a window has begun, if it can use much of its share again", () => {
      const after = (calls: ReadonlyArray<number>) => {
        const self = calls.reduce(Membership.ended, told(joined(), 0, { quotas: [quota({ kind: "fixed" })] }))
        const status = stated({ quotas: [{ name: "a", limit: 40, remaining: 39, window: Duration.seconds(1) }] })
        return Membership.answered(self, status, { sentAt: 950, blockedFor: 0, inFlight: 0 }, 960).isUrgent
      }
      assert.isTrue(after([100, 200, 300, 960]))
      assert.isFalse(after([100, 200, 960]))
    })

    it("that it needs the most that it would have used lately, and not what it would have used for a moment", () => {
      const of = { quotas: [quota({ window: 1000 })] }
      const needs = (self: Membership.Membership, waiting: number, at: number) =>
        Membership.report(self, { inFlight: 0, waiting, leaves: false }, at)[1].holds[0]?.need
      const first = told(told(joined(), 0, of), 100, of, { inFlight: 0, waiting: 30 })
      const second = told(first, 1000, of, { inFlight: 0, waiting: 20 })
      assert.strictEqual(needs(second, 40, 2000), 40)
      assert.strictEqual(needs(second, 2, 2000), 30)
      assert.strictEqual(needs(second, 2, 2100), 20)
      assert.strictEqual(needs(second, 2, 3000), 2)
    })

    it("what the server has stated again, if no answer came, but not its calls", () => {
      const self = Membership.answered(
        Membership.ended(told(joined(), 0), 110),
        stated(),
        { sentAt: 100, blockedFor: 0, inFlight: 0 },
        110
      )
      const [, report] = Membership.report(lost(self, 200), { ...busy, leaves: false }, 300)
      assert.deepInclude(report.stated[0], { limit: 40, used: 10, sentAt: 5_100, answeredAt: 5_110 })
      assert.deepStrictEqual(report.holds[0]?.charges, [])
    })
  })

  describe("may send", () => {
    it("nothing before it has heard of the others", () => {
      assert.strictEqual(Membership.opensAt(joined(), 0, 1), Infinity)
      assert.strictEqual(Membership.opensAt(told(joined(), 0, { mode: "wait", quotas: [] }), 0, 1), Infinity)
    })

    it("one call at a time to find out a quota, and none before all know what came of it", () => {
      const self = told(joined(), 0, { mode: "probe", quotas: [] })
      assert.strictEqual(Membership.opensAt(self, 0, 1), 1)
      assert.strictEqual(Membership.opensAt(self, 1, 1), Infinity)
      const found = Membership.answered(
        Membership.ended(self, 10),
        stated(),
        { sentAt: 1, blockedFor: 0, inFlight: 0 },
        10
      )
      assert.strictEqual(Membership.opensAt(found, 0, 11), Infinity)
    })

    it("its share, and more when its calls have left the window", () => {
      const self = Membership.ended(told(joined(), 0, { quotas: [quota({ share: 1 })] }), 100)
      assert.strictEqual(Membership.opensAt(self, 0, 200), 1100)
      assert.strictEqual(Membership.opensAt(told(joined(), 0, { quotas: [quota({ share: 0 })] }), 0, 200), Infinity)
    })

    it("its share again when a fixed window has ended", () => {
      const fixed = quota({ kind: "fixed", window: 60_000, share: 1, end: 5_000 + 30_000 })
      const self = Membership.ended(told(joined(), 0, { quotas: [fixed] }), 100)
      const end = Membership.opensAt(self, 0, 200)
      assert.isTrue(end >= 30_000 && end < 30_010)
      assert.strictEqual(Membership.opensAt(told(self, 29_000, { quotas: [fixed] }), 0, end), end)
    })

    describe("in a fixed window whose end is stated in whole seconds", () => {
      /** Three calls spread over one window, and one that is answered in the next. */
      const after = (
        kind: GrantedQuota["kind"],
        remaining: number,
        { blocked = "none", sentAt = 1105 }: { readonly sentAt?: number; readonly blocked?: "none" | "rate" } = {}
      ) => {
        const self = told(joined(), 0, { quotas: [quota({ kind, share: 3 })] })
        const spread = [100, 500, 900, 1110].reduce(Membership.ended, self)
        const status = stated({
          blocked,
          quotas: [{ name: "a", limit: 40, remaining, window: Duration.seconds(1) }]
        })
        const answered = Membership.answered(spread, status, { sentAt, blockedFor: 0, inFlight: 0 }, 1110)
        return Membership.opensAt(answered, 0, 1110)
      }

      it("its share again as soon as the server counts anew", () => {
        assert.strictEqual(after("fixed", 39), 1110)
        assert.strictEqual(after("fixed", 38), 1110)
      })

      it("its share again when another process has seen the window begin", () => {
        const spent = [100, 500, 900].reduce(Membership.ended, told(joined(), 0, { quotas: [quota({ share: 3 })] }))
        const heard = (kind: GrantedQuota["kind"], countedFrom: number) =>
          Membership.opensAt(told(spent, 1000, { quotas: [quota({ kind, share: 3, countedFrom })] }), 0, 1000)
        assert.strictEqual(heard("fixed", 5_000 + 950), 1000)
        assert.strictEqual(heard("fixed", 5_000 + 50), 1100)
        assert.strictEqual(heard("sliding", 0), 1100)
      })

      it("no more than the server may have counted of its calls", () => {
        assert.strictEqual(after("fixed", 37), 1500)
        assert.strictEqual(after("fixed", 0), 1500)
        assert.strictEqual(after("fixed", 38, { blocked: "rate" }), 1500)
      })

      it("no more because of an answer that is older than its calls", () => {
        assert.strictEqual(after("fixed", 39, { sentAt: 450 }), 1500)
      })

      it("no more before it is known that the window is fixed", () => {
        assert.strictEqual(after("unknown", 39), 1500)
        assert.strictEqual(after("sliding", 39), 1500)
      })
    })

    it("as many calls at once as its slots", () => {
      const self = told(joined(), 0, { quotas: [quota({ name: "", kind: "slots", window: 0, share: 2 })] })
      assert.strictEqual(Membership.opensAt(self, 1, 1), 1)
      assert.strictEqual(Membership.opensAt(self, 2, 1), Infinity)
    })

    it("nothing while the server has said to wait", () => {
      const blocked = Membership.opensAt(told(joined(), 0, { blocked: 5_700 }), 0, 1)
      assert.isTrue(blocked >= 700 && blocked < 710)
    })
  })

  describe("that cannot reach the others", () => {
    const away = (whenAway: Membership.WhenAway, share: number) =>
      lost(told(joined(whenAway), 0, { quotas: [quota({ share })] }), 1000)

    it("keeps to its share until its lease ends", () => {
      for (const whenAway of ["share", "block", "local"] as const) {
        assert.strictEqual(Membership.opensAt(away(whenAway, 10), 9, 2999), 2999)
        assert.strictEqual(Membership.opensAt(away(whenAway, 10), 10, 2999), Infinity)
      }
    })

    it("takes an equal share then: at once if it is less, and a lease and a window later if it is more", () => {
      assert.strictEqual(Membership.opensAt(away("share", 30), 10, 3000), Infinity)
      assert.strictEqual(Membership.opensAt(away("share", 3), 3, 6999), Infinity)
      assert.strictEqual(Membership.opensAt(away("share", 3), 3, 7000), 7000)
    })

    it("sends nothing then, or goes on alone, if that is asked for", () => {
      assert.strictEqual(Membership.opensAt(away("block", 10), 0, 3000), Infinity)
      assert.isFalse(Membership.isAlone(away("local", 10), 2999))
      assert.isTrue(Membership.isAlone(away("local", 10), 3000))
    })

    it("sends nothing after a pause, before it has tried", () => {
      assert.strictEqual(Membership.opensAt(told(joined(), 0), 0, 3000), Infinity)
    })
  })

  it("leaves to other consumers what the policy reserves", () => {
    const self = Membership.answered(told(joined("share", 5), 0, { quotas: [] }), stated(), {
      sentAt: 100,
      blockedFor: 0,
      inFlight: 0
    }, 110)
    assert.deepInclude(Membership.report(self, { ...busy, leaves: false }, 200)[1].stated[0], { limit: 35, used: 10 })
  })
})
