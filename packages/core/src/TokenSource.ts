/**
 * A source of tokens: logs in once, hands the token out for as long as it is good, renews it before it expires, and
 * runs at most one exchange at a time whatever its callers do. The decisions are in `TokenState`; this module reads the
 * clock, runs the exchange and wakes the callers who wait for it.
 *
 * An exchange belongs to the Scope of the source, not to the caller who happened to need it: interrupting that caller
 * neither cancels it nor hurts the others.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { ExchangeError } from "./AuthError.ts"
import { TokenEndpointError } from "./AuthError.ts"
import * as AuthEvent from "./AuthEvent.ts"
import * as Crowd from "./internal/crowd.ts"
import * as Ladder from "./internal/ladder.ts"
import * as LatestHub from "./internal/latestHub.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import type { Token } from "./Token.ts"
import * as TokenState from "./TokenState.ts"
import type { TokenStore } from "./TokenStore.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenSource {
  /**
   * A token that is good now. Waits only when there is none; fails with what the exchange failed with.
   */
  readonly get: Effect.Effect<Token, ExchangeError>
  /**
   * The token that `get` would give at once at this time (ms), because it is fresh; for hot paths that have read the clock
   * already.
   */
  readonly peek: (now: number) => Token | undefined
  /**
   * Tells that the server rejected the token, for a request that has already climbed to `climbed` (default: not at all).
   * Answers the rung by which the next `get` will come by another token, or `fail` when this request cannot hope for a
   * better one. Only the first rejection of a token counts, later ones find its successor (`reuse`).
   */
  readonly reject: (token: Token, climbed?: TokenState.Rung) => Effect.Effect<TokenState.Rung>
  /**
   * Every change, in order, beginning with the latest one; ends with the source. A subscriber that falls behind loses
   * nothing and delays nobody: what it has not read waits in memory, one small record per change.
   */
  readonly changes: Stream.Stream<TokenChange>
  readonly state: Effect.Effect<Snapshot>
}

/**
 * A change of the token, for whoever persists or displays it.
 *
 * @since 0.1.0
 * @category models
 */
export type TokenChange =
  | { readonly _tag: "Obtained"; readonly origin: TokenState.Origin; readonly token: Token }
  | { readonly _tag: "Rejected"; readonly token: Token }
  | { readonly _tag: "Cleared" }

/**
 * What a source can tell about itself without a secret.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly freshness: TokenState.Freshness | "Empty"
  readonly generation: number
  readonly expiresAt: Option.Option<DateTime.Utc>
  readonly exchanging: boolean
  /** The last exchange's failure, until a token arrives. */
  readonly failure: Option.Option<ExchangeError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<R = never> {
  /** Obtains a token from nothing but the credentials. */
  readonly login: Effect.Effect<Token, ExchangeError, R>
  /** Redeems a refresh token. A refusal leads to `login`. */
  readonly refresh?: ((refreshToken: Redacted.Redacted) => Effect.Effect<Token, ExchangeError, R>) | undefined
  /**
   * Ends the session at the server when the Scope ends. Not run with a `store`: the session is then meant to outlive
   * this process.
   */
  readonly logout?: ((token: Token) => Effect.Effect<unknown, ExchangeError, R>) | undefined
  readonly policy?: RefreshPolicy.RefreshPolicy | undefined
  readonly store?: TokenStore | undefined
  /**
   * Run with every change, in order and one at a time: to persist tokens by other means than a `store`, say. It delays
   * nobody; a defect in it is logged. The end of the Scope waits for what is still to be run, as long as the policy's
   * `closing` allows, so that the last token is not lost.
   */
  readonly onChange?: ((change: TokenChange) => Effect.Effect<unknown, never, R>) | undefined
  /** The mode that the tokens are for, such as `Yamcs/Password`; shown in errors, events and metrics. */
  readonly mode?: string | undefined
}

/**
 * Makes a source of tokens that lives as long as its Scope. Nothing is sent before the first `get`.
 *
 * @example
 * ```ts
 * import * as Token from "@effect-auth/core/Token"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const tokens = yield* TokenSource.make({ login: Token.make({ value: "eyJhbGciOi...", lifetime: "1 hour" }) })
 *   return yield* tokens.get
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <R = never>(options: Options<R>): Effect.Effect<TokenSource, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const mode = options.mode ?? "Token"
    const policy = options.policy ?? RefreshPolicy.default
    const rules: TokenState.Rules = {
      canRefresh: options.refresh !== undefined,
      coolDown: Duration.toMillis(policy.coolDown),
      probation: Duration.toMillis(policy.probation)
    }
    const context = yield* Effect.context<R>()
    const runFork = Runtime.runFork(yield* Effect.runtime<R>())
    const state = MutableRef.make<TokenState.TokenState<Exchange>>(TokenState.empty)
    const renewals = MutableRef.make(policy.renewal.initial)
    const changes = LatestHub.make<TokenChange>()
    const observer = yield* observe(changes, options.onChange)

    /** When to renew a new token: one step of the policy's schedule. */
    const renewAt = (token: Token, now: number): Effect.Effect<number> =>
      Effect.map(policy.renewal.step(now, token, MutableRef.get(renewals)), ([next, , decision]) => {
        MutableRef.set(renewals, next)
        // whole milliseconds, as clocks have them: a remainder below one would be a sleep of nothing, over and over
        return ScheduleDecision.isDone(decision) ? Infinity : Math.ceil(ScheduleIntervals.start(decision.intervals))
      })

    const source: Ladder.Source = {
      mode,
      policy,
      rules,
      held: () => MutableRef.get(state).held,
      refreshRefused: () => void MutableRef.update(state, TokenState.refreshRefused),
      granted: Effect.fnUntraced(function*(token, origin, persisted) {
        const now = yield* Clock.currentTimeMillis
        const facts = { origin, persisted, renewAt: yield* renewAt(token, now) }
        const next = TokenState.granted(MutableRef.get(state), token, facts)
        MutableRef.set(state, next)
        changes.publish({ _tag: "Obtained", origin, token })
        yield* AuthEvent.publish(AuthEvent.AuthEvent.TokenObtained({
          mode,
          origin,
          generation: next.generation,
          expiresIn: token.expiresAt === undefined ? undefined : (DateTime.toEpochMillis(token.expiresAt) - now) / 1000,
          waiters: next.exchange === undefined ? 0 : MutableRef.get(next.exchange.crowd.joined)
        }))
      })
    }

    /** The check that there is no exchange and this are one synchronous step: nobody can begin a second one between. */
    const begin = (request: Tracer.AnySpan | undefined): Exchange => {
      const generation = MutableRef.get(state).generation
      const exchange: Exchange = {
        crowd: Crowd.make(),
        fiber: MutableRef.make<Fiber.RuntimeFiber<void> | undefined>(undefined),
        requests: request === undefined ? [] : [request]
      }
      MutableRef.update(state, (state) => ({ ...state, exchange }))
      const exchanging = Effect.interruptible(Ladder.climb(source, options, exchange.requests)).pipe(
        Effect.onExit((exit) => settle(exchange, generation, exit)),
        Effect.catchAllCause(() => Effect.void)
      )
      MutableRef.set(exchange.fiber, runFork(exchanging))
      return exchange
    }

    /** Remembers a failure and wakes everyone who waits, all with the same result. */
    const settle = (
      exchange: Exchange,
      generation: number,
      exit: Exit.Exit<void, ExchangeError>
    ): Effect.Effect<void> =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const current: TokenState.TokenState<Exchange> = { ...MutableRef.get(state), exchange: undefined }
        // what arrived counts, even if the timeout struck while it was being stored
        const result: Exit.Exit<Token, ExchangeError> = current.held !== undefined && current.generation > generation
          ? Exit.succeed(current.held.token)
          : Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)
          ? Exit.failCause(exit.cause)
          : Exit.fail(closed(mode))
        const error = Exit.isFailure(result) ? Cause.failureOption(result.cause) : Option.none()
        MutableRef.set(state, Option.isSome(error) ? TokenState.failed(current, error.value, now) : current)
        Crowd.release(exchange.crowd, result)
      })

    const acquire = (now: number, request: Tracer.AnySpan | undefined): Effect.Effect<Token, ExchangeError> => {
      const decision = TokenState.decide(MutableRef.get(state), now, rules)
      switch (decision._tag) {
        case "Use":
          return Effect.succeed(decision.token)
        case "UseAndRenew": {
          const { generation } = MutableRef.get(state)
          begin(request)
          return Effect.as(AuthEvent.publish(AuthEvent.AuthEvent.ServedStale({ mode, generation })), decision.token)
        }
        case "Begin":
          return Crowd.join(begin(request).crowd)
        case "Join": {
          const { exchange } = decision
          if (request !== undefined && exchange.requests.length < linksKept) exchange.requests.push(request)
          return Crowd.join(exchange.crowd)
        }
        case "Refuse":
          return Effect.fail(decision.error)
        case "Closed":
          return Effect.fail(closed(mode))
      }
    }

    const peek = (now: number): Token | undefined => {
      const { held } = MutableRef.get(state)
      return held !== undefined && TokenState.freshness(held, now) === "Fresh" ? held.token : undefined
    }

    const get: Effect.Effect<Token, ExchangeError> = Effect.clockWith((clock) => {
      const now = clock.unsafeCurrentTimeMillis()
      const token = peek(now)
      return token !== undefined ?
        Effect.succeed(token) :
        Effect.contextWithEffect((context: Context.Context<never>) =>
          acquire(now, Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan)))
        )
    })

    const reject = (token: Token, climbed: TokenState.Rung = "reuse"): Effect.Effect<TokenState.Rung> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const before = MutableRef.get(state)
        const [rung, after] = TokenState.reject(before, token, climbed, now, rules)
        if (after === before) return Effect.succeed(rung)
        MutableRef.set(state, after)
        changes.publish({ _tag: "Rejected", token })
        return Effect.as(
          AuthEvent.publish(AuthEvent.AuthEvent.TokenRejected({ mode, generation: before.generation })),
          rung
        )
      })

    /**
     * Looks after the token while nobody asks for it: at least every 30 s, because a long timer sleeps through a suspend,
     * and at most once a second, whatever the server says about lifetimes.
     */
    const keepAlive = Effect.flatMap(changes.subscribe, (changed) =>
      Clock.currentTimeMillis.pipe(
        Effect.flatMap((now) => {
          const current = MutableRef.get(state)
          const decision = TokenState.decide(current, now, rules)
          if (current.held !== undefined && (decision._tag === "UseAndRenew" || decision._tag === "Begin")) {
            begin(undefined)
          }
          const due = current.held === undefined || current.held.renewAt <= now
            ? longestSleep
            : current.held.renewAt - now
          return Effect.timeoutOption(Queue.takeBetween(changed, 1, Infinity), Math.min(due, longestSleep))
        }),
        Effect.delay(shortestSleep),
        Effect.forever
      ))

    const close = Effect.gen(function*() {
      const { exchange } = MutableRef.updateAndGet(state, (state) => ({ ...state, closed: true }))
      const fiber = exchange === undefined ? undefined : MutableRef.get(exchange.fiber)
      if (fiber !== undefined) {
        // only what a store or a logout will need is worth waiting for
        if (options.store !== undefined || options.logout !== undefined) {
          yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), policy.closing)
        }
        yield* Fiber.interruptFork(fiber)
      }
      const { held } = MutableRef.getAndUpdate(state, (state) => ({ ...state, held: undefined }))
      changes.publish({ _tag: "Cleared" })
      if (held !== undefined && options.logout !== undefined && options.store === undefined) {
        const loggedOut = yield* Effect.interruptible(options.logout(held.token)).pipe(
          Effect.provide(context),
          Effect.timeout(policy.closing),
          Effect.exit
        )
        yield* AuthEvent.publish(AuthEvent.AuthEvent.LoggedOut({ mode, succeeded: Exit.isSuccess(loggedOut) }))
      }
      yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(observer)), policy.closing)
      yield* Fiber.interruptFork(observer)
    })

    yield* Effect.addFinalizer(() => close)
    if (policy.keepAlive) yield* Effect.forkScoped(keepAlive)

    return {
      get,
      peek,
      reject,
      changes: untilCleared(Stream.unwrapScoped(Effect.map(changes.subscribe, (queue) => Stream.fromQueue(queue)))),
      state: Effect.map(Clock.currentTimeMillis, (now) => snapshot(MutableRef.get(state), now))
    }
  })

/** The one exchange in flight. */
interface Exchange {
  readonly crowd: Crowd.Crowd<Token, ExchangeError>
  readonly fiber: MutableRef.MutableRef<Fiber.RuntimeFiber<void> | undefined>
  readonly requests: Array<Tracer.AnySpan>
}

/** Subscribes before there can be a change. The fiber ends by itself, once it has seen the last one. */
const observe = <R>(
  changes: LatestHub.LatestHub<TokenChange>,
  onChange: Options<R>["onChange"]
): Effect.Effect<Fiber.Fiber<void>, never, R | Scope.Scope> =>
  onChange === undefined ?
    Effect.succeed(Fiber.void) :
    Effect.flatMap(changes.subscribe, (subscription) =>
      untilCleared(Stream.fromQueue(subscription)).pipe(
        Stream.runForEach((change) =>
          Effect.catchAllCause(onChange(change), (cause) => Effect.logError("a token change was not taken", cause))
        ),
        Effect.interruptible,
        Effect.forkDaemon
      ))

const untilCleared = (changes: Stream.Stream<TokenChange>): Stream.Stream<TokenChange> =>
  Stream.takeUntil(changes, (change) => change._tag === "Cleared")

/** OpenTelemetry's default limit of links per span. */
const linksKept = 128

const longestSleep = 30_000

const shortestSleep = 1_000

const closed = (mode: string): ExchangeError => new TokenEndpointError({ mode, reason: "Closed" })

const snapshot = (state: TokenState.TokenState<Exchange>, now: number): Snapshot => ({
  freshness: state.held === undefined ? "Empty" : TokenState.freshness(state.held, now),
  generation: state.generation,
  expiresAt: Option.fromNullable(state.held?.token.expiresAt),
  exchanging: state.exchange !== undefined,
  failure: Option.fromNullable(state.failure?.error)
})
