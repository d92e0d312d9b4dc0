import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as SharedClock from "../../src/internal/sharedClock.ts"

/** Answers of a clock that is ahead by `ahead`, by how long it took to ask and to answer. */
const after = (ahead: number, ...trips: ReadonlyArray<readonly [there: number, back: number]>) =>
  trips.reduce((clock, [there, back], n) => {
    const sentAt = 1000 * n
    return SharedClock.measured(clock, { sentAt, now: sentAt + there + ahead, receivedAt: sentAt + there + back })
  }, SharedClock.unknown)

describe("a shared clock", () => {
  it("is known by the shortest of the last eight round trips", () => {
    assert.strictEqual(SharedClock.best(after(5000, [400, 0], [1, 1], [300, 100])).offset, 5000)
    const nine = after(5000, [1, 1], ...Array.from({ length: 8 }, () => [40, 0] as const))
    assert.strictEqual(SharedClock.best(nine).offset, 5020)
  })

  it("is another one when it has been set, or another server has taken over", () => {
    const before = after(5000, [1, 1])
    const clock = SharedClock.measured(before, { sentAt: 2000, now: 2010, receivedAt: 2020 })
    assert.strictEqual(SharedClock.best(clock).offset, 0)
  })

  it("never says that a time comes earlier than it does, whatever it took to ask and to answer", () => {
    const trip = FastCheck.tuple(FastCheck.nat(500), FastCheck.nat(500))
    FastCheck.assert(
      FastCheck.property(
        FastCheck.integer(),
        FastCheck.array(trip, { minLength: 1 }),
        FastCheck.nat(),
        (ahead, trips, time) => assert.isAtLeast(SharedClock.toLocal(after(ahead, ...trips), time + ahead), time)
      )
    )
  })
})
