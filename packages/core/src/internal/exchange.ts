/**
 * The one exchange of a source of tokens: who begins it, who waits for it, and what it leaves behind.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import type * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../AuthError.ts"
import { TokenEndpointError } from "../AuthError.ts"
import * as AuthEvent from "../AuthEvent.ts"
import type { RefreshPolicy } from "../RefreshPolicy.ts"
import type { Token } from "../Token.ts"
import type { Options, TokenChange } from "../TokenSource.ts"
import * as TokenState from "../TokenState.ts"
import * as Crowd from "./crowd.ts"
import * as Ladder from "./ladder.ts"
import * as LatestHub from "./latestHub.ts"

/** What a source of tokens consists of. Plain data and cells, so that ten thousand sources share the code. */
export interface Source<R> {
  readonly mode: string
  readonly policy: RefreshPolicy
  readonly rules: TokenState.Rules
  readonly options: Options<R>
  /** Exchanges run in it, because they outlive the callers who need them. */
  readonly runtime: Runtime.Runtime<R>
  readonly state: MutableRef.MutableRef<TokenState.TokenState<Exchange>>
  /** The state of the policy's schedule of renewals. */
  readonly renewals: MutableRef.MutableRef<unknown>
  readonly changes: LatestHub.LatestHub<TokenChange>
}

/** The one exchange in flight. */
export interface Exchange {
  readonly crowd: Crowd.Crowd<Token, ExchangeError>
  readonly fiber: MutableRef.MutableRef<Fiber.RuntimeFiber<void> | undefined>
  readonly requests: Array<Tracer.AnySpan>
}

/** The token that is fresh at this time. */
export const peek = <R>(source: Source<R>, now: number): Token | undefined => {
  const { held } = MutableRef.get(source.state)
  return held !== undefined && TokenState.freshness(held, now) === "Fresh" ? held.token : undefined
}

/** What a caller gets for whom there is no fresh token. */
export const acquire = <R>(
  source: Source<R>,
  now: number,
  request: Tracer.AnySpan | undefined
): Effect.Effect<Token, ExchangeError> => {
  const { mode, rules, state } = source
  const decision = TokenState.decide(MutableRef.get(state), now, rules)
  switch (decision._tag) {
    case "Use":
      return Effect.succeed(decision.token)
    case "UseAndRenew": {
      const { generation } = MutableRef.get(state)
      begin(source, request)
      return Effect.as(AuthEvent.publish(AuthEvent.AuthEvent.ServedStale({ mode, generation })), decision.token)
    }
    case "Begin":
      return Crowd.join(begin(source, request).crowd)
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

/** The check that there is no exchange and this are one synchronous step: nobody can begin a second one between. */
export const begin = <R>(source: Source<R>, request: Tracer.AnySpan | undefined): Exchange => {
  const { mode, options, policy, rules, runtime, state } = source
  const { generation } = MutableRef.get(state)
  const exchange: Exchange = {
    crowd: Crowd.make(),
    fiber: MutableRef.make<Fiber.RuntimeFiber<void> | undefined>(undefined),
    requests: request === undefined ? [] : [request]
  }
  MutableRef.update(state, (state) => ({ ...state, exchange }))
  const ladder: Ladder.Source = {
    mode,
    policy,
    rules,
    held: () => MutableRef.get(state).held,
    refreshRefused: () => void MutableRef.update(state, TokenState.refreshRefused),
    granted: (token, origin, persisted) => grant(source, token, origin, persisted)
  }
  const exchanging = Effect.interruptible(Ladder.climb(ladder, options, exchange.requests)).pipe(
    Effect.onExit((exit) => settle(source, exchange, generation, exit)),
    Effect.catchAllCause(() => Effect.void)
  )
  MutableRef.set(exchange.fiber, Runtime.runFork(runtime, exchanging))
  return exchange
}

/** The failure of whoever asks a source that has ended. */
const closed = (mode: string): ExchangeError => new TokenEndpointError({ mode, reason: "Closed" })

/** A token arrived: from here on it is what callers get. */
const grant = <R>(
  source: Source<R>,
  token: Token,
  origin: TokenState.Origin,
  persisted: boolean
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, mode, state } = source
    const now = yield* Clock.currentTimeMillis
    const facts = { origin, persisted, renewAt: yield* renewAt(source, token, now) }
    const next = TokenState.granted(MutableRef.get(state), token, facts)
    MutableRef.set(state, next)
    LatestHub.publish(changes, { _tag: "Obtained", origin, token })
    yield* AuthEvent.publish(AuthEvent.AuthEvent.TokenObtained({
      mode,
      origin,
      generation: next.generation,
      expiresIn: token.expiresAt === undefined ? undefined : (DateTime.toEpochMillis(token.expiresAt) - now) / 1000,
      waiters: next.exchange === undefined ? 0 : MutableRef.get(next.exchange.crowd.joined)
    }))
  })

/** When to renew a new token: one step of the policy's schedule. */
const renewAt = <R>({ policy, renewals }: Source<R>, token: Token, now: number): Effect.Effect<number> =>
  Effect.map(policy.renewal.step(now, token, MutableRef.get(renewals)), ([next, , decision]) => {
    MutableRef.set(renewals, next)
    // whole milliseconds, as clocks have them: a remainder below one would be a sleep of nothing, over and over
    return ScheduleDecision.isDone(decision) ? Infinity : Math.ceil(ScheduleIntervals.start(decision.intervals))
  })

/** Remembers a failure and wakes everyone who waits, all with the same result. */
const settle = <R>(
  { mode, state }: Source<R>,
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

/** OpenTelemetry's default limit of links per span. */
const linksKept = 128
