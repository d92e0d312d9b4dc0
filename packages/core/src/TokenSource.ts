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
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { ExchangeError } from "./AuthError.ts"
import * as AuthEvent from "./AuthEvent.ts"
import * as Exchange from "./internal/exchange.ts"
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
    const policy = options.policy ?? RefreshPolicy.default
    const source: Exchange.Source<R> = {
      mode: options.mode ?? "Token",
      policy,
      rules: {
        canRefresh: options.refresh !== undefined,
        coolDown: Duration.toMillis(policy.coolDown),
        probation: Duration.toMillis(policy.probation)
      },
      options,
      runtime: yield* Effect.runtime<R>(),
      state: MutableRef.make<TokenState.TokenState<Exchange.Exchange>>(TokenState.empty),
      renewals: MutableRef.make(policy.renewal.initial),
      changes: LatestHub.make<TokenChange>()
    }
    const observer = yield* observe(source)
    yield* Effect.addFinalizer(() => close(source, observer))
    if (policy.keepAlive) yield* Effect.forkScoped(keepAlive(source))
    return {
      get: get(source),
      peek: (now) => Exchange.peek(source, now),
      reject: (token, climbed = "reuse") => reject(source, token, climbed),
      changes: Stream.suspend(() => changesOf(source)),
      state: Effect.suspend(() => snapshot(source))
    }
  })

const get = <R>(source: Exchange.Source<R>): TokenSource["get"] =>
  Effect.clockWith((clock) => {
    const now = clock.unsafeCurrentTimeMillis()
    const token = Exchange.peek(source, now)
    return token !== undefined
      ? Effect.succeed(token)
      : Effect.contextWithEffect((context: Context.Context<never>) =>
        Exchange.acquire(source, now, Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan)))
      )
  })

const reject = <R>(
  { changes, mode, rules, state }: Exchange.Source<R>,
  token: Token,
  climbed: TokenState.Rung
): Effect.Effect<TokenState.Rung> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const before = MutableRef.get(state)
    const [rung, after] = TokenState.reject(before, token, climbed, now, rules)
    if (after === before) return Effect.succeed(rung)
    MutableRef.set(state, after)
    LatestHub.publish(changes, { _tag: "Rejected", token })
    return Effect.as(
      AuthEvent.publish(AuthEvent.AuthEvent.TokenRejected({ mode, generation: before.generation })),
      rung
    )
  })

const snapshot = <R>(source: Exchange.Source<R>): Effect.Effect<Snapshot> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const { exchange, failure, generation, held } = MutableRef.get(source.state)
    return {
      freshness: held === undefined ? "Empty" : TokenState.freshness(held, now),
      generation,
      expiresAt: Option.fromNullable(held?.token.expiresAt),
      exchanging: exchange !== undefined,
      failure: Option.fromNullable(failure?.error)
    }
  })

const changesOf = <R>({ changes }: Exchange.Source<R>): Stream.Stream<TokenChange> =>
  untilCleared(Stream.unwrapScoped(Effect.map(LatestHub.subscribe(changes), (queue) => Stream.fromQueue(queue))))

const untilCleared = (changes: Stream.Stream<TokenChange>): Stream.Stream<TokenChange> =>
  Stream.takeUntil(changes, (change) => change._tag === "Cleared")

/** Subscribes before there can be a change. The fiber ends by itself, once it has seen the last one. */
const observe = <R>(
  { changes, options: { onChange } }: Exchange.Source<R>
): Effect.Effect<Fiber.Fiber<void>, never, R | Scope.Scope> =>
  onChange === undefined ?
    Effect.succeed(Fiber.void) :
    Effect.flatMap(LatestHub.subscribe(changes), (subscription) =>
      untilCleared(Stream.fromQueue(subscription)).pipe(
        Stream.runForEach((change) =>
          Effect.catchAllCause(onChange(change), (cause) => Effect.logError("a token change was not taken", cause))
        ),
        Effect.interruptible,
        Effect.forkDaemon
      ))

/**
 * Looks after the token while nobody asks for it: at least every 30 s, because a long timer sleeps through a suspend,
 * and at most once a second, whatever the server says about lifetimes.
 */
const keepAlive = <R>(source: Exchange.Source<R>): Effect.Effect<never, never, Scope.Scope> =>
  Effect.flatMap(LatestHub.subscribe(source.changes), (changed) =>
    Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) => {
        const current = MutableRef.get(source.state)
        const decision = TokenState.decide(current, now, source.rules)
        if (current.held !== undefined && (decision._tag === "UseAndRenew" || decision._tag === "Begin")) {
          Exchange.begin(source, undefined)
        }
        const due = current.held === undefined || current.held.renewAt <= now
          ? longestSleep
          : current.held.renewAt - now
        return Effect.timeoutOption(Queue.takeBetween(changed, 1, Infinity), Math.min(due, longestSleep))
      }),
      Effect.delay(shortestSleep),
      Effect.forever
    ))

/** The end of the Scope: the last exchange, the logout and the last change are waited for, as long as the policy says. */
const close = <R>(source: Exchange.Source<R>, observer: Fiber.Fiber<void>): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, mode, options: { logout, store }, policy: { closing }, runtime, state } = source
    const { exchange } = MutableRef.updateAndGet(state, (state) => ({ ...state, closed: true }))
    const fiber = exchange === undefined ? undefined : MutableRef.get(exchange.fiber)
    if (fiber !== undefined) {
      // only what a store or a logout will need is worth waiting for
      if (store !== undefined || logout !== undefined) {
        yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), closing)
      }
      yield* Fiber.interruptFork(fiber)
    }
    const { held } = MutableRef.getAndUpdate(state, (state) => ({ ...state, held: undefined }))
    LatestHub.publish(changes, { _tag: "Cleared" })
    if (held !== undefined && logout !== undefined && store === undefined) {
      const loggedOut = yield* Effect.interruptible(logout(held.token)).pipe(
        Effect.provide(runtime.context),
        Effect.timeout(closing),
        Effect.exit
      )
      yield* AuthEvent.publish(AuthEvent.AuthEvent.LoggedOut({ mode, succeeded: Exit.isSuccess(loggedOut) }))
    }
    yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(observer)), closing)
    yield* Fiber.interruptFork(observer)
  })

const longestSleep = 30_000

const shortestSleep = 1_000
