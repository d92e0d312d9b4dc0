/**
 * A model of a token source under random schedules: callers that arrive, are interrupted and report rejections; a server
 * that answers, fails, is slow, refuses, and rotates its refresh tokens strictly; clocks that jump; a Scope that closes.
 * {@link run} runs one schedule and returns the claims that do not hold.
 */
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as fc from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { CredentialsRejected, TokenEndpointError } from "../src/AuthError.ts"
import * as RefreshPolicy from "../src/RefreshPolicy.ts"

type Outcome = "grant" | "fail" | "refuse" | "hang"

export type Action =
  | { readonly _tag: "Call"; readonly callers: number }
  | { readonly _tag: "Interrupt"; readonly caller: number }
  | { readonly _tag: "Advance"; readonly millis: number }
  | { readonly _tag: "Jump"; readonly millis: number }
  | { readonly _tag: "Reject" }
  | { readonly _tag: "Serve"; readonly login: Outcome; readonly refresh: Outcome; readonly latency: number }
  | { readonly _tag: "RevokeFamily" }
  | { readonly _tag: "Close" }

const outcome = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Outcome>("grant") },
  { weight: 2, arbitrary: fc.constant<Outcome>("fail") },
  { weight: 2, arbitrary: fc.constant<Outcome>("refuse") },
  { weight: 1, arbitrary: fc.constant<Outcome>("hang") }
)

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ _tag: fc.constant("Call" as const), callers: fc.integer({ min: 1, max: 8 }) }) },
  { weight: 6, arbitrary: fc.record({ _tag: fc.constant("Interrupt" as const), caller: fc.nat(40) }) },
  {
    weight: 20,
    // odd, so that no step ends on the instant of a timeout by accident
    arbitrary: fc.record({
      _tag: fc.constant("Advance" as const),
      millis: fc.oneof(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1_000, max: 700_000 }))
    })
  },
  {
    weight: 1,
    arbitrary: fc.record({
      _tag: fc.constant("Jump" as const),
      millis: fc.integer({ min: -9_000_000, max: 9_000_000 })
    })
  },
  { weight: 12, arbitrary: fc.constant<Action>({ _tag: "Reject" }) },
  {
    weight: 12,
    arbitrary: fc.record({
      _tag: fc.constant("Serve" as const),
      login: outcome,
      refresh: outcome,
      latency: fc.integer({ min: 0, max: 20_000 }).map((millis) => millis * 2 + 1)
    })
  },
  { weight: 3, arbitrary: fc.constant<Action>({ _tag: "RevokeFamily" }) },
  { weight: 1, arbitrary: fc.constant<Action>({ _tag: "Close" }) }
)

export const schedules: fc.Arbitrary<ReadonlyArray<Action>> = fc.array(action, {
  minLength: 5,
  maxLength: 40,
  size: "max"
})

const lifetime = 500_000

export const run = (actions: ReadonlyArray<Action>): Effect.Effect<ReadonlyArray<string>> => {
  const clock = VirtualClock.make(Date.UTC(2026, 0, 1))
  return Effect.gen(function*() {
    const untrue: Array<string> = []
    const claim = (sentence: string, holds: boolean) => {
      if (!holds && !untrue.includes(sentence)) untrue.push(sentence)
    }

    // ---- the server -----------------------------------------------------------------------------------------------
    let serve: Extract<Action, { _tag: "Serve" }> = { _tag: "Serve", login: "grant", refresh: "grant", latency: 11 }
    let exchanging = 0
    let settledExchanges = 0
    let issued = 0
    let current: string | undefined
    let refusedLoginAt: number | undefined
    const redeemed = new Set<string>()

    const answer = (kind: "login" | "refresh", grant: Effect.Effect<Token.Token, CredentialsRejected>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          exchanging += 1
          claim("never are two exchanges in flight", exchanging === 1)
          return serve
        }),
        ({ latency, [kind]: outcome }) =>
          Effect.gen(function*() {
            if (outcome === "hang") return yield* Effect.never
            yield* Effect.sleep(latency)
            if (outcome === "fail") {
              return yield* new TokenEndpointError({ mode: "Model", reason: "Unavailable", status: 503 })
            }
            if (outcome === "refuse") return yield* new CredentialsRejected({ mode: "Model", status: 401 })
            return yield* grant
          }),
        () =>
          Effect.sync(() => {
            exchanging -= 1
            settledExchanges += 1
          })
      )

    const grant = Effect.suspend(() => {
      issued += 1
      current = `refresh-${issued}`
      return Effect.orDie(
        Token.make({ value: `access-${issued}`, lifetime: Duration.millis(lifetime), refreshToken: current })
      )
    })

    const login = answer("login", grant).pipe(
      Effect.tapErrorTag("CredentialsRejected", () =>
        Effect.sync(() => {
          const now = clock.unsafeCurrentTimeMillis()
          claim(
            "a refused login is not repeated within the cool-down",
            refusedLoginAt === undefined || now < refusedLoginAt || now - refusedLoginAt >= 30_000
          )
          refusedLoginAt = now
        }))
    )

    const refused = new Set<string>()

    const refresh = (token: Redacted.Redacted) => {
      const value = Redacted.value(token)
      claim("no refused refresh token is offered again", !refused.has(value))
      return answer(
        "refresh",
        Effect.suspend(() => {
          claim("no refresh token is redeemed twice", !redeemed.has(value))
          redeemed.add(value)
          if (value === current) return grant
          // only a revoked family is refused; any other refusal means that the source lost a rotation
          claim("no rotation is lost", current === undefined)
          return Effect.fail(new CredentialsRejected({ mode: "Model", status: 400 }))
        })
      ).pipe(Effect.tapErrorTag("CredentialsRejected", () => Effect.sync(() => refused.add(value))))
    }

    // ---- the callers ----------------------------------------------------------------------------------------------
    const scope = yield* Scope.make()
    const tokens = yield* TokenSource.make({
      mode: "Model",
      login,
      refresh,
      policy: RefreshPolicy.default
    }).pipe(Scope.extend(scope))
    let closed = false
    let latest: Token.Token | undefined
    const rejected = new Set<Token.Token>()
    const waiting: Array<Fiber.RuntimeFiber<void>> = []
    const results = new Map<number, Either.Either<Token.Token, string>>()

    const call = Effect.gen(function*() {
      const before = settledExchanges
      const asked = clock.unsafeCurrentTimeMillis()
      const result = yield* Effect.either(Effect.mapError(tokens.get, (error) => error.message))
      const now = clock.unsafeCurrentTimeMillis()
      if (Either.isRight(result)) {
        const token = result.right
        latest = token
        claim("no expired token is handed out", DateTime.toEpochMillis(token.expiresAt!) > now)
        claim("no rejected token is handed out", !rejected.has(token))
      }
      if (settledExchanges > before && now > asked) {
        const other = results.get(settledExchanges)
        claim(
          "every waiter gets the same result",
          other === undefined || (Either.isRight(other) && Either.isRight(result)
            ? other.right === result.right
            : Either.isLeft(other) && Either.isLeft(result) && other.left === result.left)
        )
        results.set(settledExchanges, result)
      }
    })

    for (const action of actions) {
      switch (action._tag) {
        case "Call":
          for (let i = 0; i < action.callers; i++) waiting.push(yield* Effect.forkDaemon(call))
          break
        case "Interrupt": {
          const fiber = waiting[action.caller]
          if (fiber !== undefined) yield* Fiber.interrupt(fiber)
          break
        }
        case "Advance":
          yield* clock.advance(action.millis)
          break
        case "Jump":
          yield* action.millis < 0 ? clock.jumpBack(-action.millis) : clock.jump(action.millis)
          break
        case "Reject":
          if (latest !== undefined) {
            const step = yield* tokens.reject(latest)
            if (step !== "reuse" && step !== "fail") rejected.add(latest)
          }
          break
        case "Serve":
          serve = action
          break
        case "RevokeFamily":
          current = undefined
          break
        case "Close":
          if (!closed) {
            closed = true
            yield* Effect.forkDaemon(Scope.close(scope, Exit.void))
          }
          break
      }
      yield* VirtualClock.settled
    }

    serve = { _tag: "Serve", login: "grant", refresh: "grant", latency: 11 }
    for (let minute = 0; minute < 4; minute++) yield* clock.advance(61_000)
    for (const fiber of waiting) {
      claim("no waiter hangs", (yield* Fiber.poll(fiber))._tag === "Some")
      yield* Fiber.interrupt(fiber)
    }
    if (!closed) yield* Scope.close(scope, Exit.void)
    return untrue
  }).pipe(
    Effect.withClock(clock),
    Effect.withRandom(Random.make("token source")),
    Logger.withMinimumLogLevel(LogLevel.None)
  )
}
