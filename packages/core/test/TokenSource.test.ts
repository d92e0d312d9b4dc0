import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import type * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../src/AuthError.ts"
import {
  CredentialsRejected,
  CredentialUnavailable,
  MalformedTokenResponse,
  TokenEndpointError,
  TokenStoreError
} from "../src/AuthError.ts"

const rejected = new CredentialsRejected({ mode: "Test", status: 401 })
const unavailable = new TokenEndpointError({ mode: "Test", reason: "Unavailable", status: 503 })

/** A server that counts; each token is numbered. Its next answers can be scripted, others are granted. */
const server = (options: {
  readonly lifetime?: DurationWithUnit | undefined
  readonly latency?: Duration.DurationInput
  readonly rotates?: boolean
} = {}) =>
  Effect.gen(function*() {
    const sent = yield* Ref.make<ReadonlyArray<string>>([])
    const script = yield* Ref.make<ReadonlyArray<ExchangeError>>([])
    const exchange = (name: string) =>
      Effect.gen(function*() {
        const number = (yield* Ref.updateAndGet(sent, (sent) => [...sent, name])).length
        yield* Effect.sleep(options.latency ?? Duration.zero)
        const failure = yield* Ref.modify(script, ([first, ...rest]) => [Option.fromNullable(first), rest])
        if (Option.isSome(failure)) return yield* failure.value
        return yield* Token.make({
          value: `token-${number}`,
          lifetime: "lifetime" in options ? options.lifetime : "100 seconds",
          ...(options.rotates === false && name !== "login" ? undefined : { refreshToken: `refresh-${number}` })
        })
      })
    return {
      login: exchange("login"),
      refresh: (token: Redacted.Redacted) => exchange(`refresh with ${Redacted.value(token)}`),
      sent: Ref.get(sent),
      answerNext: (...failures: ReadonlyArray<ExchangeError>) => Ref.set(script, failures)
    }
  })

/** An error that failed inside a span is a proxy of itself, so errors are compared by message. */
const message = (error: Error) => error.message

const value = (token: Token.Token) => Redacted.value(token.value)

/** A source, and the end of its Scope. */
const opened = (options: TokenSource.Options) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    return { tokens: yield* Scope.extend(TokenSource.make(options), scope), close: Scope.close(scope, Exit.void) }
  })

describe("TokenSource", () => {
  describe("what the model of its weather has found", () => {
    it.scoped("a token that arrives shortly before the timeout is kept although its store does not answer", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ latency: "28 seconds" })
        const memory = yield* TokenStore.makeMemory
        const tokens = yield* TokenSource.make({ login, store: { ...memory, compareAndSet: () => Effect.never } })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("40 seconds")
        assert.strictEqual(value(yield* Fiber.join(caller)), "token-1")
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("where a 401 means 403, a refresh between two logins does not pay for another login", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server({ lifetime: "1 hour" })
        const tokens = yield* TokenSource.make({ login, refresh })
        for (let request = 0; request < 5; request++) {
          let step: TokenSource.RenewalStep | undefined
          while (step !== "fail") step = yield* tokens.reject(yield* tokens.get, step, false)
        }
        assert.lengthOf((yield* sent).filter((name) => name === "login"), 2)
      }))

    it.scoped("a token of another process that is refused too costs a request, and not the next one", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ lifetime: "1 hour" })
        const store = yield* TokenStore.makeMemory
        const tokens = yield* TokenSource.make({ login, store })
        const own = yield* tokens.get
        yield* TokenStore.set(store, yield* Token.make({ value: "other", lifetime: "1 hour" }))
        yield* tokens.reject(own, undefined, false)
        const other = yield* tokens.get
        assert.strictEqual(value(other), "other")
        assert.strictEqual(yield* tokens.reject(other, undefined, false), "login")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))

    it.scoped("a store that cannot be read once does not bring the token given at the start back", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const memory = yield* TokenStore.makeMemory
        const readable = yield* Ref.make(true)
        const get = Effect.if(Ref.get(readable), {
          onTrue: () => memory.get,
          onFalse: () => Effect.fail(new TokenStoreError({ operation: "read", detail: "weather" }))
        })
        const stored = yield* Token.make({ value: "stored", lifetime: "50 seconds", refreshToken: "stored" })
        yield* TokenStore.set(memory, stored)
        const initial = yield* Token.make({ value: "initial", lifetime: "1 second", refreshToken: "initial" })
        const tokens = yield* TokenSource.make({
          login,
          refresh,
          store: { ...memory, get },
          initial: Effect.succeedSome(initial)
        })
        assert.strictEqual(value(yield* tokens.get), "stored")
        yield* Ref.set(readable, false)
        yield* TestClock.adjust("1 minute")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with stored"])
      }))

    it.scoped("a request that meets two revocations of tokens which were of use costs two refreshes and no login", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh })
        const step = yield* tokens.reject(yield* tokens.get, undefined, true)
        assert.strictEqual(yield* tokens.reject(yield* tokens.get, step, true), "refresh")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1", "refresh with refresh-2"])
      }))

    it.scoped("a Retry-After that the exchange's timeout cut short is respected by the next exchange", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server({ latency: "10 seconds" })
        yield* answerNext(
          new TokenEndpointError({
            mode: "Test",
            reason: "Unavailable",
            status: 503,
            retryAfter: Duration.seconds(25)
          })
        )
        const tokens = yield* TokenSource.make({ login })
        const first = yield* Effect.fork(Effect.exit(tokens.get))
        yield* TestClock.adjust("31 seconds")
        yield* Fiber.join(first)
        // told at 10 seconds: not before 35
        yield* Effect.fork(Effect.exit(tokens.get))
        yield* TestClock.adjust("1 second")
        assert.lengthOf(yield* sent, 1)
      }))

    it.scoped("a stored refresh token that was refused is not offered again after a login that failed", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(
          store,
          yield* Token.make({ value: "stored", lifetime: "1 second", refreshToken: "stored" })
        )
        yield* TestClock.adjust("2 seconds")
        yield* answerNext(rejected, rejected)
        const tokens = yield* TokenSource.make({ login, refresh, store })
        yield* Effect.exit(tokens.get)
        yield* TestClock.adjust("1 minute")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with stored", "login", "login"])
      }))

    it.scoped("another process's token that is refused too does not use up the login", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ lifetime: "1 hour" })
        const store = yield* TokenStore.makeMemory
        const tokens = yield* TokenSource.make({ login, store })
        const own = yield* tokens.get
        yield* TokenStore.set(store, yield* Token.make({ value: "other", lifetime: "1 hour" }))
        const step = yield* tokens.reject(own, undefined, true)
        const other = yield* tokens.get
        assert.strictEqual(value(other), "other")
        assert.strictEqual(yield* tokens.reject(other, step, false), "login")
        assert.lengthOf(yield* sent, 1)
      }))

    it.scoped("a store whose lock cannot be interrupted holds no caller beyond the timeout", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const memory = yield* TokenStore.makeMemory
        const tokens = yield* TokenSource.make({
          login,
          store: { ...memory, withLock: () => Effect.uninterruptible(Effect.never) }
        })
        const caller = yield* Effect.fork(Effect.exit(tokens.get))
        yield* TestClock.adjust("1 minute")
        assert.isTrue(Option.isSome(yield* Fiber.poll(caller)))
      }))
  })

  describe("one exchange at a time", () => {
    it.scoped("10,000 callers on an empty source cause one login, and all get its token", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ latency: "1 second" })
        const tokens = yield* TokenSource.make({ login })
        const callers = yield* Effect.fork(
          Effect.replicateEffect(tokens.get, 10_000, { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        const received = yield* Fiber.join(callers)
        assert.strictEqual(new Set(received).size, 1)
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("interrupting the caller that began the exchange neither cancels it nor affects the others", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ latency: "1 second" })
        const tokens = yield* TokenSource.make({ login })
        const first = yield* Effect.fork(tokens.get)
        yield* Effect.yieldNow()
        const others = yield* Effect.fork(Effect.all([tokens.get, tokens.get], { concurrency: "unbounded" }))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(first)
        yield* TestClock.adjust("1 second")
        const [a, b] = yield* Fiber.join(others)
        assert.strictEqual(a, b)
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("100 callers on an exchange that fails all get its error, and it is not repeated for each", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server({ latency: "1 second" })
        yield* answerNext(rejected)
        const tokens = yield* TokenSource.make({ login })
        const callers = yield* Effect.fork(
          Effect.replicateEffect(Effect.flip(tokens.get), 100, { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(new Set((yield* Fiber.join(callers)).map(message)), new Set([rejected.message]))
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("a defect in the exchange reaches every waiter and leaves the source usable", () =>
      Effect.gen(function*() {
        const broken = yield* Ref.make(true)
        const tokens = yield* TokenSource.make({
          login: Effect.flatMap(
            Ref.getAndSet(broken, false),
            (broken) => broken ? Effect.die("boom") : Token.make({ value: "token" })
          )
        })
        const exit = yield* Effect.exit(tokens.get)
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.strictEqual(value(yield* tokens.get), "token")
      }))

    it.scoped("an exchange is bounded in time even when the source was made in an uninterruptible region", () =>
      Effect.gen(function*() {
        const tokens = yield* Effect.uninterruptible(TokenSource.make({ login: Effect.never, mode: "Test" }))
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("30 seconds")
        const error = yield* Fiber.join(caller)
        assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Timeout", mode: "Test" })
      }))
  })

  describe("freshness", () => {
    it.scoped("a stale token is used while one renewal runs", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server({ latency: "1 second" })
        const tokens = yield* TokenSource.make({ login, refresh })
        yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("85 seconds")
        assert.strictEqual(value(yield* tokens.get), "token-1")
        assert.strictEqual(value(yield* tokens.get), "token-1")
        yield* TestClock.adjust("1 second")
        assert.strictEqual(value(yield* tokens.get), "token-2")
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1"])
      }))

    it.scoped("an expired token is not handed out: callers wait for its successor", () =>
      Effect.gen(function*() {
        const { login, refresh } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh })
        yield* tokens.get
        yield* TestClock.adjust("100 seconds")
        assert.strictEqual(value(yield* tokens.get), "token-2")
      }))

    it.scoped("a token of unknown lifetime is used until it is rejected", () =>
      Effect.gen(function*() {
        const { login } = yield* server({ lifetime: undefined })
        const tokens = yield* TokenSource.make({ login })
        const token = yield* tokens.get
        yield* TestClock.adjust("400 days")
        assert.strictEqual(yield* tokens.get, token)
        assert.strictEqual(yield* tokens.reject(token), "login")
        assert.strictEqual(value(yield* tokens.get), "token-2")
      }))

    it.scoped("a token that lives longer than timers can count (24.8 days) is used until it is due", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ lifetime: "100 days" })
        const policy = RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.beforeExpiry("1 hour")))
        const tokens = yield* TokenSource.make({ login, policy })
        const first = yield* tokens.get
        yield* TestClock.adjust(Duration.subtract(Duration.days(100), Duration.minutes(61)))
        assert.strictEqual(yield* tokens.get, first)
        assert.deepStrictEqual(yield* sent, ["login"])
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* tokens.get, first)
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))

    it.effect("keep-alive reads the clock at least every 30 s, so that it is on time after a suspend and for lifetimes beyond the longest timer", () => {
      const clock = VirtualClock.make(Date.UTC(2026, 0, 1))
      return Effect.gen(function*() {
        const { login, sent } = yield* server({ lifetime: "100 days" })
        const tokens = yield* TokenSource.make({ login, policy: RefreshPolicy.keepAlive(RefreshPolicy.default, true) })
        const first = yield* Effect.fork(tokens.get)
        yield* clock.advance(60_000)
        yield* Fiber.join(first)
        yield* clock.jump("99 days")
        assert.strictEqual((yield* sent).length, 1)
        yield* clock.jump("1 day")
        yield* clock.advance(30_000)
        assert.strictEqual((yield* sent).length, 2)
      }).pipe(Effect.scoped, Effect.withClock(clock))
    })

    it.scoped("with keep-alive the token is renewed without requests, also after failures", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const policy = RefreshPolicy.default.pipe(RefreshPolicy.keepAlive(true), RefreshPolicy.retry(Schedule.stop))
        const tokens = yield* TokenSource.make({ login, policy, refresh })
        yield* tokens.get
        yield* answerNext(unavailable)
        yield* TestClock.adjust("10 minutes")
        const all = yield* sent
        assert.isAtLeast(all.length, 6)
        assert.deepStrictEqual(all.slice(0, 3), ["login", "refresh with refresh-1", "refresh with refresh-1"])
        assert.notStrictEqual((yield* tokens.state.get).freshness, "Expired")
      }))

    it.scoped("keep-alive renews tokens that arrive expired at most once a second", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ lifetime: Duration.zero })
        const tokens = yield* TokenSource.make({ login, policy: RefreshPolicy.keepAlive(RefreshPolicy.default, true) })
        yield* tokens.get
        yield* TestClock.adjust("10 seconds")
        assert.isAtMost((yield* sent).length, 11)
      }))

    it.effect("a clock that jumps forward by hours (suspend) makes the token expire", () => {
      const clock = VirtualClock.make(Date.UTC(2026, 0, 1))
      return Effect.gen(function*() {
        const { login } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        const first = yield* Effect.fork(tokens.get)
        yield* clock.advance(1)
        assert.strictEqual(value(yield* Fiber.join(first)), "token-1")
        yield* clock.jump("5 hours")
        const second = yield* Effect.fork(tokens.get)
        yield* clock.advance(1)
        assert.strictEqual(value(yield* Fiber.join(second)), "token-2")
      }).pipe(Effect.scoped, Effect.withClock(clock))
    })

    it.effect("after a clock was set back by hours the token is renewed at its next use", () => {
      const clock = VirtualClock.make(Date.UTC(2026, 0, 1))
      return Effect.gen(function*() {
        const { login, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        const first = yield* Effect.fork(tokens.get)
        yield* clock.advance(1)
        yield* Fiber.join(first)
        yield* clock.jumpBack("5 hours")
        assert.strictEqual(value(yield* tokens.get), "token-1")
        yield* clock.advance(1)
        assert.strictEqual(value(yield* tokens.get), "token-2")
        assert.strictEqual((yield* sent).length, 2)
      }).pipe(Effect.scoped, Effect.withClock(clock))
    })
  })

  describe("failed exchanges", () => {
    it.scoped("a failed early renewal never fails a request while the token is valid, and is not repeated at once", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const policy = RefreshPolicy.default.pipe(
          RefreshPolicy.renewal(RefreshPolicy.beforeExpiry("50 seconds")),
          RefreshPolicy.retry(Schedule.stop)
        )
        const tokens = yield* TokenSource.make({ login, policy, refresh })
        yield* tokens.get
        yield* TestClock.adjust("50 seconds")
        yield* answerNext(unavailable, unavailable)
        for (let second = 0; second < 40; second++) {
          assert.strictEqual(value(yield* tokens.get), "token-1")
          yield* TestClock.adjust("1 second")
        }
        // once at 50 s and once more after the cool-down of 30 s
        assert.strictEqual((yield* sent).length, 3)
      }))

    it.scoped("a wrong password is sent once per cool-down, whatever the number of callers", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server()
        yield* answerNext(rejected, rejected, rejected)
        const tokens = yield* TokenSource.make({ login })
        const callers = Effect.replicateEffect(Effect.flip(tokens.get), 50, { concurrency: "unbounded" })
        for (let second = 0; second < 59; second++) {
          assert.deepStrictEqual(new Set((yield* callers).map(message)), new Set([rejected.message]))
          yield* TestClock.adjust("1 second")
        }
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))

    it.scoped("a proxy's answer to a refresh ends no session: the refresh token is redeemed again", () =>
      Effect.gen(function*() {
        const facts = { mode: "Test", status: 404 }
        const answers = [
          new TokenEndpointError({ ...facts, reason: "Unexpected" }),
          new MalformedTokenResponse({ ...facts, foreign: true })
        ]
        const { answerNext, login, refresh, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh })
        yield* tokens.get
        yield* TestClock.adjust("101 seconds")
        yield* answerNext(...answers)
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(value(yield* Fiber.join(caller)), "token-4")
        assert.deepStrictEqual(yield* sent, ["login", ...Array(3).fill("refresh with refresh-1")])
      }))

    it.scoped("a client that is not accepted keeps its refresh token, and does not log in", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh })
        yield* tokens.get
        yield* TestClock.adjust("101 seconds")
        yield* answerNext(new CredentialsRejected({ mode: "Test", reason: "Setting", code: "invalid_client" }))
        assert.deepInclude(yield* Effect.flip(tokens.get), { _tag: "CredentialsRejected", reason: "Setting" })
        yield* TestClock.adjust("31 seconds")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", ...Array(2).fill("refresh with refresh-1")])
      }))

    it.scoped("a server that says when to come back is not asked before, by this exchange or a later one", () =>
      Effect.gen(function*() {
        const busy = (wait: Duration.DurationInput) =>
          new TokenEndpointError({ mode: "Test", reason: "Unavailable", retryAfter: Duration.decode(wait) })
        const { answerNext, login, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        yield* answerNext(busy("4 seconds"))
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("3999 millis")
        assert.strictEqual((yield* sent).length, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(value(yield* Fiber.join(caller)), "token-2")

        yield* tokens.reject(yield* tokens.get)
        yield* answerNext(busy("10 minutes"))
        for (const minute of [0, 9]) {
          yield* TestClock.adjust(Duration.minutes(minute))
          assert.deepInclude(yield* Effect.flip(tokens.get), { reason: "Unavailable" })
        }
        assert.strictEqual((yield* sent).length, 3)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(value(yield* tokens.get), "token-4")
      }))

    it.scoped("a renewal that is always due is made once a second at most", () =>
      Effect.gen(function*() {
        for (const renewal of [RefreshPolicy.afterIssue("0 seconds"), Schedule.forever]) {
          const { login, sent } = yield* server()
          const policy = RefreshPolicy.default.pipe(RefreshPolicy.renewal(renewal))
          const tokens = yield* TokenSource.make({ login, policy })
          for (let use = 0; use < 200; use++) {
            yield* tokens.get
            yield* TestClock.adjust("10 millis")
          }
          assert.strictEqual((yield* sent).length, 2)
        }
      }))

    it.scoped("an API that says 401 where it means 403 costs one login, whatever the number of calls", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        const steps: Array<string> = []
        for (let call = 0; call < 10; call++) {
          const step = yield* tokens.reject(yield* tokens.get, "reuse", false)
          steps.push(step)
          if (step === "login") steps.push(yield* tokens.reject(yield* tokens.get, step, false))
        }
        assert.deepStrictEqual(steps, ["login", ...Array(10).fill("fail")])
        assert.strictEqual((yield* sent).length, 2)
      }))

    it.scoped("nor do refresh tokens that are refused each time make the number of logins grow with the calls", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server()
        const refused = new CredentialsRejected({ mode: "Test", status: 400, code: "invalid_grant" })
        const tokens = yield* TokenSource.make({ login, refresh: () => refused })
        const calls = (count: number) =>
          Effect.repeatN(
            Effect.flatMap(tokens.get, (token) => Effect.flatMap(tokens.reject(token, "reuse", true), () => tokens.get))
              .pipe(Effect.exit),
            count - 1
          )
        yield* calls(10)
        assert.strictEqual((yield* sent).length, 1 + 3)
        assert.strictEqual(message(yield* Effect.flip(tokens.get)), message(refused))
        yield* TestClock.adjust("31 seconds")
        yield* tokens.get
        assert.strictEqual((yield* sent).length, 1 + 3 + 1)
      }))

    it.scoped("a credential that could not be read is read again on the schedule", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server()
        yield* answerNext(new CredentialUnavailable({ mode: "Test", problem: "the vault is sealed" }))
        const tokens = yield* TokenSource.make({ login })
        const fiber = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("600 millis")
        assert.strictEqual(value(yield* Fiber.join(fiber)), "token-2")
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))

    it.scoped("a missing credential is neither retried nor remembered: the next caller asks for it again", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server()
        const missing = new CredentialUnavailable({ mode: "Test", problem: "ACME_TOKEN is not set", final: true })
        yield* answerNext(missing)
        const tokens = yield* TokenSource.make({ login })
        assert.strictEqual(message(yield* Effect.flip(tokens.get)), missing.message)
        assert.strictEqual(value(yield* tokens.get), "token-2")
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))

    it.scoped("transient failures are retried on the schedule; then the caller gets the last one", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server()
        yield* answerNext(unavailable, unavailable)
        const retry = Schedule.exponential("500 millis").pipe(Schedule.intersect(Schedule.recurs(3)))
        const tokens = yield* TokenSource.make({
          login,
          policy: RefreshPolicy.default.pipe(RefreshPolicy.retry(retry))
        })
        const first = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1500 millis")
        assert.strictEqual(value(yield* Fiber.join(first)), "token-3")

        yield* tokens.reject(yield* tokens.get)
        yield* answerNext(unavailable, unavailable, unavailable, unavailable)
        const second = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("3500 millis")
        assert.strictEqual(message(yield* Fiber.join(second)), unavailable.message)
        assert.strictEqual((yield* sent).length, 7)
      }))
  })

  describe("retries", () => {
    const retrying = RefreshPolicy.default.pipe(
      RefreshPolicy.retry(Schedule.spaced("1 second").pipe(Schedule.upTo("10 seconds")))
    )

    const mode = "Acme/Retries"
    const heard = (events: Queue.Dequeue<AuthEvent.AuthEvent>) =>
      Effect.map(
        events.takeAll,
        (events) =>
          Chunk.toArray(events).filter((event) => "mode" in event && event.mode === mode).map(({ _tag }) => _tag)
      )

    it.scoped("are announced once, before the first of them", () =>
      Effect.gen(function*() {
        const { answerNext, login } = yield* server()
        yield* answerNext(unavailable, unavailable, unavailable)
        const events = yield* AuthEvent.subscribe
        const tokens = yield* TokenSource.make({ login, mode, policy: retrying })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("500 millis")
        assert.deepStrictEqual(yield* heard(events), ["ExchangeRetried"])
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* heard(events), ["TokenObtained"])
      }).pipe(Effect.provide(AuthEvent.layer)))

    it.scoped("are not announced if there are none", () =>
      Effect.gen(function*() {
        const { answerNext, login } = yield* server()
        const events = yield* AuthEvent.subscribe
        for (
          const [failure, policy] of [[unavailable, RefreshPolicy.retry(retrying, Schedule.stop)], [
            rejected,
            retrying
          ]] as const
        ) {
          yield* answerNext(failure)
          const tokens = yield* TokenSource.make({ login, mode, policy })
          yield* Effect.flip(tokens.get)
          assert.deepStrictEqual(yield* heard(events), ["ExchangeFailed"])
        }
      }).pipe(Effect.provide(AuthEvent.layer)))

    it.effect("end at once with the Scope, while one waits to be sent", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server()
        yield* answerNext(unavailable)
        const { close, tokens } = yield* opened({ login, revoke: () => Effect.void, policy: retrying })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("500 millis")
        // nothing moves the clock: a close that waits would not return
        yield* close
        assert.deepInclude(yield* Fiber.join(caller), { _tag: "TokenEndpointError", reason: "Closed" })
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.effect("do not begin after the end of the Scope: the attempt that is on the wire is the last", () =>
      Effect.gen(function*() {
        const { answerNext, login, sent } = yield* server({ latency: "1 second" })
        yield* answerNext(unavailable)
        const { close, tokens } = yield* opened({ login, revoke: () => Effect.void, policy: retrying })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("500 millis")
        const closing = yield* Effect.fork(close)
        yield* TestClock.adjust("500 millis")
        yield* Fiber.join(closing)
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* sent, ["login"])
      }))
  })

  describe("a login that dies", () => {
    it.scoped("fails its callers with a defect without its words, which may quote a secret", () =>
      Effect.gen(function*() {
        const tokens = yield* TokenSource.make({
          login: Effect.die(new TypeError("canary-password is not a function"))
        })
        const cause = yield* Effect.flip(Effect.sandbox(tokens.get))
        const shown = Cause.pretty(cause)
        assert.include(shown, "TypeError: obtaining a token died")
        assert.include(shown, "TokenSource.test.ts")
        assert.notInclude(shown, "canary")
      }))
  })

  describe("rejected tokens", () => {
    it.scoped("a refused refresh token leads to a login and is not offered again", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const policy = RefreshPolicy.retry(RefreshPolicy.default, Schedule.stop)
        const tokens = yield* TokenSource.make({ login, policy, refresh })
        yield* tokens.get
        yield* TestClock.adjust("100 seconds")
        yield* answerNext(rejected, unavailable)
        assert.strictEqual(message(yield* Effect.flip(tokens.get)), unavailable.message)
        assert.strictEqual(value(yield* tokens.get), "token-4")
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1", "login", "login"])
      }))

    it.scoped("a token rejected right after a refresh leads to a login, not to another refresh", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh })
        assert.strictEqual(yield* tokens.reject(yield* tokens.get), "refresh")
        assert.strictEqual(yield* tokens.reject(yield* tokens.get), "login")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1", "login"])
      }))

    it.scoped("a refresh that brings no new refresh token keeps the old one (RFC 6749 section 6)", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server({ rotates: false })
        const tokens = yield* TokenSource.make({ login, refresh })
        yield* tokens.get
        yield* TestClock.adjust("100 seconds")
        yield* tokens.get
        yield* TestClock.adjust("100 seconds")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1", "refresh with refresh-1"])
      }))

    it.scoped("a hundred parallel rejections of one token cause one exchange; late ones find its successor", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server({ latency: "1 second" })
        const tokens = yield* TokenSource.make({ login })
        const first = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 second")
        const token = yield* Fiber.join(first)
        const again = yield* Effect.fork(
          Effect.replicateEffect(Effect.zipRight(tokens.reject(token), tokens.get), 100, { concurrency: "unbounded" })
        )
        yield* TestClock.adjust("1 second")
        assert.strictEqual(new Set(yield* Fiber.join(again)).size, 1)
        assert.strictEqual(yield* tokens.reject(token), "reuse")
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))

    it.scoped("a request that is refused again after a login gives up, and the new token is kept", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        const step = yield* tokens.reject(yield* tokens.get)
        const token = yield* tokens.get
        assert.strictEqual(yield* tokens.reject(token, step), "fail")
        assert.strictEqual(yield* tokens.get, token)
        assert.deepStrictEqual(yield* sent, ["login", "login"])
      }))
  })

  describe("changes and the end of the Scope", () => {
    it.effect("a subscriber gets every change in order, beginning with the latest one", () =>
      Effect.gen(function*() {
        const { login, refresh } = yield* server()
        const scope = yield* Scope.make()
        const tokens = yield* Scope.extend(TokenSource.make({ login, refresh }), scope)
        const names = (changes: Iterable<TokenSource.TokenChange>) =>
          Array.from(changes, (change) => change._tag === "Obtained" ? change.provenance : change._tag)
        const early = yield* Effect.fork(Stream.runCollect(tokens.changes))
        yield* Effect.yieldNow()
        yield* tokens.get
        yield* tokens.reject(yield* tokens.get)
        const late = yield* Effect.fork(Stream.runCollect(tokens.changes))
        yield* Effect.yieldNow()
        yield* tokens.get
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(names(yield* Fiber.join(early)), ["login", "Rejected", "refresh", "Cleared"])
        assert.deepStrictEqual(names(yield* Fiber.join(late)), ["Rejected", "refresh", "Cleared"])
      }))

    it.scoped("a subscriber that does not read delays nothing and still gets the newest change", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        const blocked = yield* Deferred.make<void>()
        const read = yield* Ref.make<ReadonlyArray<TokenSource.TokenChange>>([])
        yield* Effect.fork(
          Stream.runForEach(
            tokens.changes,
            (change) => Effect.zipRight(Deferred.await(blocked), Ref.update(read, (read) => [...read, change]))
          )
        )
        yield* Effect.yieldNow()
        for (let i = 0; i < 300; i++) yield* tokens.reject(yield* tokens.get)
        const latest = yield* tokens.get
        yield* Deferred.succeed(blocked, undefined)
        yield* TestClock.adjust("1 second")
        const last = (yield* Ref.get(read)).at(-1)
        assert.isTrue(last?._tag === "Obtained" && last.token === latest)
      }))

    it.effect("the end of the Scope waits for an exchange in flight and then revokes its token", () =>
      Effect.gen(function*() {
        const { login } = yield* server({ latency: "3 seconds" })
        const revoked = yield* Ref.make<ReadonlyArray<string>>([])
        const scope = yield* Scope.make()
        const tokens = yield* Scope.extend(
          TokenSource.make({ login, revoke: (token) => Ref.update(revoked, (out) => [...out, value(token)]) }),
          scope
        )
        const caller = yield* Effect.fork(tokens.get)
        yield* Effect.yieldNow()
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(closing)
        assert.strictEqual(value(yield* Fiber.join(caller)), "token-1")
        assert.deepStrictEqual(yield* Ref.get(revoked), ["token-1"])
        assert.deepInclude(yield* Effect.flip(tokens.get), { _tag: "TokenEndpointError", reason: "Closed" })
      }))

    it.effect("the end of the Scope publishes whether the revocation succeeded", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const hub = yield* AuthEvent.subscribe
        for (const revoke of [() => Effect.void, () => unavailable]) {
          yield* Effect.scoped(Effect.flatMap(TokenSource.make({ login, revoke, mode: "Test" }), ({ get }) => get))
        }
        const events = Chunk.toReadonlyArray(yield* hub.takeAll).filter((event) => event._tag === "LoggedOut")
        assert.deepStrictEqual(events, [
          AuthEvent.AuthEvent.LoggedOut({ mode: "Test", succeeded: true }),
          AuthEvent.AuthEvent.LoggedOut({ mode: "Test", succeeded: false })
        ])
      }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

    it.effect("the end of the Scope is bounded: neither a hanging exchange nor a hanging revocation delays it further", () =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const { login } = yield* server()
        const hangs = yield* Ref.make(false)
        const tokens = yield* Scope.extend(
          TokenSource.make({
            login: Effect.flatMap(Ref.get(hangs), (hangs) => hangs ? Effect.never : login),
            revoke: () => Effect.never
          }),
          scope
        )
        yield* tokens.reject(yield* tokens.get)
        yield* Ref.set(hangs, true)
        const waiter = yield* Effect.fork(Effect.flip(tokens.get))
        yield* Effect.yieldNow()
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(closing)
        assert.deepInclude(yield* Fiber.join(waiter), { _tag: "TokenEndpointError", reason: "Closed" })
      }))
  })

  describe("a session that a login replaces", () => {
    /** A source that has logged in twice, and what was revoked by the time its Scope has ended. */
    const replaced = (options: Partial<TokenSource.Options>, revocation: (token: string) => Effect.Effect<void>) =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const revoked = yield* Ref.make<ReadonlyArray<string>>([])
        const { close, tokens } = yield* opened({
          login,
          revoke: (token) =>
            Effect.zipRight(revocation(value(token)), Ref.update(revoked, (all) => [...all, value(token)])),
          ...options
        })
        yield* tokens.reject(yield* tokens.get)
        assert.strictEqual(value(yield* tokens.get), "token-2")
        const closing = yield* Effect.fork(Effect.zipRight(close, Ref.get(revoked)))
        yield* TestClock.adjust("20 seconds")
        return yield* Fiber.join(closing)
      })

    it.effect("is ended if the mode says so, and the end of the Scope waits for that", () =>
      Effect.gen(function*() {
        const slowly = (token: string) => Effect.sleep(token === "token-1" ? "4 seconds" : "1 second")
        assert.deepStrictEqual(yield* replaced({ endReplaced: true }, slowly), ["token-2", "token-1"])
      }))

    it.effect("is left to itself otherwise", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* replaced({}, () => Effect.void), ["token-2"])
      }))

    it.effect("holds up nobody for longer than the policy's closing if its end is not answered", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* replaced({ endReplaced: true }, () => Effect.never), [])
      }))
  })

  describe("with a store", () => {
    const shared = Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const scripted = yield* server({ latency: "1 second" })
      return { ...scripted, store }
    })

    it.scoped("a stored token is used without a login", () =>
      Effect.gen(function*() {
        const { login, refresh, sent, store } = yield* shared
        yield* TokenStore.set(
          store,
          yield* Token.make({ value: "stored", lifetime: "100 seconds", refreshToken: "kept" })
        )
        const tokens = yield* TokenSource.make({ login, refresh, store })
        assert.strictEqual(value(yield* tokens.get), "stored")
        assert.deepStrictEqual(yield* sent, [])
      }))

    it.scoped("a stored token that has expired is refreshed, without a login", () =>
      Effect.gen(function*() {
        const { login, refresh, sent, store } = yield* shared
        yield* TokenStore.set(
          store,
          yield* Token.make({ value: "stored", lifetime: "100 seconds", refreshToken: "kept" })
        )
        yield* TestClock.adjust("101 seconds")
        const tokens = yield* TokenSource.make({ login, refresh, store })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* sent, ["refresh with kept"])
      }))

    it.scoped("eight sources of one store redeem each refresh token once: the others adopt the result", () =>
      Effect.gen(function*() {
        const { login, refresh, sent, store } = yield* shared
        const sources = yield* Effect.replicateEffect(TokenSource.make({ login, refresh, store }), 8)
        const allCallers = Effect.all(sources.map((source) => source.get), { concurrency: "unbounded" })
        for (let round = 0; round < 3; round++) {
          const callers = yield* Effect.fork(allCallers)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(new Set((yield* Fiber.join(callers)).map(value)).size, 1)
          yield* TestClock.adjust("100 seconds")
        }
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1", "refresh with refresh-2"])
      }))

    it.scoped("the token is stored before any caller gets it", () =>
      Effect.gen(function*() {
        const { login, store } = yield* shared
        const order = yield* Ref.make<ReadonlyArray<string>>([])
        const note = (what: string) => Ref.update(order, (order) => [...order, what])
        const tokens = yield* TokenSource.make({
          login,
          store: {
            ...store,
            compareAndSet: (generation, token) => Effect.zipLeft(store.compareAndSet(generation, token), note("stored"))
          }
        })
        const caller = yield* Effect.fork(Effect.zipRight(tokens.get, note("handed out")))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* Ref.get(order), ["stored", "handed out"])
      }))

    it.scoped("a token that cannot be stored is used, and the failure is published", () =>
      Effect.gen(function*() {
        const { login, refresh, sent, store } = yield* shared
        const broken = new TokenStoreError({ operation: "write", detail: "disk full" })
        const mode = "Test/Unwritable"
        const tokens = yield* TokenSource.make({
          login,
          refresh,
          mode,
          store: { ...store, compareAndSet: () => broken }
        })
        const events = yield* Effect.fork(AuthEvent.stream.pipe(
          Stream.filter((event) => event._tag === "StoreFailed" && event.mode === mode),
          Stream.runHead
        ))
        yield* Effect.yieldNow()
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(value(yield* Fiber.join(caller)), "token-1")
        assert.include(AuthEvent.format(Option.getOrThrow(yield* Fiber.join(events))), broken.message)
        // what is held is newer than what is stored: its refresh token is the one to redeem
        yield* TestClock.adjust("100 seconds")
        const later = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(later)
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1"])
      }).pipe(Effect.provide(AuthEvent.layer)))

    const unreadable = new TokenStoreError({ operation: "read", detail: "the stored text is not a token" })
    const unlockable = new TokenStoreError({ operation: "lock", detail: "permission denied" })

    /** As a store does whose text cannot be read. */
    const unreadableBy =
      (get: TokenStore.TokenStore["get"]) => (store: TokenStore.TokenStore): TokenStore.TokenStore => ({
        ...store,
        get,
        compareAndSet: (generation, token) =>
          generation === 0 ? Effect.as(TokenStore.set(store, token), true) : Effect.succeed(false)
      })

    let modes = 0
    /** Tests run side by side and share the bus of events. */
    const ownMode = Effect.sync(() => `Test/Store${++modes}`)

    const failuresIn = (events: Iterable<AuthEvent.AuthEvent>, mode: string) =>
      Array.from(events).flatMap((event) => event._tag === "StoreFailed" && event.mode === mode ? [event] : [])

    /** The token of a source over a broken store, and the store's failures that were published on the way. */
    const despite = (broken: (store: TokenStore.TokenStore) => TokenStore.TokenStore) =>
      Effect.gen(function*() {
        const { login, refresh, store } = yield* shared
        yield* TokenStore.set(
          store,
          yield* Token.make({ value: "stored", lifetime: "100 seconds", refreshToken: "kept" })
        )
        const events = yield* AuthEvent.subscribe
        const mode = yield* ownMode
        const tokens = yield* TokenSource.make({ login, refresh, mode, store: broken(store) })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("20 seconds")
        const token = value(yield* Fiber.join(caller))
        const failures = failuresIn(yield* events.takeAll, mode).map(({ error: { operation, place } }) =>
          place === undefined ? operation : `${operation} ${place}`
        )
        return { token, failures, stored: Option.map((yield* store.get).token, value) }
      }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer))

    it.effect("what cannot be read is no token: the source logs in, stores the new one and tells it once", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* despite(unreadableBy(unreadable)), {
          token: "token-1",
          failures: ["read"],
          stored: Option.some("token-1")
        })
      }))

    it.effect("a lock that cannot be made costs persistence, not the request: a stored token is used all the same", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* despite((store) => ({ ...store, withLock: () => unlockable })), {
          token: "stored",
          failures: ["lock"],
          stored: Option.some("stored")
        })
      }))

    it.effect("a store that does not answer holds no caller longer than the policy's storeTimeout", () =>
      Effect.gen(function*() {
        const deaf = Effect.uninterruptible(Effect.never)
        assert.deepStrictEqual(yield* despite((store) => ({ ...unreadableBy(deaf)(store), place: "there" })), {
          token: "token-1",
          failures: ["read there"],
          stored: Option.some("token-1")
        })
        assert.deepStrictEqual(
          yield* despite((store) => ({
            ...store,
            get: Effect.succeed({ token: Option.none(), generation: 0 }),
            compareAndSet: () => deaf
          })),
          { token: "token-1", failures: ["write"], stored: Option.some("stored") }
        )
      }))

    it.scoped("a strict store that cannot be read or locked fails the caller with TokenStoreError", () =>
      Effect.gen(function*() {
        const { login, sent, store } = yield* shared
        const policy = RefreshPolicy.default.pipe(RefreshPolicy.strictStore(true))
        const broken = [
          [unreadable, { ...store, get: unreadable }],
          [unlockable, { ...store, withLock: () => unlockable }]
        ] as const
        for (const [error, store] of broken) {
          const tokens = yield* TokenSource.make({ login, policy, store })
          assert.strictEqual(message(yield* Effect.flip(tokens.get)), error.message)
        }
        assert.deepStrictEqual(yield* sent, [])
      }))

    describe("whose owner has lost its lock", () => {
      const stored = (name: string) =>
        Token.make({ value: name, lifetime: "100 seconds", refreshToken: `refresh-${name}` })

      /** What came of an exchange during which another process did something to the store. */
      const whileExchanging = (options: {
        readonly meanwhile: (store: TokenStore.TokenStore) => Effect.Effect<unknown, TokenStoreError>
        readonly altered?: (store: TokenStore.TokenStore) => TokenStore.TokenStore
      }) =>
        Effect.gen(function*() {
          const { login, refresh, sent, store } = yield* shared
          yield* TokenStore.set(store, yield* stored("before"))
          yield* TestClock.adjust("101 seconds")
          const events = yield* AuthEvent.subscribe
          const mode = yield* ownMode
          const tokens = yield* TokenSource.make({ login, refresh, mode, store: options.altered?.(store) ?? store })
          const get = Effect.gen(function*() {
            const caller = yield* Effect.fork(tokens.get)
            yield* TestClock.adjust("500 millis")
            yield* options.meanwhile(store)
            for (let n = 0; n < 20; n++) yield* TestClock.adjust("100 millis")
            return value(yield* Fiber.join(caller))
          })
          const first = yield* get
          const afterFirst = Option.map((yield* store.get).token, value)
          const failures = failuresIn(yield* events.takeAll, mode).map(({ error }) => error.message)
          return { tokens, first, afterFirst, failures, sent }
        })

      it.scoped("does not overwrite the token of its successor, uses its own, and the stored one next time", () =>
        Effect.gen(function*() {
          const { afterFirst, failures, first, sent, tokens } = yield* whileExchanging({
            meanwhile: (store) =>
              Effect.flatMap(
                Effect.orDie(Token.make({ value: "successor", lifetime: "1 hour", refreshToken: "refresh-successor" })),
                (token) => TokenStore.set(store, token)
              )
          })
          assert.deepStrictEqual([first, afterFirst], ["token-1", Option.some("successor")])
          assert.deepStrictEqual(failures, ["the token store failed to replace: another process has stored one"])
          yield* TestClock.adjust("100 seconds")
          assert.strictEqual(value(yield* tokens.get), "successor")
          assert.deepStrictEqual(yield* sent, ["refresh with refresh-before"])
        }).pipe(Effect.provide(AuthEvent.layer)))

      const lost = new TokenStoreError({ operation: "lock", detail: "taken over" })

      /** A store whose first owner is interrupted and fails after a time; an answer takes a second. */
      const losing = (after: DurationWithUnit) => (store: TokenStore.TokenStore): TokenStore.TokenStore => {
        let isFirst = true
        return {
          ...store,
          compareAndSet: (generation, token) => Effect.delay(store.compareAndSet(generation, token), "200 millis"),
          withLock: (self) =>
            Effect.suspend(() => {
              if (!isFirst) return store.withLock(self)
              isFirst = false
              return store.withLock(Effect.raceFirst(self, Effect.delay(lost, after)))
            })
        }
      }

      it.scoped("begins anew, once, if it has no token yet, and stores what that brings", () =>
        Effect.gen(function*() {
          const { afterFirst, failures, first, sent } = yield* whileExchanging({
            altered: losing("750 millis"),
            meanwhile: () => Effect.void
          })
          assert.deepStrictEqual([first, afterFirst], ["token-2", Option.some("token-2")])
          assert.deepStrictEqual(failures, [lost.message])
          assert.deepStrictEqual(yield* sent, ["refresh with refresh-before", "refresh with refresh-before"])
        }).pipe(Effect.provide(AuthEvent.layer)))

      it.scoped("is content with the token that it has when it finds out while that is being stored", () =>
        Effect.gen(function*() {
          const { afterFirst, failures, first, sent } = yield* whileExchanging({
            altered: losing("1100 millis"),
            meanwhile: () => Effect.void
          })
          assert.deepStrictEqual([first, afterFirst, failures], ["token-1", Option.some("token-1"), []])
          assert.deepStrictEqual(yield* sent, ["refresh with refresh-before"])
        }).pipe(Effect.provide(AuthEvent.layer)))

      it.scoped("finds what its successor stored when it begins anew", () =>
        Effect.gen(function*() {
          const { failures, first, sent } = yield* whileExchanging({
            altered: losing("750 millis"),
            meanwhile: (store) =>
              Effect.flatMap(Effect.orDie(stored("successor")), (token) => TokenStore.set(store, token))
          })
          assert.strictEqual(first, "successor")
          assert.deepStrictEqual(failures, [lost.message])
          assert.deepStrictEqual(yield* sent, ["refresh with refresh-before"])
        }).pipe(Effect.provide(AuthEvent.layer)))
    })

    it.scoped("a token that is being stored when the policy's timeout strikes is not lost", () =>
      Effect.gen(function*() {
        const { store } = yield* shared
        const login = Effect.delay(Effect.orDie(Token.make({ value: "late" })), "29 seconds")
        const tokens = yield* TokenSource.make({
          login,
          store: {
            ...store,
            compareAndSet: (generation, token) => Effect.delay(store.compareAndSet(generation, token), "2 seconds")
          }
        })
        const caller = yield* Effect.fork(tokens.get)
        for (let second = 0; second < 31; second++) yield* TestClock.adjust("1 second")
        assert.strictEqual(value(yield* Fiber.join(caller)), "late")
        assert.deepStrictEqual(Option.map((yield* store.get).token, value), Option.some("late"))
      }))

    it.scoped("an exchange that takes longer than the policy's timeout ends, and gives the lock back", () =>
      Effect.gen(function*() {
        const { store } = yield* shared
        const isInterrupted = yield* Ref.make(false)
        const login = Effect.onInterrupt(Effect.never, () => Ref.set(isInterrupted, true))
        const tokens = yield* TokenSource.make({ login, store })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("30 seconds")
        assert.deepInclude(yield* Fiber.join(caller), { _tag: "TokenEndpointError", reason: "Timeout" })
        assert.isTrue(yield* Ref.get(isInterrupted))
        assert.strictEqual(yield* store.withLock(Effect.succeed("free")), "free")
      }))

    it.effect("a lock that is never given is not waited for beyond two thirds of the policy's timeout", () =>
      Effect.gen(function*() {
        for (const hangs of [Effect.never, Effect.uninterruptible(Effect.never)]) {
          const { login, sent, store } = yield* shared
          const events = yield* AuthEvent.subscribe
          const mode = yield* ownMode
          const tokens = yield* TokenSource.make({
            login,
            mode,
            store: { ...store, place: "there", withLock: () => hangs }
          })
          const caller = yield* Effect.fork(tokens.get)
          yield* TestClock.adjust("19999 millis")
          assert.deepStrictEqual(yield* sent, [])
          yield* TestClock.adjust("1001 millis")
          assert.strictEqual(value(yield* Fiber.join(caller)), "token-1")
          assert.deepStrictEqual(
            failuresIn(yield* events.takeAll, mode).map(({ error }) => error.message),
            ["the token store failed to lock there: it was not given within 20s"]
          )
          assert.isTrue(Option.isNone((yield* store.get).token))
        }
      }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

    it.scoped("whoever waits in vain for the lock redeems no refresh token: its owner may be at it", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const store = yield* TokenStore.makeMemory
        const stored = yield* Token.make({ value: "stored", lifetime: "1 second", refreshToken: "stored" })
        yield* TokenStore.set(store, stored)
        const owner = yield* Effect.fork(store.withLock(Effect.never))
        yield* TestClock.adjust("2 seconds")
        const tokens = yield* TokenSource.make({ login, refresh, store })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("20 seconds")
        assert.include(message(yield* Fiber.join(caller)), "it was not given within 20s")
        assert.deepStrictEqual(yield* sent, [])
        yield* Fiber.interrupt(owner)
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with stored"])
      }))

    it.scoped("a strict store whose lock is never given fails the caller within the policy's timeout", () =>
      Effect.gen(function*() {
        const { login, sent, store } = yield* shared
        const policy = RefreshPolicy.default.pipe(RefreshPolicy.strictStore(true))
        const withLock = () => Effect.uninterruptible(Effect.never)
        const tokens = yield* TokenSource.make({ login, policy, store: { ...store, withLock } })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("20 seconds")
        assert.deepInclude(yield* Fiber.join(caller), { _tag: "TokenStoreError", operation: "lock" })
        assert.deepStrictEqual(yield* sent, [])
      }))

    it.scoped("a lock that is given too late runs nothing", () =>
      Effect.gen(function*() {
        const { login, sent, store } = yield* shared
        const tokens = yield* TokenSource.make({
          login,
          store: { ...store, withLock: (self) => Effect.uninterruptible(Effect.delay(self, "25 seconds")) }
        })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("a lock that is never taken back holds no caller longer than the policy's storeTimeout", () =>
      Effect.gen(function*() {
        const { login, sent, store } = yield* shared
        const tokens = yield* TokenSource.make({
          login,
          store: { ...store, withLock: (self) => Effect.ensuring(store.withLock(self), Effect.never) }
        })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual(value(yield* Fiber.join(caller)), "token-1")
        assert.deepStrictEqual(yield* sent, ["login"])
      }))

    it.scoped("an exchange that takes longer than a lock may be waited for keeps its lock", () =>
      Effect.gen(function*() {
        const { store } = yield* shared
        const login = Effect.delay(Effect.orDie(Token.make({ value: "slow" })), "29 seconds")
        const tokens = yield* TokenSource.make({ login, store })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("29 seconds")
        assert.strictEqual(value(yield* Fiber.join(caller)), "slow")
        assert.deepStrictEqual(Option.map((yield* store.get).token, value), Option.some("slow"))
      }))

    describe("after the server has ended the refresh token", () => {
      /** What is sent, and what the callers get, when the store holds something else by the time the refusal comes. */
      const refused = (
        meanwhile: (store: TokenStore.TokenStore) => Effect.Effect<unknown, unknown>,
        refusals = 1
      ) =>
        Effect.gen(function*() {
          const { answerNext, login, refresh, sent, store } = yield* shared
          const before = yield* Token.make({ value: "before", lifetime: "1 second", refreshToken: "ended" })
          yield* TokenStore.set(store, before)
          yield* TestClock.adjust("2 seconds")
          yield* answerNext(...Array.from({ length: refusals }, () => rejected))
          const tokens = yield* TokenSource.make({ login, refresh, store })
          const caller = yield* Effect.fork(tokens.get)
          yield* TestClock.adjust("500 millis")
          yield* Effect.orDie(meanwhile(store))
          yield* TestClock.adjust("10 seconds")
          return {
            token: value(yield* Fiber.join(caller)),
            sent: yield* sent,
            stored: Option.map((yield* store.get).token, value)
          }
        })
      const storing = (options: Token.Options) => (store: TokenStore.TokenStore) =>
        Effect.flatMap(Token.make(options), (token) => TokenStore.set(store, token))

      it.scoped("uses what another process has stored meanwhile, instead of logging in", () =>
        Effect.gen(function*() {
          const rotated = { value: "rotated", lifetime: "1 hour", refreshToken: "next" } as const
          assert.deepStrictEqual(yield* refused(storing(rotated)), {
            token: "rotated",
            sent: ["refresh with ended"],
            stored: Option.some("rotated")
          })
        }))

      it.scoped("redeems the other refresh token if that one's access token has expired, and stores the result", () =>
        Effect.gen(function*() {
          const rotated = { value: "rotated", lifetime: "1 milli", refreshToken: "next" } as const
          assert.deepStrictEqual(yield* refused(storing(rotated)), {
            token: "token-2",
            sent: ["refresh with ended", "refresh with next"],
            stored: Option.some("token-2")
          })
        }))

      it.scoped("does so once: then it logs in, whatever is stored meanwhile", () =>
        Effect.gen(function*() {
          const rotated = (refreshToken: string) => storing({ value: refreshToken, lifetime: "1 milli", refreshToken })
          const { sent, token } = yield* refused((store) =>
            rotated("next")(store).pipe(
              Effect.zipRight(TestClock.adjust("1 second")),
              Effect.zipRight(rotated("after next")(store))
            ), 2)
          assert.deepStrictEqual([token, sent], ["token-3", ["refresh with ended", "refresh with next", "login"]])
        }))

      it.scoped("logs in if the store holds the ended one, or nothing", () =>
        Effect.gen(function*() {
          for (const meanwhile of [() => Effect.void, (store: TokenStore.TokenStore) => store.remove]) {
            const { sent, token } = yield* refused(meanwhile)
            assert.deepStrictEqual([token, sent], ["token-2", ["refresh with ended", "login"]])
          }
        }))

      it.scoped("logs in if what is stored is older than its own, which could not be stored", () =>
        Effect.gen(function*() {
          const { answerNext, login, refresh, sent, store } = yield* shared
          yield* storing({ value: "older", lifetime: "1 second", refreshToken: "redeemed" })(store)
          yield* TestClock.adjust("2 seconds")
          const unwritable = new TokenStoreError({ operation: "write", detail: "disk full" })
          const tokens = yield* TokenSource.make({
            login,
            refresh,
            store: { ...store, compareAndSet: () => unwritable }
          })
          const get = Effect.gen(function*() {
            const caller = yield* Effect.fork(Effect.either(tokens.get))
            yield* TestClock.adjust("3 seconds")
            return Either.map(yield* Fiber.join(caller), value)
          })
          assert.deepStrictEqual(yield* get, Either.right("token-1"))
          yield* TestClock.adjust("100 seconds")
          yield* answerNext(rejected, rejected)
          assert.isTrue(Either.isLeft(yield* get))
          yield* TestClock.adjust("100 seconds")
          assert.deepStrictEqual(yield* get, Either.right("token-4"))
          assert.deepStrictEqual(yield* sent, ["refresh with redeemed", "refresh with refresh-1", "login", "login"])
        }))

      it.scoped("takes what is stored meanwhile even if its own had never been stored", () =>
        Effect.gen(function*() {
          const { answerNext, login, refresh, sent, store } = yield* shared
          const unwritable = new TokenStoreError({ operation: "write", detail: "disk full" })
          const tokens = yield* TokenSource.make({
            login,
            refresh,
            store: { ...store, compareAndSet: () => unwritable }
          })
          const first = yield* Effect.fork(tokens.get)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(value(yield* Fiber.join(first)), "token-1")
          yield* TestClock.adjust("100 seconds")
          yield* answerNext(rejected)
          const second = yield* Effect.fork(tokens.get)
          yield* TestClock.adjust("500 millis")
          yield* storing({ value: "rotated", lifetime: "1 hour", refreshToken: "next" })(store)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(value(yield* Fiber.join(second)), "rotated")
          assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1"])
        }))
    })

    it.effect("a stored session outlives the Scope: nothing is revoked", () =>
      Effect.gen(function*() {
        const { store } = yield* shared
        const scope = yield* Scope.make()
        const tokens = yield* Scope.extend(
          TokenSource.make({ login: Token.make({ value: "token" }), revoke: () => Effect.die("revoked"), store }),
          scope
        )
        yield* tokens.get
        yield* Scope.close(scope, Exit.void)
        assert.isTrue(Option.isSome((yield* store.get).token))
      }))
  })

  describe("observed", () => {
    it.scoped("an exchange has a span of its own that links to the waiting requests and has no parent", () =>
      Effect.gen(function*() {
        const spans: Array<Tracer.Span> = []
        const native = yield* Effect.tracer
        const tracer = Tracer.make({
          span: (...args) => {
            const span = native.span(...args)
            spans.push(span)
            return span
          },
          context: (f, fiber) => native.context(f, fiber)
        })
        yield* Effect.gen(function*() {
          const { login } = yield* server({ latency: "1 second" })
          const tokens = yield* TokenSource.make({ login })
          const callers = yield* Effect.fork(
            Effect.all([Effect.withSpan(tokens.get, "a"), Effect.withSpan(tokens.get, "b")], {
              concurrency: "unbounded"
            })
          )
          yield* TestClock.adjust("1 second")
          yield* Fiber.join(callers)
        }).pipe(Effect.withTracer(tracer))
        const exchange = spans.find((span) => span.name === "auth.login")
        assert.isTrue(exchange !== undefined && Option.isNone(exchange.parent))
        const linked = exchange?.links.map((link) => link.span.spanId).sort()
        const requests = spans.filter((span) => span.name === "a" || span.name === "b").map((span) => span.spanId)
          .sort()
        assert.deepStrictEqual(linked, requests)
      }))

    it.effect("the changes of the state end with the source", () =>
      Effect.gen(function*() {
        const { answerNext, login } = yield* server()
        yield* answerNext(rejected)
        const scope = yield* Scope.make()
        const tokens = yield* Scope.extend(TokenSource.make({ login }), scope)
        const states = yield* Effect.fork(Stream.runCollect(tokens.state.changes))
        yield* Effect.yieldNow()
        yield* Effect.flip(tokens.get)
        assert.strictEqual(
          message(Option.getOrThrow((yield* tokens.state.get).failure)),
          rejected.message
        )
        yield* TestClock.adjust("30 seconds")
        yield* tokens.get
        yield* Scope.close(scope, Exit.void)
        const all = Chunk.toReadonlyArray(yield* Fiber.join(states))
        assert.deepStrictEqual(all[0]?.freshness, "Empty")
        assert.isTrue(all.some(({ exchanging }) => exchanging))
        assert.isTrue(all.some(({ failure }) => Option.isSome(failure)))
        assert.isTrue(all.some(({ failure, freshness }) => freshness === "Fresh" && Option.isNone(failure)))
        assert.strictEqual(all.at(-1)?.freshness, "Empty")
      }))

    it.scoped("the state describes the held token without its value", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        assert.deepInclude(yield* tokens.state.get, { freshness: "Empty", generation: 0, exchanging: false })
        yield* tokens.get
        const state = yield* tokens.state.get
        assert.deepInclude(state, { freshness: "Fresh", generation: 1 })
        assert.notInclude(JSON.stringify(state), "token-1")
      }))
  })

  describe("with an initial token", () => {
    const given = (options: Partial<Token.Options> = {}) =>
      Effect.asSome(Token.make({ value: "initial", lifetime: "100 seconds", refreshToken: "refresh-0", ...options }))

    it.scoped("uses it while it is valid, without an exchange", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh, initial: given() })
        assert.strictEqual(value(yield* tokens.get), "initial")
        assert.deepStrictEqual(yield* sent, [])
      }))

    it.scoped("refreshes it when it has expired, and reads it only once", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const reads = yield* Ref.make(0)
        const initial = Effect.zipRight(Ref.update(reads, (n) => n + 1), given({ lifetime: Duration.zero }))
        const tokens = yield* TokenSource.make({ login, refresh, initial })
        yield* tokens.get
        yield* TestClock.adjust("100 seconds")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with refresh-0", "refresh with refresh-1"])
        assert.strictEqual(yield* Ref.get(reads), 1)
      }))

    it.scoped("logs in when its refresh token is refused, and does not try it again", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        yield* answerNext(rejected, rejected)
        const tokens = yield* TokenSource.make({ login, refresh, initial: given({ lifetime: Duration.zero }) })
        assert.strictEqual((yield* Effect.flip(tokens.get))._tag, "CredentialsRejected")
        yield* TestClock.adjust("30 seconds")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with refresh-0", "login", "login"])
      }))

    it.scoped("tries it again after a transient failure of its refresh", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        yield* answerNext(unavailable)
        const policy = RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.stop))
        const tokens = yield* TokenSource.make({ login, refresh, policy, initial: given({ lifetime: Duration.zero }) })
        yield* Effect.flip(tokens.get)
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with refresh-0", "refresh with refresh-0"])
      }))

    it.scoped("prefers the stored token, and falls back to it once the stored session has ended", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(
          store,
          yield* Token.make({ value: "stored", lifetime: "50 seconds", refreshToken: "refresh-stored" })
        )
        const tokens = yield* TokenSource.make({ login, refresh, store, initial: given({ lifetime: "1 hour" }) })
        assert.strictEqual(value(yield* tokens.get), "stored")
        yield* TestClock.adjust("50 seconds")
        yield* answerNext(rejected)
        assert.strictEqual(value(yield* tokens.get), "initial")
        assert.deepStrictEqual(yield* sent, ["refresh with refresh-stored"])
      }))

    it.scoped("refreshes it when it expires, although the store still holds a session that has ended", () =>
      Effect.gen(function*() {
        const { answerNext, login, refresh, sent } = yield* server()
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(
          store,
          yield* Token.make({ value: "stored", lifetime: "1 second", refreshToken: "refresh-stored" })
        )
        yield* TestClock.adjust("1 second")
        const tokens = yield* TokenSource.make({ login, refresh, store, initial: given() })
        yield* answerNext(rejected)
        assert.strictEqual(value(yield* tokens.get), "initial")
        yield* TestClock.adjust("100 seconds")
        yield* tokens.get
        assert.deepStrictEqual(yield* sent, ["refresh with refresh-stored", "refresh with refresh-0"])
      }))
  })

  describe("with a store that announces what others store", () => {
    const announcing = Effect.map(
      TokenStore.makeMemory,
      (store): TokenStore.TokenStore => ({ ...store, announces: true })
    )
    const other = (value: string, lifetime: DurationWithUnit = "1 hour") =>
      Token.make({ value, lifetime, refreshToken: `refresh-of-${value}` })

    const scenario = (
      test: (given: {
        readonly tokens: TokenSource.TokenSource
        readonly store: TokenStore.TokenStore
        readonly sent: Effect.Effect<ReadonlyArray<string>>
      }) => Effect.Effect<void, unknown, Scope.Scope>,
      store = announcing
    ) =>
      VirtualClock.run(Effect.scoped(Effect.gen(function*() {
        const { login, refresh, sent } = yield* server({ lifetime: "100 seconds" })
        const shared = yield* store
        const tokens = yield* TokenSource.make({
          login,
          refresh,
          store: shared,
          policy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never))
        })
        yield* test({ tokens, store: shared, sent })
      })))

    it.effect("it adopts a token while nobody waits for one", () =>
      scenario(({ sent, store, tokens }) =>
        Effect.gen(function*() {
          yield* tokens.get
          yield* TokenStore.set(store, yield* other("other"))
          yield* Effect.sleep("1 second")
          assert.strictEqual(value(yield* tokens.get), "other")
          yield* Effect.sleep("10 minutes")
          assert.strictEqual(value(yield* tokens.get), "other")
          assert.deepStrictEqual(yield* sent, ["login"])
        })
      ))

    it.effect("it tells that as a change, and its own token once", () =>
      scenario(({ store, tokens }) =>
        Effect.gen(function*() {
          yield* tokens.get
          const seen = yield* Ref.make<ReadonlyArray<string>>([])
          yield* Effect.forkScoped(Stream.runForEach(tokens.changes, (change) =>
            Ref.update(seen, (seen) => [...seen, change._tag === "Obtained" ? change.provenance : change._tag])))
          yield* Effect.sleep("1 second")
          yield* TokenStore.set(store, yield* other("other"))
          yield* Effect.sleep("1 second")
          assert.deepStrictEqual(yield* Ref.get(seen), ["login", "store"])
        })
      ))

    it.effect("it takes no token before it was asked for one, and none that has expired", () =>
      scenario(({ sent, store, tokens }) =>
        Effect.gen(function*() {
          yield* TokenStore.set(store, yield* other("early"))
          yield* Effect.sleep("1 second")
          assert.strictEqual((yield* tokens.state.get).freshness, "Empty")
          assert.strictEqual(value(yield* tokens.get), "early")
          yield* TokenStore.set(store, yield* other("expired", "0 millis"))
          yield* Effect.sleep("1 second")
          assert.strictEqual(value(yield* tokens.get), "early")
          assert.deepStrictEqual(yield* sent, [])
        })
      ))

    it.effect("it adopts one in the place of a token that was refused", () =>
      scenario(({ sent, store, tokens }) =>
        Effect.gen(function*() {
          const token = yield* tokens.get
          yield* tokens.reject(token)
          yield* TokenStore.set(store, yield* other("other"))
          yield* Effect.sleep("1 second")
          assert.strictEqual((yield* tokens.state.get).freshness, "Fresh")
          assert.deepStrictEqual(yield* sent, ["login"])
        })
      ))

    it.effect("it takes none while an exchange is in flight, which reads the store itself", () =>
      VirtualClock.run(Effect.scoped(Effect.gen(function*() {
        const { login, refresh } = yield* server({ lifetime: "100 seconds", latency: "5 seconds" })
        const store = yield* announcing
        const tokens = yield* TokenSource.make({ login, refresh, store })
        yield* tokens.get
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        yield* Effect.forkScoped(
          Stream.runForEach(
            tokens.changes,
            (change) =>
              Ref.update(seen, (seen) => [...seen, change._tag === "Obtained" ? change.provenance : change._tag])
          )
        )
        yield* Effect.sleep("2 minutes")
        const caller = yield* Effect.fork(tokens.get)
        yield* Effect.sleep("1 second")
        yield* TokenStore.set(store, yield* other("other"))
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* Ref.get(seen), ["login", "refresh"])
      }))))

    it.effect("it takes none of a store that is no longer its own", () =>
      VirtualClock.run(Effect.scoped(Effect.gen(function*() {
        const { login, refresh } = yield* server({ lifetime: "100 seconds" })
        const stores = yield* Effect.all([announcing, announcing])
        const account = yield* Ref.make(0)
        const tokens = yield* TokenSource.make({
          login,
          refresh,
          store: Effect.map(Ref.get(account), (n) => Option.fromNullable(stores[n]))
        })
        yield* tokens.get
        yield* Ref.set(account, 1)
        yield* Effect.sleep("2 minutes")
        const own = yield* tokens.get
        yield* TokenStore.set(stores[0], yield* other("of another account"))
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* tokens.get, own)
      }))))

    it.effect("it listens no more once it is closed", () =>
      VirtualClock.run(Effect.gen(function*() {
        const { login } = yield* server()
        const store = yield* announcing
        const subscribers = yield* Ref.make(0)
        const counted = {
          ...store,
          changes: Stream.ensuring(
            Stream.unwrap(Effect.as(Ref.update(subscribers, (n) => n + 1), store.changes)),
            Ref.update(subscribers, (n) => n - 1)
          )
        }
        const { close, tokens } = yield* opened({ login, store: counted })
        yield* tokens.get
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* Ref.get(subscribers), 1)
        yield* close
        assert.strictEqual(yield* Ref.get(subscribers), 0)
      })))

    it.effect("another store adopts nothing by itself", () =>
      scenario(({ store, tokens }) =>
        Effect.gen(function*() {
          const token = yield* tokens.get
          yield* TokenStore.set(store, yield* other("other"))
          yield* Effect.sleep("1 second")
          assert.strictEqual(yield* tokens.get, token)
        }), TokenStore.makeMemory))
  })

  describe("with a store from an Effect", () => {
    it.scoped("runs the Effect with each exchange; None keeps the tokens in memory", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server()
        const store = yield* TokenStore.makeMemory
        const opened = yield* Ref.make(0)
        const open = Effect.as(Ref.update(opened, (n) => n + 1), Option.some(store))
        const tokens = yield* TokenSource.make({ login, store: open })
        yield* tokens.get
        yield* TestClock.adjust("100 seconds")
        yield* tokens.get
        assert.strictEqual(yield* Ref.get(opened), 2)
        assert.isTrue(Option.isSome((yield* store.get).token))
        const without = yield* TokenSource.make({ login, store: Effect.succeedNone })
        yield* without.get
        assert.deepStrictEqual(yield* sent, ["login", "login", "login"])
      }))

    it.scoped("runs it again on the schedule if the account cannot be read", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server()
        const reads = yield* Ref.make(0)
        const memory = yield* TokenStore.makeMemory
        const store = Effect.flatMap(Ref.updateAndGet(reads, (n) => n + 1), (n) =>
          n < 3
            ? new CredentialUnavailable({ mode: "Test", problem: "the vault is sealed" })
            : Effect.succeedSome(memory))
        const tokens = yield* TokenSource.make({ login, store })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(caller)
        assert.deepStrictEqual(yield* sent, ["login"])
        assert.isTrue(Option.isSome((yield* memory.get).token))
      }))
  })

  describe("with an initial token that cannot be read", () => {
    it.scoped("fails the caller, and reads it again for the next one", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const sealed = yield* Ref.make(true)
        const missing = new CredentialUnavailable({ mode: "Test", problem: "the vault is sealed" })
        const initial = Effect.gen(function*() {
          return (yield* Ref.get(sealed))
            ? yield* missing
            : Option.some(yield* Token.make({ value: "initial", lifetime: "1 hour" }))
        })
        const tokens = yield* TokenSource.make({ login, refresh, initial })
        const caller = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(message(yield* Fiber.join(caller)), missing.message)
        yield* Ref.set(sealed, false)
        assert.strictEqual(value(yield* tokens.get), "initial")
        assert.deepStrictEqual(yield* sent, [])
      }))

    it.scoped("reads it again on the schedule", () =>
      Effect.gen(function*() {
        const reads = yield* Ref.make(0)
        const initial = Effect.flatMap(Ref.updateAndGet(reads, (n) => n + 1), (n) =>
          n < 3
            ? new CredentialUnavailable({ mode: "Test", problem: "the vault is sealed" })
            : Effect.asSome(Effect.orDie(Token.make({ value: "initial", lifetime: "1 hour" }))))
        const tokens = yield* TokenSource.make({ initial })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(value(yield* Fiber.join(caller)), "initial")
      }))

    it.scoped("logs in when there is none", () =>
      Effect.gen(function*() {
        const { login, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, initial: Effect.succeedNone })
        assert.strictEqual(value(yield* tokens.get), "token-1")
        assert.deepStrictEqual(yield* sent, ["login"])
      }))
  })

  describe("getAt", () => {
    it.scoped("is an Exit while the token is fresh, so that a hot path needs no effect", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const tokens = yield* TokenSource.make({ login })
        assert.isFalse(Exit.isExit(tokens.getAt(0)))
        const token = yield* tokens.get
        assert.deepStrictEqual(tokens.getAt(0), Exit.succeed(token))
        assert.strictEqual(tokens.getAt(1), tokens.getAt(2))
        assert.isFalse(Exit.isExit(tokens.getAt(99_000)), "stale")
        assert.isFalse(Exit.isExit(tokens.getAt(100_000)), "expired")
        yield* tokens.reject(token)
        assert.isFalse(Exit.isExit(tokens.getAt(1)), "rejected")
      }))

    it.scoped("renews a token that is stale or expired at the given time", () =>
      Effect.gen(function*() {
        const { login, refresh, sent } = yield* server()
        const tokens = yield* TokenSource.make({ login, refresh })
        yield* tokens.get
        assert.strictEqual(value(yield* tokens.getAt(99_000)), "token-1")
        yield* Effect.yieldNow()
        assert.deepStrictEqual(yield* sent, ["login", "refresh with refresh-1"])
        const others = yield* TokenSource.make({ login })
        assert.strictEqual(value(yield* others.get), "token-3")
        assert.strictEqual(value(yield* others.getAt(100_000)), "token-4")
      }))
  })

  describe("onChange", () => {
    const named = (change: TokenSource.TokenChange) => change._tag === "Obtained" ? change.provenance : change._tag
    it.effect("runs one at a time and in order, and the end of the Scope waits for the last one", () =>
      Effect.gen(function*() {
        const { login, refresh } = yield* server()
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const { close, tokens } = yield* opened({
          login,
          refresh,
          onChange: (change) =>
            Effect.zipRight(Effect.sleep("1 second"), Ref.update(seen, (seen) => [...seen, named(change)]))
        })
        yield* tokens.reject(yield* tokens.get)
        yield* tokens.get
        assert.deepStrictEqual(yield* Ref.get(seen), [])
        const closing = yield* Effect.fork(close)
        yield* TestClock.adjust("4 seconds")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(yield* Ref.get(seen), ["login", "Rejected", "refresh", "Cleared"])
      }))

    it.effect("that hangs delays no caller, and the end of the Scope for the policy's closing time only", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const { close, tokens } = yield* opened({ login, onChange: () => Effect.never })
        assert.strictEqual(value(yield* tokens.get), "token-1")
        const closing = yield* Effect.fork(close)
        yield* TestClock.adjust("4999 millis")
        assert.isTrue(Option.isNone(yield* Fiber.poll(closing)))
        yield* TestClock.adjust("1 milli")
        yield* Fiber.join(closing)
      }))

    it.effect("that dies is logged without its words, and runs again for the next change", () =>
      Effect.gen(function*() {
        const { login } = yield* server()
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const logged = yield* Ref.make<ReadonlyArray<string>>([])
        const logger = Logger.make(({ message }) =>
          Effect.runSync(Ref.update(logged, (lines) => [...lines, String(message)]))
        )
        yield* Effect.gen(function*() {
          const { close, tokens } = yield* opened({
            login,
            onChange: (change) =>
              Effect.zipRight(
                Ref.update(seen, (seen) => [...seen, named(change)]),
                change._tag === "Obtained" ? Effect.die(new Error("canary-token-1 is too long")) : Effect.void
              )
          })
          yield* tokens.get
          yield* close
        }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
        assert.deepStrictEqual(yield* Ref.get(seen), ["login", "Cleared"])
        assert.deepStrictEqual(yield* Ref.get(logged), [
          "Token: onChange of the token source failed,Error: onChange died"
        ])
      }))
  })
})
