/**
 * A source of tokens: logs in once, hands the token out while it is valid, renews it before it expires, and runs at most
 * one exchange at a time whatever its callers do.
 *
 * An exchange belongs to the Scope of the source, not to the caller that happened to need it: interrupting that caller
 * neither cancels the exchange nor affects other callers.
 *
 * @since 0.1.0
 */
import * as Schedule from "@effect-auth/rate-limit/internal/schedule"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Subscribable from "effect/Subscribable"
import * as Tracer from "effect/Tracer"
import type { ExchangeError } from "./AuthError.ts"
import * as AuthEvent from "./AuthEvent.ts"
import * as Changes from "./internal/token/changes.ts"
import * as Exchange from "./internal/token/exchange.ts"
import type { Exchange as ExchangeInFlight, Options, Snapshot, Source, TokenChange } from "./internal/token/source.ts"
import type { RenewalStep } from "./internal/token/state.ts"
import * as TokenState from "./internal/token/state.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import type { Token } from "./Token.ts"
import type { TokenStore } from "./TokenStore.ts"

export type {
  Options,
  /**
   * @since 0.1.0
   * @category models
   */
  RenewalStep,
  Snapshot,
  TokenChange
}

/**
 * @since 0.1.0
 * @category models
 */
export interface TokenSource {
  /** A token that is valid now. Waits only when there is none; fails with the error of the exchange. */
  readonly get: Effect.Effect<Token, ExchangeError>
  /**
   * {@link TokenSource.get} at a time (epoch ms) that the caller has read already. When the token is fresh this is an
   * `Exit`, which a hot path recognises without running an effect.
   */
  readonly getAt: (now: number) => Effect.Effect<Token, ExchangeError>
  /**
   * Reports that the server rejected the token, for a request that has already `attempted` a step (default: none), and
   * whether it has `accepted` the token for another one (default: not known). Returns the step by which the next `get`
   * obtains another token, or `fail` when this request cannot get a better one. Only the first rejection of a token
   * counts; later ones find its successor (`reuse`).
   *
   * A refreshed token that was never accepted leads to a login. A token that a login brought is worth one more login in
   * the policy's `coolDown`, or three if it was accepted: the server may say 401 where it means 403.
   */
  readonly reject: (token: Token, attempted?: RenewalStep, accepted?: boolean) => Effect.Effect<RenewalStep>
  /**
   * Every change, in order, beginning with the latest one; ends with the source. A slow subscriber loses nothing and
   * delays nothing: unread changes wait in memory, one small record each.
   */
  readonly changes: Stream.Stream<TokenChange>
  /** What the source shows of itself, now and whenever it changes. */
  readonly state: Subscribable.Subscribable<Snapshot>
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
    const source: Source<R> = {
      mode: options.mode ?? "Token",
      policy,
      rules: {
        canRefresh: options.refresh !== undefined,
        coolDown: Duration.toMillis(policy.coolDown),
        refreshGracePeriod: Duration.toMillis(policy.refreshGracePeriod)
      },
      options,
      runtime: yield* Effect.runtime<R>(),
      state: StateRef.make<TokenState.TokenState<ExchangeInFlight>>(TokenState.empty),
      renewal: Schedule.stepper(policy.renewal),
      onTheWire: MutableRef.make(false),
      changes: StateRef.make<TokenChange | undefined>(undefined),
      ending: MutableRef.make<Fiber.RuntimeFiber<void> | undefined>(undefined),
      lastStore: MutableRef.make<TokenStore | undefined>(undefined)
    }
    const observer = yield* Changes.observe(source)
    yield* Effect.addFinalizer(() => close(source, observer))
    if (policy.keepAlive) yield* Effect.forkScoped(keepAlive(source))
    return {
      get: Effect.clockWith((clock) => getAt(source, clock.unsafeCurrentTimeMillis())),
      getAt: (now) => getAt(source, now),
      reject: (token, attempted = "reuse", accepted) => reject(source, { token, attempted, accepted }),
      changes: Stream.suspend(() => Changes.changes(source)),
      state: Changes.state(source)
    }
  })

const getAt = <R>(source: Source<R>, now: number): Effect.Effect<Token, ExchangeError> => {
  const fresh = TokenState.freshToken(StateRef.get(source.state), now)
  return fresh ??
    Effect.contextWithEffect((context: Context.Context<never>) =>
      Exchange.acquire(source, now, Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan)))
    )
}

const reject = <R>(
  { changes, mode, rules, state }: Source<R>,
  rejection: TokenState.Rejection
): Effect.Effect<RenewalStep> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const before = StateRef.get(state)
    const [step, after] = TokenState.reject(before, rejection, now, rules)
    if (after === before) return Effect.succeed(step)
    StateRef.set(state, after)
    StateRef.set(changes, { _tag: "Rejected", token: rejection.token })
    return Effect.as(
      AuthEvent.publish(AuthEvent.AuthEvent.TokenRejected({ mode, generation: before.generation })),
      step
    )
  })

/** Renews the token while no request asks for it. */
const keepAlive = <R>(source: Source<R>): Effect.Effect<never> =>
  Clock.currentTimeMillis.pipe(
    Effect.flatMap((now) => {
      const current = StateRef.get(source.state)
      const { held } = current
      const decision = TokenState.decide(current, now, source.rules)
      if (held !== undefined && (decision._tag === "UseAndRenew" || decision._tag === "Begin")) {
        Exchange.begin(source, undefined)
      }
      const due = held === undefined || held.renewAt <= now ? longestSleep : held.renewAt - now
      const changed = Stream.runHead(Stream.filter(StateRef.changes(source.state), (state) => state.held !== held))
      return Effect.timeoutOption(changed, Math.min(due, longestSleep))
    }),
    Effect.delay(shortestSleep),
    Effect.forever
  )

/** The end of the Scope: waits for the last exchange, the revocation and the last change, as long as the policy allows. */
const close = <R>(source: Source<R>, observer: Fiber.Fiber<void> | undefined): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, ending, onTheWire, options: { revoke, store }, policy: { closing }, runtime, state } = source
    StateRef.update(state, (state) => ({ ...state, closed: true }))
    const { exchange } = StateRef.get(state)
    const fiber = exchange === undefined ? undefined : MutableRef.get(exchange.fiber)
    if (fiber !== undefined) {
      // waiting pays only if there may be a result that a store or a revocation needs
      if (MutableRef.get(onTheWire) && (store !== undefined || revoke !== undefined)) {
        yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), closing)
      }
      yield* Fiber.interruptFork(fiber)
    }
    const { held } = StateRef.get(state)
    StateRef.update(state, (state) => ({ ...state, held: undefined }))
    StateRef.set(changes, { _tag: "Cleared" })
    if (held !== undefined && revoke !== undefined && store === undefined) {
      yield* Effect.provide(Exchange.logOut(source, revoke(held.token)), runtime.context)
    }
    for (const last of [MutableRef.get(ending), observer]) {
      if (last === undefined) continue
      yield* Effect.timeoutOption(Effect.interruptible(Fiber.await(last)), closing)
      yield* Fiber.interruptFork(last)
    }
  })

/** In milliseconds. A timer does not run while the machine is suspended, so a long one would be late after it. */
const longestSleep = 30_000

/** In milliseconds: the least between two looks, whatever the server says about lifetimes. */
const shortestSleep = 1_000
