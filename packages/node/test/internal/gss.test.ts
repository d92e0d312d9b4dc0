import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Gss from "../../src/internal/gss.ts"

const target = { service: "HTTP@yamcs.example" }

/** A package in which a call lasts until the test ends it. */
const calls = () => {
  const waiting: Array<{ readonly target: unknown; readonly end: () => void }> = []
  const gss: Gss.Gss = {
    GSS_MECH_OID_KRB5: 1,
    GSS_MECH_OID_SPNEGO: 2,
    initializeClient: (service, options) =>
      new Promise((resolve) => {
        const token = `canary-${waiting.length}`
        const end = () => resolve({ step: () => Promise.resolve(token) })
        waiting.push({ target: { service, ...options }, end })
      })
  }
  return { waiting, negotiate: Gss.make(Effect.succeed(gss), { mechanism: () => 2, timeout: "30 seconds" }) }
}

/** Until promises that are settled have been heard, and fibers that were forked have begun. */
const settled = Effect.repeatN(Effect.promise(() => new Promise((resolve) => setImmediate(resolve))), 4)

describe("The GSS-API", () => {
  it.effect("makes a token for the service, of the principal's tickets", () =>
    Effect.gen(function*() {
      const { negotiate, waiting } = calls()
      const fiber = yield* Effect.fork(negotiate.token({ ...target, principal: "robot@EXAMPLE.COM" }))
      yield* settled
      assert.deepStrictEqual(waiting.map(({ target }) => target), [
        { ...target, mechOID: 2, principal: "robot@EXAMPLE.COM" }
      ])
      waiting[0]?.end()
      const token = yield* Fiber.join(fiber)
      assert.strictEqual(Redacted.value(token), "canary-0")
      assert.notInclude(String(token), "canary-0")
    }))

  it.effect("makes one at a time, and goes on when one that nobody waits for any more has ended", () =>
    Effect.gen(function*() {
      const { negotiate, waiting } = calls()
      const first = yield* Effect.fork(negotiate.token(target))
      yield* settled
      const second = yield* Effect.fork(negotiate.token(target))
      yield* settled
      yield* Fiber.interrupt(first) // at once, although the call goes on
      yield* settled
      assert.strictEqual(waiting.length, 1)
      waiting[0]?.end()
      yield* settled
      assert.strictEqual(waiting.length, 2)
      waiting[1]?.end()
      assert.strictEqual(Redacted.value(yield* Fiber.join(second)), "canary-1")
    }))

  it.effect("waits no longer than it is told", () =>
    Effect.gen(function*() {
      const { negotiate } = calls()
      const fiber = yield* Effect.fork(Effect.flip(negotiate.token(target)))
      yield* settled
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.reason, "KdcUnreachable")
      assert.include(error.message, "no answer within 30s")
    }))

  it.effect("says what to do where the package cannot be used", () =>
    Effect.gen(function*() {
      const negotiate = Gss.make(Effect.fail("the package is not there"), { mechanism: () => 2, timeout: "30 seconds" })
      const error = yield* Effect.flip(negotiate.token(target))
      assert.strictEqual(error.reason, "Unsupported")
      assert.strictEqual(error.message, "no Kerberos token for HTTP@yamcs.example: the package is not there")
    }))

  it.live("the package is loaded, or the error says how to install or build it", () =>
    Effect.gen(function*() {
      const loaded = yield* Effect.either(Gss.load)
      if (loaded._tag === "Left") assert.match(loaded.left, /npm (?:install|rebuild) kerberos/u)
      else assert.isFunction(loaded.right.initializeClient)
    }))
})
