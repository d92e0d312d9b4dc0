import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as MutableRef from "effect/MutableRef"
import * as Lanes from "../../src/internal/lanes.ts"
import * as Partition from "../../src/internal/partition.ts"
import * as RateLimitStatus from "../../src/RateLimitStatus.ts"

const rules: Partition.Rules = { probe: false, reserve: 0, initial: undefined, believe: 86_400_000 }

const block = RateLimitStatus.make({ blocked: "rate", retryAfter: Duration.minutes(1) })

/** Lanes, and what requests do to the lane of a key. */
const make = () => {
  const lanes = Lanes.make(rules)
  const of = (name: string, now = 0) => Lanes.of(lanes, `https://api.example/${name}`, "https://api.example/", now)
  const send = (name: string, now = 0) => {
    const { partition } = Lanes.current(of(name, now))
    MutableRef.update(partition, (partition) => Partition.sent(partition, rules, now))
  }
  const answer = (name: string, status: RateLimitStatus.RateLimitStatus, now = 0) => {
    const lane = Lanes.current(of(name, now))
    MutableRef.update(
      lane.partition,
      (partition) => Partition.answered(partition, { sentAt: now }, status, 0, rules, now)
    )
    if (status.blocked === "rate") Lanes.blocked(lane, { at: now, wait: Partition.statedWait(status) }, now)
  }
  return { lanes, of, send, answer }
}

const names = (n: number) => Array.from({ length: n }, (_, i) => `name${i}`)

describe("lanes", () => {
  it("are at most ten thousand, although the one to which most keys have gone over is in use", () => {
    const { answer, lanes, of, send } = make()
    send("first")
    send("first")
    answer("first", block)
    for (const name of names(12_000)) {
      send(name)
      answer(name, block)
    }
    assert.isAtMost(lanes.handles.size, 10_000)
    assert.deepInclude(MutableRef.get(Lanes.current(of("first")).partition), { inFlight: 1 })
    assert.strictEqual(Lanes.current(of("name11999")), Lanes.current(of("first")))
  })

  it("of keys in flight are never forgotten, however many they are", () => {
    const { lanes, send } = make()
    for (const name of names(12_000)) send(name)
    assert.strictEqual(lanes.handles.size, 12_000)
  })

  it("whose quota is used up are forgotten after those whose quota is not", () => {
    const { answer, lanes, send } = make()
    const usedUp = RateLimitStatus.make({ quotas: [{ limit: 5, remaining: 0, reset: Duration.hours(1) }] })
    send("closed")
    answer("closed", usedUp)
    for (const [i, name] of names(12_000).entries()) {
      send(name, i)
      answer(name, RateLimitStatus.empty, i)
    }
    assert.isAtMost(lanes.handles.size, 10_000)
    assert.isTrue(lanes.handles.has("https://api.example/closed"))
    assert.isFalse(lanes.handles.has("https://api.example/name0"))
  })

  it("that are forgotten take their origins along", () => {
    const { lanes } = make()
    for (const name of names(12_000)) Lanes.of(lanes, name, `https://${name}.example/`, 0)
    assert.isAtMost(lanes.origins.size, 10_000)
    Lanes.of(lanes, "later", "https://later.example/", 601_000)
    assert.deepStrictEqual(Array.from(lanes.origins.keys()), ["https://later.example"])
  })

  it("return to their number once they are unused", () => {
    const { answer, lanes, of, send } = make()
    for (const name of names(12_000)) send(name)
    for (const name of names(12_000)) answer(name, RateLimitStatus.empty)
    of("later", 601_000)
    assert.strictEqual(lanes.handles.size, 1)
    for (const name of names(12_000)) of(name, 601_000)
    assert.isAtMost(lanes.handles.size, 10_000)
  })
})
