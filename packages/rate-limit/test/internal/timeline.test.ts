import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as MutableRef from "effect/MutableRef"
import * as Timeline from "../../src/internal/timeline.ts"

/** A wall clock that can be set, and nanoseconds that are set with it or run on. */
const machine = (nanoseconds: "steady" | "set too") => {
  const wall = MutableRef.make(1_000_000)
  const steady = MutableRef.make(5000)
  const lost = MutableRef.make(0)
  const clock: Clock.Clock = {
    ...Clock.make(),
    unsafeCurrentTimeMillis: () => MutableRef.get(wall),
    unsafeCurrentTimeNanos: () => BigInt(MutableRef.get(nanoseconds === "steady" ? steady : wall)) * 1_000_000n
  }
  const timeline = Timeline.make(() => MutableRef.increment(lost))
  const now = () => Timeline.now(timeline, clock)
  return {
    now,
    exact: () => Timeline.exact(timeline, clock),
    begin: now(),
    lost: () => MutableRef.get(lost),
    peek: () => Timeline.peek(timeline, clock),
    toWall: (time: number) => Timeline.toWall(timeline, time),
    pass: (millis: number) => {
      MutableRef.update(wall, (wall) => wall + millis)
      MutableRef.update(steady, (steady) => steady + millis)
    },
    set: (millis: number) => MutableRef.update(wall, (wall) => wall + millis)
  }
}

describe("timeline", () => {
  it("is the wall clock while that runs forwards", () => {
    const { begin, now, pass, toWall } = machine("steady")
    assert.strictEqual(begin, 1_000_000)
    for (const millis of [1, 500, 9000, 60_000, 3_600_000]) {
      pass(millis)
      assert.strictEqual(toWall(now()), now())
    }
    assert.strictEqual(now() - begin, 3_669_501)
  })

  it("counts a step forwards as time that has passed", () => {
    const { begin, now, set } = machine("steady")
    set(3_600_000)
    assert.strictEqual(now() - begin, 3_600_000)
  })

  it.each([[1000, 5000], [1000, 3_600_000], [90_000, 3 * 86_400_000], [90_000, 60_000]])(
    "counts the %i ms that pass beside a step back of %i ms",
    (millis, step) => {
      const { begin, lost, now, pass, peek, set, toWall } = machine("steady")
      pass(millis)
      set(-step)
      assert.isAtLeast(peek(), begin)
      assert.strictEqual(now() - begin, millis)
      assert.strictEqual(toWall(now()), 1_000_000 + millis - step)
      pass(millis)
      assert.strictEqual(now() - begin, 2 * millis)
      assert.strictEqual(lost(), 0)
    }
  )

  it("shows a step back by less than has passed since the last look to those who wait, or only look", () => {
    const { begin, exact, now, pass, peek, set } = machine("steady")
    pass(4000)
    set(-3000)
    assert.strictEqual(peek() - begin, 4000)
    assert.strictEqual(exact() - begin, 4000)
    assert.strictEqual(now() - begin, 4000)
  })

  it("shows it to all others after ten seconds", () => {
    const { begin, now, pass, set } = machine("steady")
    pass(4000)
    set(-3000)
    assert.isAtMost(now() - begin, 4000)
    pass(10_000)
    assert.strictEqual(now() - begin, 14_000)
  })

  it("counts from the step on, and says that time was lost, if the nanoseconds are set too", () => {
    for (const step of [200, 5000, 3_600_000]) {
      const { begin, lost, now, pass, set } = machine("set too")
      pass(100)
      set(-step)
      assert.strictEqual(now(), begin)
      assert.strictEqual(lost(), 1)
      pass(700)
      assert.strictEqual(now() - begin, 700)
      assert.strictEqual(lost(), 1)
    }
  })

  it("never runs backwards, however the clock is set", () => {
    for (const kind of ["steady", "set too"] as const) {
      const { begin, now, pass, set } = machine(kind)
      const steps = [3000, -1, -20_000, 40, 86_400_000, -86_400_000, -1, 9_999, -9_999]
      steps.reduce((last, step) => {
        set(step)
        pass(Math.abs(step) % 7)
        const time = now()
        assert.isAtLeast(time, last)
        return time
      }, begin)
    }
  })
})
