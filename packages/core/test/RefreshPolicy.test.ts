import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Stepping from "@effect-auth/rate-limit/internal/schedule"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { TokenEndpointError } from "../src/AuthError.ts"
import * as RefreshPolicy from "../src/RefreshPolicy.ts"
import * as Token from "../src/Token.ts"

const token = (lifetime?: DurationWithUnit) => Effect.orDie(Token.make({ value: "canary-token-4711", lifetime }))

/** The time from `now` to the renewal of the token; `undefined`: it is not renewed early. */
const delayAt = (now: number, schedule: Schedule.Schedule<unknown, Token.Token>, token: Token.Token) =>
  Effect.map(
    Stepping.step(Stepping.stepper(schedule), now, token),
    Option.match({ onNone: () => undefined, onSome: (at) => Duration.millis(at - now) })
  )
const delay = (schedule: Schedule.Schedule<unknown, Token.Token>, token: Token.Token) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => delayAt(now, schedule, token))
const delayOfNew = (schedule: Schedule.Schedule<unknown, Token.Token>, lifetime?: DurationWithUnit) =>
  Effect.flatMap(token(lifetime), (token) => delay(schedule, token))

const transient = new TokenEndpointError({ mode: "Acme", reason: "Unavailable" })

describe("RefreshPolicy", () => {
  describe("beforeExpiry", () => {
    it.effect("renews by the margin before the token expires", () =>
      Effect.gen(function*() {
        const schedule = RefreshPolicy.beforeExpiry("1 minute")
        assert.deepStrictEqual(yield* delayOfNew(schedule, "1 hour"), Duration.minutes(59))
        assert.deepStrictEqual(yield* delayOfNew(schedule, "40 days"), Duration.minutes(40 * 24 * 60 - 1))
      }))

    it.effect("does not renew early when the lifetime is within the margin, which would renew without end", () =>
      Effect.gen(function*() {
        assert.isUndefined(yield* delayOfNew(RefreshPolicy.beforeExpiry("1 minute"), "30 seconds"))
      }))

    it.prop(
      "varies the margin by the jitter, so that a renewal never falls after expiry",
      [
        FastCheck.integer({ min: 1, max: 40 * 24 * 3600 }),
        FastCheck.integer({ min: 1, max: 24 * 3600 }),
        FastCheck.double({ min: 0, max: 0.99, noNaN: true }),
        FastCheck.integer()
      ],
      ([lifetime, margin, jitter, seed]) => {
        const fresh = Effect.runSync(token(Duration.seconds(lifetime)))
        const schedule = RefreshPolicy.beforeExpiry(Duration.seconds(margin), { jitter })
        const renewal = delayAt(DateTime.toEpochMillis(fresh.issuedAt), schedule, fresh).pipe(
          Effect.withRandom(Random.make(seed)),
          Effect.runSync
        )
        if (renewal === undefined) {
          assert.isAtMost(lifetime, margin * (1 + jitter))
        } else {
          const before = lifetime * 1000 - Duration.toMillis(renewal)
          assert.isAbove(before, 0)
          assert.isAtLeast(before, margin * 1000 * (1 - jitter) - 1)
          assert.isAtMost(before, margin * 1000 * (1 + jitter) + 1)
        }
      }
    )
  })

  describe("afterIssue", () => {
    it.effect("renews at the given age, whether or not the lifetime is known", () =>
      Effect.gen(function*() {
        const schedule = RefreshPolicy.afterIssue("10 minutes")
        assert.deepStrictEqual(yield* delayOfNew(schedule), Duration.minutes(10))
        assert.deepStrictEqual(yield* delayOfNew(schedule, "1 hour"), Duration.minutes(10))
      }))
  })

  describe("every schedule", () => {
    it.effect("counts from the token's issue, so that a stored token is renewed in time", () =>
      Effect.gen(function*() {
        const old = yield* token("1 hour")
        yield* TestClock.adjust("50 minutes")
        assert.deepStrictEqual(yield* delay(RefreshPolicy.beforeExpiry("1 minute"), old), Duration.minutes(9))
        assert.deepStrictEqual(yield* delay(RefreshPolicy.afterIssue("10 minutes"), old), Duration.zero)
      }))

    it.effect("renews no token of unknown lifetime early; never renews no token early", () =>
      Effect.gen(function*() {
        assert.isUndefined(yield* delayOfNew(RefreshPolicy.never, "1 hour"))
        assert.isUndefined(yield* delayOfNew(RefreshPolicy.early))
        assert.isUndefined(yield* delayOfNew(RefreshPolicy.beforeExpiry("1 minute")))
      }))

    it.effect("takes the ordinary combinators of Schedule", () =>
      Effect.gen(function*() {
        const halved = RefreshPolicy.beforeExpiry("20 minutes").pipe(
          Schedule.modifyDelay((_, delay) => Duration.times(delay, 0.5))
        )
        assert.deepStrictEqual(yield* delayOfNew(halved, "1 hour"), Duration.minutes(20))
      }))
  })

  describe("early", () => {
    it.prop(
      "renews min(5 min, 20 % of the lifetime) before expiry, give or take a tenth of that",
      [FastCheck.integer({ min: 1, max: 400 * 24 * 3600 }), FastCheck.integer()],
      ([seconds, seed]) => {
        const fresh = Effect.runSync(token(Duration.seconds(seconds)))
        const renewal = delayAt(DateTime.toEpochMillis(fresh.issuedAt), RefreshPolicy.early, fresh).pipe(
          Effect.withRandom(Random.make(seed)),
          Effect.runSync
        )
        const before = seconds * 1000 - Duration.toMillis(renewal ?? Duration.infinity)
        const margin = Math.min(300_000, seconds * 200)
        assert.isAtLeast(before, margin * 0.9 - 1)
        assert.isAtMost(before, margin * 1.1 + 1)
      }
    )

    it.effect("spreads tokens that were obtained together", () =>
      Effect.gen(function*() {
        const delays = yield* Effect.replicateEffect(delayOfNew(RefreshPolicy.early, "1 hour"), 20)
        assert.isAbove(new Set(delays.map(String)).size, 15)
      }))

    it.effect.each(
      [
        ["when the server would have it renewed", "1 day", 43_200, Duration.hours(12)],
        [
          "when the server would have it renewed, although its lifetime is not known",
          undefined,
          600,
          Duration.minutes(10)
        ],
        ["no later than it would by itself", "1 hour", 3600, undefined]
      ] as const
    )("renews a token %s", ([, lifetime, renewIn, expected]) =>
      Effect.gen(function*() {
        const fresh = yield* Token.make({ value: "canary-token-4711", lifetime, renewIn })
        const renewal = yield* delay(RefreshPolicy.early, fresh)
        if (expected === undefined) assert.isBelow(Duration.toMinutes(renewal ?? Duration.infinity), 56)
        else assert.deepStrictEqual(renewal, expected)
      }))

    it.effect("has a policy of the program's own say otherwise", () =>
      Effect.gen(function*() {
        const fresh = yield* Token.make({ value: "canary-token-4711", lifetime: "1 day", renewIn: 43_200 })
        assert.deepStrictEqual(yield* delay(RefreshPolicy.beforeExpiry("1 hour"), fresh), Duration.hours(23))
      }))
  })

  describe("default", () => {
    const policy = RefreshPolicy.default

    it("has the documented times", () => {
      const { pipe: _, renewal: __, retry: ___, ...rest } = policy
      assert.deepStrictEqual(rest, {
        closing: Duration.seconds(5),
        coolDown: Duration.seconds(30),
        interaction: Duration.minutes(5),
        keepAlive: false,
        refreshGracePeriod: Duration.seconds(10),
        renewalInterval: Duration.seconds(1),
        storeTimeout: Duration.seconds(5),
        strictStore: false,
        timeout: Duration.seconds(30)
      })
      assert.strictEqual(policy.renewal, RefreshPolicy.early)
    })

    it.effect("retries an exchange after 500 ms, 1 s and 2 s, each give or take a fifth, then no more", () =>
      Effect.gen(function*() {
        const attempts = yield* Ref.make<ReadonlyArray<number>>([])
        const attempt = Effect.flatMap(
          Clock.currentTimeMillis,
          (now) => Effect.zipRight(Ref.update(attempts, (all) => [...all, now]), Effect.fail(transient))
        )
        const fiber = yield* Effect.fork(Effect.flip(Effect.retry(attempt, policy.retry)))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(yield* Fiber.join(fiber), transient)
        const delays = (yield* Ref.get(attempts)).map((at, index, all) => at - (all[index - 1] ?? 0)).slice(1)
        assert.deepStrictEqual(
          delays.map((delay, index) => delay / (500 * 2 ** index)).map((factor) => factor >= 0.8 && factor <= 1.2),
          [true, true, true]
        )
        // not the same for two processes that started together
        assert.notStrictEqual(delays[0], 500)
      }))
  })

  describe("combinators", () => {
    it("replace one part each, and leave the given policy unchanged", () => {
      const before = { ...RefreshPolicy.default }
      const retry = Schedule.recurs(5)
      const { pipe: _, renewal, retry: replaced, ...rest } = RefreshPolicy.default.pipe(
        RefreshPolicy.renewal(RefreshPolicy.never),
        RefreshPolicy.retry(retry),
        RefreshPolicy.coolDown("1 minute"),
        RefreshPolicy.timeout("2 minutes"),
        RefreshPolicy.keepAlive(true),
        RefreshPolicy.refreshGracePeriod("3 minutes"),
        RefreshPolicy.closing("4 minutes"),
        RefreshPolicy.renewalInterval("5 minutes"),
        RefreshPolicy.storeTimeout("6 minutes"),
        RefreshPolicy.strictStore(true),
        RefreshPolicy.interaction("7 minutes")
      )
      assert.deepStrictEqual(rest, {
        closing: Duration.minutes(4),
        coolDown: Duration.minutes(1),
        interaction: Duration.minutes(7),
        keepAlive: true,
        refreshGracePeriod: Duration.minutes(3),
        renewalInterval: Duration.minutes(5),
        storeTimeout: Duration.minutes(6),
        strictStore: true,
        timeout: Duration.minutes(2)
      })
      assert.strictEqual(renewal, RefreshPolicy.never)
      assert.strictEqual(replaced, retry)
      assert.deepStrictEqual({ ...RefreshPolicy.default }, before)
    })

    it("work data-first too, and return a pipeable policy", () => {
      const policy = RefreshPolicy.timeout(RefreshPolicy.default, "1 minute").pipe(RefreshPolicy.keepAlive(true))
      assert.deepStrictEqual(policy.timeout, Duration.minutes(1))
      assert.isTrue(policy.keepAlive)
    })
  })
})
