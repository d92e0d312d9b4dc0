/**
 * A source of tokens: logs in once, hands the token out while it is valid, renews it before it expires, and runs at most
 * one exchange at a time whatever its callers do.
 *
 * An exchange belongs to the Scope of the source, not to the caller that happened to need it: interrupting that caller
 * neither cancels the exchange nor affects other callers.
 *
 * @since 0.1.0
 */
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as RequestContext from "@effect-auth/rate-limit/internal/requestContext"
import * as Schedule from "@effect-auth/rate-limit/internal/schedule"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { ExchangeError } from "./AuthError.ts"
import { TokenEndpointError } from "./AuthError.ts"
import * as AuthEvent from "./AuthEvent.ts"
import * as Changes from "./internal/token/changes.ts"
import type { Demand } from "./internal/token/demand.ts"
import * as Ending from "./internal/token/ending.ts"
import * as Exchange from "./internal/token/exchange.ts"
import * as Keyed from "./internal/token/keyed.ts"
import * as Moment from "./internal/token/moment.ts"
import type { Rejection, RenewalStep } from "./internal/token/rejection.ts"
import * as Rejections from "./internal/token/rejection.ts"
import * as Settling from "./internal/token/settling.ts"
import type {
  Exchange as ExchangeInFlight,
  Options,
  Snapshot,
  Source,
  TokenChange,
  TokenSource
} from "./internal/token/source.ts"
import { MayInteract } from "./internal/token/source.ts"
import * as TokenState from "./internal/token/state.ts"
import * as RefreshPolicy from "./RefreshPolicy.ts"
import type { Token } from "./Token.ts"
import type { TokenStore } from "./TokenStore.ts"

export { MayInteract }

export type {
  Demand,
  Options,
  /**
   * @since 0.1.0
   * @category models
   */
  RenewalStep,
  Snapshot,
  TokenChange,
  TokenSource
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
      owner: RequestContext.current(),
      mode: options.mode ?? "Token",
      policy,
      rules: {
        canRefresh: options.refresh !== undefined,
        canDemand: options.interactive !== undefined ||
          (options.login !== undefined && !Effect.isEffect(options.login)),
        canLogIn: options.login !== undefined,
        canInteract: options.interactive !== undefined,
        coolDown: Duration.toMillis(policy.coolDown),
        refreshGracePeriod: Duration.toMillis(policy.refreshGracePeriod)
      },
      options,
      runtime: yield* Effect.runtime<R>(),
      state: StateRef.make<TokenState.TokenState<ExchangeInFlight>>(TokenState.empty),
      renewal: Schedule.stepper(policy.renewal),
      changes: StateRef.make<TokenChange | undefined>(undefined),
      settling: options.settling === undefined ? undefined : Settling.make(options.settling),
      ending: MutableRef.make<Fiber.RuntimeFiber<void> | undefined>(undefined),
      unsaved: MutableRef.make<Effect.Effect<TokenState.Saved> | undefined>(undefined),
      lastStore: MutableRef.make<TokenStore | undefined>(undefined),
      followed: MutableRef.make<TokenStore | undefined>(undefined),
      scope: yield* Effect.scope
    }
    const observer = yield* Changes.observe(source)
    yield* Effect.flatMap(Effect.scope, (scope) =>
      // `Effect.addFinalizer` would keep the fiber's references once more than `runtime` does
      Scope.addFinalizerExit(scope, () => Ending.close(source, observer)))
    if (policy.keepAlive) yield* Effect.forkScoped(keepAlive(source))
    return {
      get: Effect.suspend(() => get(source)),
      getAt: (now) => getAt(source, now),
      reject: (token, attempted = "reuse", accepted, demand) => reject(source, { token, attempted, accepted, demand }),
      // suspended: its operators would be most of what a source keeps in memory
      end: Effect.suspend(() => RequestContext.isForeign(source.owner) ? ofOtherRequest(source) : Ending.end(source)),
      changes: Stream.suspend(() => Changes.changes(source)),
      state: Changes.state(source)
    }
  })

/**
 * Sources of many keys, such as users, tenants or installations: each is made when it is first needed, and ended when it
 * has not been used for `idle` (default: 1 hour) or when there are `capacity` of them (default: 100,000); its session is
 * revoked then, unless a store keeps it. The source of a key stays good for ever: it begins anew when it is used again.
 * Keys are compared by value (`Equal`). `options` has to name the key in whatever it stores, or one key gets the token of
 * another.
 *
 * @example
 * ```ts
 * import * as Token from "@effect-auth/core/Token"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as Effect from "effect/Effect"
 *
 * declare const logIn: (tenant: string) => Effect.Effect<Token.Token>
 *
 * const program = Effect.gen(function*() {
 *   const tokensOf = yield* TokenSource.keyed((tenant: string) => ({ login: logIn(tenant) }))
 *   return yield* tokensOf("acme").get
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyed = <K, R = never>(
  options: (key: K) => Options<R>,
  settings?: KeyedSettings
): Effect.Effect<(key: K) => TokenSource, never, R | Scope.Scope> => keyedFrom((key) => make(options(key)), settings)

/**
 * @since 0.1.0
 * @category models
 */
export interface KeyedSettings {
  /** How long a source is kept without being used. Default: 1 hour. */
  readonly idle?: DurationWithUnit | undefined
  /** How many are kept at most. Default: 100,000. */
  readonly capacity?: number | undefined
}

/**
 * {@link keyed} for sources that a mode makes. What makes one must not wait, so no mode with `eager`. If it fails, so does
 * each use of the source, until it can be made.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keyedFrom = <K, R = never>(
  make: (key: K) => Effect.Effect<TokenSource, ExchangeError, R | Scope.Scope>,
  settings?: KeyedSettings
): Effect.Effect<(key: K) => TokenSource, never, R | Scope.Scope> =>
  Effect.flatMap(Effect.context<R>(), (context) =>
    Keyed.make<K>({
      // the Scope is that of the key, not of this effect
      make: (key) =>
        Effect.mapInputContext(make(key), (own: Context.Context<Scope.Scope>) => Context.merge(context, own)),
      idle: Duration.decode(settings?.idle ?? "1 hour"),
      capacity: settings?.capacity ?? 100_000
    }))

const get = <R>(source: Source<R>): Effect.Effect<Token, ExchangeError> =>
  Effect.clockWith((clock) => getAt(source, clock.unsafeCurrentTimeMillis()))

const getAt = <R>(source: Source<R>, now: number): Effect.Effect<Token, ExchangeError> => {
  // also while there is a fresh token: an hour later it would be too late to find out
  if (source.owner !== undefined && RequestContext.isForeign(source.owner)) return ofOtherRequest(source)
  const fresh = TokenState.freshToken(source.state.current, now)
  return fresh ??
    Effect.contextWithEffect((context: Context.Context<never>) =>
      Effect.flatMap(Moment.now, ({ steady }) =>
        Exchange.acquire(source, { wall: now, steady }, {
          request: Option.getOrUndefined(Context.getOption(context, Tracer.ParentSpan)),
          mayInteract: Context.get(context, MayInteract)
        }))
    )
}

const reject = <R>(source: Source<R>, rejection: Rejection): Effect.Effect<RenewalStep> => {
  const { settling, state } = source
  return settling === undefined ? believe(source, rejection) : Effect.flatMap(Moment.now, (now) => {
    const unsettled = Rejections.unsettled(StateRef.get(state), rejection)
    return unsettled === undefined
      ? believe(source, rejection)
      : Effect.if(Settling.wait(settling, unsettled, now), {
        onTrue: () => Effect.succeed<RenewalStep>("again"),
        onFalse: () => believe(source, rejection)
      })
  })
}

const believe = <R>(
  { changes, mode, rules, state }: Source<R>,
  rejection: Rejection
): Effect.Effect<RenewalStep> =>
  Effect.flatMap(Moment.now, (now) => {
    const before = StateRef.get(state)
    const [step, after] = Rejections.reject(before, rejection, now, rules)
    if (after === before) return Effect.succeed(step)
    StateRef.set(state, after)
    StateRef.set(changes, { _tag: "Rejected", token: rejection.token })
    return Effect.as(
      AuthEvent.publish(AuthEvent.AuthEvent.TokenRejected({ mode, generation: before.generation })),
      step
    )
  })

const ofOtherRequest = <R>({ mode }: Source<R>): Effect.Effect<never, ExchangeError> =>
  Effect.fail(new TokenEndpointError({ mode, reason: "OtherRequest", detail: RequestContext.advice }))

/** Renews the token while no request asks for it. */
const keepAlive = <R>(source: Source<R>): Effect.Effect<never> =>
  Moment.now.pipe(
    Effect.flatMap((now) => {
      const current = StateRef.get(source.state)
      const { held } = current
      const decision = TokenState.decide(current, now, source.rules, false)
      if (held !== undefined && (decision._tag === "UseAndRenew" || decision._tag === "Begin")) {
        Exchange.begin(source, Exchange.nobody)
      }
      const due = held === undefined || held.renewAt <= now.wall ? longestSleep : held.renewAt - now.wall
      const changed = Stream.runHead(Stream.filter(StateRef.changes(source.state), (state) => state.held !== held))
      return Effect.timeoutOption(changed, Math.min(due, longestSleep))
    }),
    Effect.delay(shortestSleep),
    Effect.forever
  )

/** In milliseconds. A timer does not run while the machine is suspended, so a long one would be late after it. */
const longestSleep = 30_000

/** In milliseconds: the least between two looks, whatever the server says about lifetimes. */
const shortestSleep = 1_000
