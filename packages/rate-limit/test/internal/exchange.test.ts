import { assert, describe, it } from "@effect/vitest"
import { exchange } from "../../src/internal/exchange.ts"
import type { Report, SharedState, Statement } from "../../src/internal/sharedState.ts"
import * as Shared from "../../src/internal/sharedState.ts"

const begin = 1_764_000_000_000

const lease = 3000

/** What a process says that has nothing to say. */
const report = (id: string, parts: Partial<Report> = {}): Report => ({
  id,
  lease,
  epoch: 0,
  members: 0,
  inFlight: 0,
  waiting: 0,
  leaves: 0,
  open: 0,
  blocked: 0,
  known: [],
  holds: [],
  stated: [],
  ...parts
})

const statement = (parts: Partial<Statement> = {}): Statement => ({
  name: "a",
  slots: 0,
  limit: 40,
  window: 1000,
  end: 0,
  used: 1,
  sentAt: begin + 5,
  answeredAt: begin + 10,
  isBlock: 0,
  ...parts
})

/** A place where processes report, at times from the beginning on. */
class Place {
  state: SharedState | undefined
  readonly isSettled: boolean
  constructor(isSettled = true) {
    this.isSettled = isSettled
  }
  tell(at: number, report: Report) {
    const [state, reply, news] = exchange(this.state, report, begin + at, this.isSettled)
    this.state = state
    return { ...reply, news, share: reply.quotas[0]?.share }
  }
  /** A report of one that is up to date, and uses so much of its share. */
  goesOn(
    at: number,
    id: string,
    used: number,
    parts: Partial<Report> & { need?: number; charges?: ReadonlyArray<number> } = {}
  ) {
    const { charges = [], need = 100, ...rest } = parts
    const quota = this.state?.quotas[0]
    const share = this.state?.members[id]?.[7][0]?.[0] ?? 0
    return this.tell(
      at,
      report(id, {
        epoch: this.state?.epoch ?? 0,
        members: Object.keys(this.state?.members ?? {}).length,
        waiting: 16,
        holds: quota === undefined ? [] : [{ name: "a", slots: 0, share, used, need, charges }],
        ...rest
      })
    )
  }
  quota() {
    return this.state?.quotas[0] ?? assert.fail("there is no quota")
  }
}

/** Processes of which the first has found out the quota, at 10, and the others have been told. */
const opened = (ids: ReadonlyArray<string>, stated: Partial<Statement> = {}) => {
  const place = new Place()
  for (const id of ids) place.tell(0, report(id, { waiting: 16 }))
  place.tell(
    10,
    report(ids[0] ?? "", {
      epoch: begin,
      members: ids.length,
      waiting: 16,
      open: 1,
      stated: [statement(stated)],
      holds: [{ name: "a", slots: 0, share: 0, used: 1, need: 100, charges: [begin + 10, 1] }]
    })
  )
  for (const at of [11, 12, 13]) {
    for (const id of ids) place.goesOn(at, id, id === ids[0] ? 1 : 0)
  }
  return place
}

const shares = (place: Place) => Object.values(place.state?.members ?? {}).map((member) => member[7][0]?.[0])

describe("the exchange", () => {
  describe("before the server has answered", () => {
    it("lets one process find out for all", () => {
      const place = new Place()
      assert.strictEqual(place.tell(0, report("a", { waiting: 1 })).mode, "probe")
      assert.strictEqual(place.tell(1, report("b", { waiting: 1 })).mode, "wait")
    })

    it("lets another one find out when that one has nothing more to ask, and says so", () => {
      const place = new Place()
      place.tell(0, report("a", { waiting: 1 }))
      place.tell(1, report("b", { waiting: 1 }))
      assert.deepStrictEqual(place.goesOn(2, "a", 0, { waiting: 0 }).news, ["*"])
      assert.strictEqual(place.goesOn(3, "b", 0).mode, "probe")
    })

    it("lets another one find out when that one is dead", () => {
      const place = new Place()
      place.tell(0, report("a", { waiting: 1 }))
      for (const at of [1, 1000, 2000]) assert.strictEqual(place.goesOn(at, "b", 0).mode, "wait")
      assert.strictEqual(place.goesOn(3000, "b", 0).mode, "probe")
    })

    it("tells everyone the answer", () => {
      const place = new Place()
      place.tell(0, report("a", { waiting: 1 }))
      const told = place.tell(10, report("a", { epoch: begin, open: 1, stated: [statement()] }))
      assert.deepInclude(told, { mode: "open", news: ["*"] })
    })

    it("holds nobody back where the server states no quota", () => {
      const place = new Place()
      place.tell(0, report("a", { waiting: 1 }))
      assert.deepInclude(place.tell(10, report("a", { epoch: begin, open: 1 })), { mode: "open", quotas: [] })
    })
  })

  describe("divides a quota", () => {
    it("equally among those who need it all", () => {
      assert.deepStrictEqual(shares(opened(["a", "b", "c", "d"])), [10, 10, 10, 10])
    })

    it("by need, and what nobody needs equally", () => {
      const place = opened(["a", "b"])
      place.goesOn(500, "a", 4, { need: 4 })
      place.goesOn(501, "b", 20, { need: 30 })
      place.goesOn(502, "a", 4, { need: 4 })
      place.goesOn(503, "b", 20, { need: 30 })
      // 4 and 30, and half of the 6 that are left for each
      assert.deepStrictEqual(shares(place), [7, 33])
    })

    it("anew when one comes: those who hold more are asked, shrink at once, and what they give up is given on", () => {
      const place = opened(["a"])
      place.goesOn(20, "a", 40)
      assert.deepStrictEqual(shares(place), [40])
      assert.deepInclude(place.tell(100, report("b", { waiting: 50 })), { share: 0, news: ["a"] })
      assert.strictEqual(place.goesOn(101, "a", 40).share, 20)
      // its calls still count
      assert.strictEqual(place.goesOn(102, "b", 0).share, 0)
      assert.deepInclude(place.goesOn(900, "a", 25), { share: 20, news: ["b"] })
      assert.strictEqual(place.goesOn(901, "b", 0).share, 15)
    })

    it("and asks a process to report again that has been told of less and does not use it", () => {
      const place = opened(["a"])
      place.goesOn(20, "a", 2)
      place.tell(100, report("b", { waiting: 50 }))
      assert.deepInclude(place.goesOn(101, "a", 2), { share: 20, again: 1 })
      assert.deepInclude(place.goesOn(102, "a", 2), { share: 20, again: 0, news: ["b"] })
      assert.strictEqual(place.goesOn(103, "b", 0).share, 20)
    })

    it("as it is stated last, and tells everyone", () => {
      const place = opened(["a", "b"])
      const told = place.goesOn(300, "a", 20, {
        stated: [statement({ limit: 20, used: -1, sentAt: begin + 290, answeredAt: begin + 299 })]
      })
      // nothing more for this one, until the calls of the other have left the window
      assert.deepInclude(told, { share: 0, news: ["*"] })
      for (const at of [900, 901]) {
        place.goesOn(at, "b", 8)
        place.goesOn(at, "a", 8)
      }
      assert.deepStrictEqual(shares(place), [10, 10])
    })

    it("and leaves an earlier statement that arrives later", () => {
      const place = opened(["a", "b"])
      place.goesOn(300, "a", 20, { stated: [statement({ limit: 20, sentAt: begin + 290, answeredAt: begin + 299 })] })
      place.goesOn(301, "b", 20, { stated: [statement({ limit: 40, sentAt: begin + 280, answeredAt: begin + 298 })] })
      assert.strictEqual(place.quota().limit, 20)
    })

    it("of calls at once like one of a window, without a window", () => {
      const place = new Place()
      place.tell(0, report("a", { waiting: 16 }))
      place.tell(1, report("b", { waiting: 16 }))
      place.tell(
        10,
        report("a", {
          epoch: begin,
          waiting: 16,
          open: 1,
          stated: [statement({ name: "", slots: 1, limit: 5, window: 0, used: -1 })]
        })
      )
      const hold = { name: "", slots: 1, used: 0, need: 16, charges: [], share: 0 } as const
      const [a, b] = ["a", "b"].map((id) =>
        place.tell(11, report(id, { epoch: begin, waiting: 16, holds: [hold] })).share ?? 0
      )
      assert.deepStrictEqual([a, b].sort(), [2, 3])
    })
  })

  describe("of a process that is gone", () => {
    it("keeps the share out for one window more than its lease", () => {
      const place = opened(["a", "b"])
      for (const at of [1000, 2000, 3000]) place.goesOn(at, "a", 20)
      assert.deepInclude(place.goesOn(3100, "a", 20), { members: 1, share: 20 })
      assert.strictEqual(place.goesOn(3900, "a", 20).share, 20)
      // of a window, sixteenths are told apart
      assert.strictEqual(place.goesOn(4100, "a", 20).share, 40)
    })

    it("keeps out for a window what it has used, if it said that it goes", () => {
      const place = opened(["a", "b"])
      place.goesOn(500, "b", 5, { leaves: 1 })
      assert.strictEqual(place.goesOn(501, "a", 20).share, 35)
      assert.strictEqual(place.goesOn(1600, "a", 20).share, 40)
    })
  })

  describe("of a window whose kind is not known", () => {
    /** All is used up by 100; the server has promised more for 1,000. */
    const promised = () => {
      const place = opened(["a", "b"], { end: begin + 1000 })
      place.goesOn(100, "a", 20, { charges: [begin + 90, 19] })
      place.goesOn(101, "b", 19, { charges: [begin + 90, 19] })
      return place
    }

    it("reserves one call, and gives it to one process when the promised time has come", () => {
      const place = promised()
      assert.deepStrictEqual(shares(place), [20, 19])
      assert.strictEqual(place.goesOn(1001, "b", 19).share, 20)
      assert.isAtMost(place.goesOn(1002, "a", 20).share ?? 0, 20)
    })

    it("finds out that it is fixed where the server has forgotten the calls before", () => {
      const place = promised()
      place.goesOn(1001, "b", 19)
      const stated = [statement({ used: 1, sentAt: begin + 1002, answeredAt: begin + 1010, end: begin + 2000 })]
      place.goesOn(1011, "b", 20, { stated, charges: [begin + 1010, 1] })
      assert.deepStrictEqual(place.goesOn(1012, "a", 20).news, ["*"])
      assert.deepInclude(place.quota(), { kind: "fixed", begin: begin + 1000 })
    })

    it("finds out that it is sliding where the server remembers them", () => {
      const place = promised()
      const stated = [statement({ used: 39, sentAt: begin + 1002, answeredAt: begin + 1010, end: begin + 2000 })]
      place.goesOn(1011, "b", 20, { stated, charges: [begin + 1010, 1] })
      place.goesOn(1012, "a", 20)
      assert.strictEqual(place.quota().kind, "sliding")
    })
  })

  describe("of a fixed window", () => {
    /** One of which no end is stated; two processes have made their twenty calls by 200. */
    const spent = () => {
      const place = opened(["a", "b"], { window: 0 })
      place.goesOn(200, "a", 20, { charges: [begin + 150, 19] })
      place.goesOn(201, "b", 20, { charges: [begin + 190, 20] })
      return place
    }
    /** What the server has counted, as `a` hears. */
    const counts = (place: Place, used: number, parts: Partial<Statement> = {}, at = 1_300) =>
      place.goesOn(at, "a", 20, {
        stated: [statement({ window: 0, used, sentAt: begin + at - 50, answeredAt: begin + at - 10, ...parts })]
      })

    it("tells everyone that one has seen it begin, and of which calls the server counts none", () => {
      const place = spent()
      const { news, quotas } = counts(place, 1)
      assert.deepStrictEqual(news, ["*"])
      assert.deepInclude(quotas[0], { kind: "fixed", countedFrom: begin + 1_000 })
      // of the calls before, none is taken for one that the server counts
      place.goesOn(1_301, "b", 20)
      assert.strictEqual(place.quota().others, 0)
    })

    it("takes what others use for no less because of calls that the server counts no more", () => {
      const place = opened(["a", "b"], { window: 0, used: 13 })
      assert.strictEqual(place.quota().others, 12)
      place.goesOn(200, "a", 14, { charges: [begin + 150, 13] })
      place.goesOn(201, "b", 14, { charges: [begin + 190, 14] })
      for (const at of [1200, 2200, 3200, 4200, 5200]) for (const id of ["a", "b"]) place.goesOn(at, id, 14)
      counts(place, 1, {}, 5_300)
      place.goesOn(5_301, "b", 14)
      assert.strictEqual(place.quota().others, 10)
    })

    /** One of ten seconds in which a process has used 10, and others 12; it was to end at 10,000, and did at 9,500. */
    const shared = (window = 10_000) => {
      const place = opened(["a"], { window: 0, used: 13, end: begin + 10_000 })
      if (window > 0) place.state = { ...place.state!, quotas: [{ ...place.quota(), window }] }
      for (let at = 200; at < 7000; at += 900) place.goesOn(at, "a", 1)
      for (const at of [7000, 8000, 9000]) place.goesOn(at, "a", 10, { charges: at === 7000 ? [begin + 6900, 9] : [] })
      return place
    }
    /** What the server says to `a`, which has made so many calls meanwhile. */
    const says = (place: Place, at: number, used: number, own: number, end: number) =>
      place.goesOn(at, "a", own, {
        charges: [begin + at - 10, own],
        stated: [
          statement({ window: place.quota().window, used, end, sentAt: begin + at - 20, answeredAt: begin + at - 10 })
        ]
      })

    it("leaves to others what they used of the one before, and less of it as time goes by", () => {
      const place = shared(0)
      assert.strictEqual(place.goesOn(10_000, "a", 0).share, 28)
      says(place, 10_100, 1, 1, begin + 20_000)
      assert.deepStrictEqual([10_900, 12_500, 15_000, 17_500, 19_000].map((at) => place.goesOn(at, "a", 1).share), [
        29,
        31,
        34,
        37,
        38
      ])
      // they have used nothing
      assert.strictEqual(place.goesOn(20_000, "a", 0).share, 40)
    })

    it("leaves to others what they have used of it besides", () => {
      const place = shared()
      says(place, 10_100, 1, 1, begin + 20_000)
      assert.strictEqual(says(place, 15_000, 12, 4, begin + 20_000).quotas[0]?.others, 7 + 6)
    })

    it("takes the end of the next for its beginning, about when it was to begin", () => {
      for (const window of [0, 10_000]) {
        const place = shared(window)
        says(place, 9_600, 3, 1, begin + 20_000)
        assert.deepInclude(place.quota(), { begin: begin + 10_000, end: begin + 20_000, usual: 12 })
      }
      // an answer was on its way for long
      const place = shared(0)
      says(place, 7_000, 3, 1, begin + 12_900)
      assert.deepInclude(place.quota(), { begin: 0, end: begin + 12_900, usual: 0 })
    })

    it("takes back what the gone have used of it", () => {
      const place = spent()
      place.goesOn(300, "b", 20, { leaves: 1 })
      assert.strictEqual(place.goesOn(301, "a", 20).share, 20)
      assert.strictEqual(counts(place, 1, {}, 9_000).share, 40)
    })

    it("leaves all calls that the server may have counted", () => {
      for (const [used, parts] of [[41, {}], [40, { isBlock: 1 }], [1, { sentAt: begin + 300 }], [-1, {}]] as const) {
        assert.strictEqual(counts(spent(), used, parts).quotas[0]?.countedFrom, 0)
      }
      // the call that carries the statement was counted too, unless it was blocked
      assert.strictEqual(counts(spent(), 40).quotas[0]?.countedFrom, begin)
      assert.strictEqual(counts(spent(), 39, { isBlock: 1 }).quotas[0]?.countedFrom, begin)
    })

    it("does not look for its beginning where calls may leave the window one by one", () => {
      const place = opened(["a", "b"])
      place.goesOn(200, "a", 20, { charges: [begin + 150, 19] })
      assert.strictEqual(counts(place, 1, { window: 1000 }).quotas[0]?.countedFrom, 0)
    })
  })

  describe("of what others use", () => {
    it("knows once every process has reported past a statement", () => {
      const place = opened(["a", "b"])
      place.goesOn(400, "a", 10, {
        charges: [begin + 300, 10],
        stated: [statement({ used: 25, sentAt: begin + 350, answeredAt: begin + 390 })]
      })
      assert.strictEqual(place.quota().others, 0)
      place.goesOn(401, "b", 5, { charges: [begin + 320, 5] })
      // 25, of which 16 are theirs: the one that found out, 10 and 5
      assert.strictEqual(place.quota().others, 9)
    })

    it("takes calls that may be on their way for their own", () => {
      const place = opened(["a", "b"])
      place.goesOn(400, "a", 14, {
        inFlight: 4,
        charges: [begin + 300, 10],
        stated: [statement({ used: 25, sentAt: begin + 350, answeredAt: begin + 390 })]
      })
      place.goesOn(401, "b", 5, { charges: [begin + 320, 5] })
      assert.strictEqual(place.quota().others, 5)
    })

    it("leaves a margin after a block, because they take more than was known", () => {
      const place = opened(["a", "b"])
      place.goesOn(400, "a", 20, {
        charges: [begin + 300, 19],
        blocked: begin + 1400,
        stated: [statement({ used: 40, sentAt: begin + 350, answeredAt: begin + 390, isBlock: 1 })]
      })
      const told = place.goesOn(401, "b", 20, { charges: [begin + 320, 20] })
      assert.deepInclude(told, { news: ["*"], blocked: begin + 1400 })
      assert.strictEqual(place.quota().others, 4)
    })

    it("takes less for it only when nothing has been seen of it for five seconds, and step by step", () => {
      const place = opened(["a", "b"])
      const both = (at: number, used: number) => {
        const stated = [statement({ used, sentAt: begin + at - 20, answeredAt: begin + at - 10 })]
        place.goesOn(at, "a", 0, { stated })
        place.goesOn(at + 1, "b", 0)
        return place.quota().others
      }
      assert.strictEqual(both(200, 13), 12)
      assert.deepStrictEqual([1200, 2200, 3200, 4200, 5100].map((at) => both(at, 0)), [12, 12, 12, 12, 12])
      assert.deepStrictEqual([5300, 6200, 7200, 8200].map((at) => both(at, 0)), [9, 7, 6, 5])
    })

    it("takes what the gone may have used for theirs", () => {
      const place = opened(["a", "b"])
      for (const at of [1000, 2000, 3000]) place.goesOn(at, "a", 0)
      place.goesOn(3100, "a", 0, { stated: [statement({ used: 20, sentAt: begin + 3050, answeredAt: begin + 3090 })] })
      assert.deepStrictEqual([place.quota().others, Shared.sum(place.quota().out)], [0, 20])
    })

    it("says nothing by a statement about calls that a lost state knew of", () => {
      const place = opened(["a", "b"])
      const stated = [statement({ used: 30, sentAt: begin - 1, answeredAt: begin + 90 })]
      place.goesOn(100, "a", 0, { stated })
      place.goesOn(101, "b", 0)
      assert.strictEqual(place.quota().others, 0)
    })

    it("leaves at least one call, so that the server says when there is more", () => {
      const place = opened(["a"], { used: 40 })
      assert.strictEqual(place.quota().others, 39)
      assert.strictEqual(shares(place)[0], 1)
    })
  })

  describe("that has lost what it had", () => {
    const known = [{
      name: "a",
      kind: "sliding",
      limit: 40,
      window: 1000,
      end: 0,
      begin: 0,
      others: 0,
      out: {}
    }] as const
    const claim = (id: string, share: number) =>
      report(id, {
        epoch: begin - 1000,
        members: 2,
        waiting: 16,
        known,
        holds: [{ name: "a", slots: 0, share, used: share, need: 100, charges: [] }]
      })

    it("grants nothing until all have come that were there", () => {
      const place = new Place(false)
      assert.deepInclude(place.tell(0, claim("a", 10)), { share: 10, claims: 1 })
      assert.deepInclude(place.tell(1, report("c", { waiting: 16 })), { share: 0, claims: 1 })
      assert.strictEqual(place.tell(900, claim("b", 20)).share, 20)
      assert.strictEqual(place.goesOn(1400, "a", 10).share, 10)
      assert.deepInclude(place.goesOn(1500, "a", 10), { claims: 0, news: ["*"] })
      // what is left of 40 when they have a third each
      assert.deepStrictEqual([place.goesOn(1501, "c", 0).share, ...shares(place)], [7, 13, 20, 7])
    })

    it("keeps for a window, after a lease, what nobody has claimed", () => {
      const place = new Place(false)
      place.tell(0, claim("a", 10))
      for (const at of [1000, 2000]) place.goesOn(at, "a", 10)
      assert.deepInclude(place.goesOn(3000, "a", 10), { claims: 0, share: 10 })
      assert.strictEqual(place.goesOn(3900, "a", 10).share, 10)
      assert.strictEqual(place.goesOn(4100, "a", 10).share, 40)
    })

    it("makes newcomers wait for a lease, unless it is known that nothing was there", () => {
      assert.strictEqual(new Place(true).tell(0, report("a", { waiting: 1 })).mode, "probe")
      const place = new Place(false)
      assert.deepInclude(place.tell(0, report("a", { waiting: 1 })), { mode: "wait", claims: 1 })
      for (const at of [1000, 2000]) assert.strictEqual(place.goesOn(at, "a", 0).mode, "wait")
      assert.strictEqual(place.goesOn(3000, "a", 0).mode, "probe")
    })

    it("treats a time in which nobody could report like a loss", () => {
      const place = opened(["a", "b"])
      place.goesOn(500, "a", 20)
      place.goesOn(500, "b", 20)
      assert.deepInclude(place.goesOn(6000, "b", 20), { claims: 1, share: 20 })
      assert.deepInclude(place.goesOn(6001, "a", 20), { claims: 1, share: 20 })
      assert.strictEqual(place.goesOn(7500, "a", 20).claims, 0)
    })
  })

  it("of two hundred processes takes less than 20 kB", () => {
    const ids = Array.from({ length: 200 }, (_, n) => `x${(36 ** 5 + n * 7919).toString(36)}0`)
    const place = new Place()
    for (const id of ids) place.tell(0, report(id, { waiting: 16 }))
    const stated = [
      statement({ limit: 1000, used: 1 }),
      statement({ name: "", slots: 1, limit: 50, window: 0, used: -1 })
    ]
    place.tell(10, report(ids[0] ?? "", { epoch: begin, waiting: 16, open: 1, stated }))
    for (let round = 1; round <= 10; round++) {
      ids.forEach((id, n) => {
        const at = 300 * round + n
        place.tell(
          at,
          report(id, {
            epoch: place.state?.epoch ?? 0,
            members: 200,
            inFlight: n % 3,
            waiting: 16,
            known: [],
            holds: [
              { name: "a", slots: 0, share: 5, used: 5, need: 22, charges: [begin + at - 250, 2, begin + at - 100, 3] },
              { name: "", slots: 1, share: n % 4 === 0 ? 1 : 0, used: n % 3, need: 16, charges: [] }
            ]
          })
        )
      })
    }
    assert.lengthOf(Object.keys(place.state?.members ?? {}), 200)
    assert.isAbove(Shared.sum(place.quota().charges), 5000)
    assert.isBelow(JSON.stringify(place.state).length, 20_000)
  })
})
