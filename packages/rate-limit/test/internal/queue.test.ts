import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "../../src/internal/queue.ts"

const view: Queue.View = {
  now: 1000,
  isHead: true,
  opensAt: 1000,
  deadline: 60_000,
  sleep: undefined,
  hasAsked: false
}

const sleep = (opensAt: number, until = opensAt): Queue.Sleep => ({ opensAt, until })

const go: Queue.Move = { _tag: "Go" }
const giveUp: Queue.Move = { _tag: "GiveUp" }
const askSchedule: Queue.Move = { _tag: "AskSchedule" }
const pause = (sleep: Queue.Sleep | undefined): Queue.Move => ({ _tag: "Pause", sleep })

describe("queue", () => {
  describe("decide", () => {
    it.each<[name: string, view: Partial<Queue.View>, expected: Queue.Move]>([
      ["the head goes when the quota opens", {}, go],
      ["the head asks the schedule before it waits", { opensAt: 5000 }, askSchedule],
      ["the head waits for an answer without asking the schedule", { opensAt: Infinity }, pause(undefined)],
      ["a request behind the head waits, even if the quota is open", { isHead: false }, pause(undefined)],
      ["gives up a wait beyond its deadline at once", { opensAt: 60_001 }, giveUp],
      ["gives up behind the head too", { isHead: false, opensAt: 60_001 }, giveUp],
      ["gives up at its deadline", { opensAt: Infinity, now: 60_000 }, giveUp],
      ["goes at its deadline, if the quota is open", { opensAt: 60_000, now: 60_000 }, go],
      ["sleeps on", { opensAt: 5000, sleep: sleep(5000) }, pause(sleep(5000))],
      ["sleeps on beyond the opening, if the schedule says so", { sleep: sleep(1000, 3000) }, pause(sleep(1000, 3000))],
      ["goes when the sleep is over", { now: 3000, sleep: sleep(1000, 3000) }, go],
      [
        "sleeps on until the quota opens if it is not open after the sleep, without asking again",
        { now: 3000, opensAt: 4000, sleep: sleep(3000), hasAsked: true },
        pause(sleep(4000))
      ],
      ["goes when the quota opens after it has asked", { hasAsked: true }, go],
      ["goes early if the quota opens early", { opensAt: 500, sleep: sleep(5000) }, go],
      ["sleeps shorter if there is more earlier", { opensAt: 3000, sleep: sleep(5000) }, pause(sleep(3000))],
      [
        "sleeps no longer for a time that is not known any more",
        { opensAt: Infinity, sleep: sleep(5000) },
        pause(undefined)
      ],
      ["sleeps longer if there is more later", { opensAt: 9000, sleep: sleep(5000) }, pause(sleep(9000))]
    ])("%s", (_, parts, expected) => {
      assert.deepStrictEqual(Queue.decide({ ...view, ...parts }), expected)
    })
  })

  describe("announcements", () => {
    it.each<[name: string, announced: number, opensAt: number, isAnnounced: boolean, isPostponed: boolean]>([
      ["the first opening", -Infinity, 5000, false, true],
      ["the same opening", 5000, 5000, true, false],
      ["an opening restated a little earlier", 5000, 4001, true, false],
      ["the next opening, however soon", 5000, 5001, false, false],
      ["an opening restated a second later", 5000, 6000, false, false],
      ["an opening that was put off", 5000, 6001, false, true],
      ["an opening much earlier, as after the clock was set back", 50_000, 5000, false, false]
    ])("of %s", (_, announced, opensAt, isAnnounced, isPostponed) => {
      assert.strictEqual(Queue.isAnnounced(announced, opensAt), isAnnounced)
      assert.strictEqual(Queue.isPostponed(announced, opensAt), isPostponed)
    })
  })

  describe("warnings of waits", () => {
    const last = { at: 100_000, opensAt: 102_000 }
    it.each<[name: string, last: Queue.Warning | undefined, next: Queue.Warning, every: number, isNews: boolean]>([
      ["the first wait", undefined, { at: 0, opensAt: 2000 }, 60_000, true],
      ["a wait like the last", last, { at: 102_000, opensAt: 104_000 }, 60_000, false],
      ["a wait like the last, a minute later", last, { at: 160_000, opensAt: 162_000 }, 60_000, true],
      ["a much longer wait, however soon", last, { at: 102_000, opensAt: 3_702_000 }, 60_000, true],
      ["any wait after the clock was set back", last, { at: 50_000, opensAt: 52_000 }, 60_000, true],
      ["every wait, if the policy wants that", last, { at: 102_000, opensAt: 104_000 }, 0, true]
    ])("of %s", (_, last, next, every, isNews) => {
      assert.strictEqual(Queue.isNews(last, next, every), isNews)
    })
  })

  it.effect("wakes only its head, and the next one when the head leaves", () =>
    Effect.gen(function*() {
      const queue = Queue.make()
      const second = Queue.enter(queue, 2)
      const third = Queue.enter(queue, 3)
      const waits = yield* Effect.forEach([second, third], (waiter) => Effect.fork(Queue.awoken(waiter)))
      const done = Effect.map(
        Effect.zipRight(Effect.yieldNow(), Effect.forEach(waits, Fiber.poll)),
        (polled) => polled.map(Option.isSome)
      )
      assert.deepStrictEqual(yield* done, [false, false])
      Queue.wakeHead(queue)
      assert.deepStrictEqual(yield* done, [true, false])
      Queue.leave(queue, 2)
      assert.deepStrictEqual(yield* done, [true, true])
      assert.strictEqual(queue.size, 1)
    }))

  it.effect("lets ten thousand go at once, in their order, each woken by the one before it", () =>
    Effect.gen(function*() {
      const queue = Queue.make()
      const tickets = Array.from({ length: 10_000 }, (_, n) => n)
      const gone: Array<number> = []
      for (const ticket of tickets) {
        const goes = Effect.sync(() => {
          gone.push(ticket)
          Queue.leave(queue, ticket)
        })
        yield* Effect.fork(Effect.zipRight(Queue.awoken(Queue.enter(queue, ticket)), goes))
      }
      yield* VirtualClock.settled
      Queue.wakeHead(queue)
      yield* VirtualClock.settled
      assert.lengthOf(gone, tickets.length)
      assert.isTrue(tickets.every((ticket, n) => gone[n] === ticket))
    }))

  it("puts a request that returns before those that came later", () => {
    const queue = Queue.make()
    Queue.enter(queue, 2)
    assert.isTrue(Queue.isHead(queue, 2))
    Queue.enter(queue, 1)
    assert.isTrue(Queue.isHead(queue, 1))
    Queue.leave(queue, 1)
    assert.isTrue(Queue.isHead(queue, 2))
  })

  it("has no head without waiters", () => {
    const queue = Queue.make()
    Queue.wakeHead(queue)
    assert.isFalse(Queue.isHead(queue, 0))
    assert.strictEqual(queue.size, 0)
  })
})
