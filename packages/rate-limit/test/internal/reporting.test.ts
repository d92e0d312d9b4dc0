import { assert, describe, it } from "@effect/vitest"
import * as Membership from "../../src/internal/membership.ts"
import * as Reporting from "../../src/internal/reporting.ts"
import { busy, idle, joined, told } from "../sharingProcess.ts"

describe("a process that shares quotas reports", () => {
  it("at once with its first request", () => {
    assert.strictEqual(Reporting.dueAt(joined(), busy, 7), 7)
  })

  it("within a third of its lease, if nothing happens", () => {
    assert.strictEqual(Reporting.dueAt(told(joined(), 0), busy, 1), 1000)
  })

  it("after ten calls, and not before 200 milliseconds", () => {
    const ten = Array.from({ length: 10 }).reduce<Membership.Membership>(
      (self) => Membership.sent(self, 5),
      told(joined(), 0)
    )
    assert.strictEqual(Reporting.dueAt(ten, busy, 10), 200)
  })

  it("soon that requests wait, if it has not said so", () => {
    assert.strictEqual(Reporting.dueAt(told(joined(), 0, {}, idle), busy, 1), 20)
  })

  it("when there is more to divide, if requests wait", () => {
    const self = told(joined(), 0, { more: 5_500 })
    assert.strictEqual(Reporting.dueAt(self, busy, 1), 501)
    assert.strictEqual(Reporting.dueAt(self, idle, 1), 1000)
  })
})
