/**
 * The one exchange of a token source: who begins it, who waits for it, and what it leaves behind. Who gets what is decided in
 * `state.ts`; what it does is for `interpreter.ts`.
 */
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../../AuthError.ts"
import { TokenEndpointError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Token } from "../../Token.ts"
import * as Scrub from "../request/scrub.ts"
import * as Interpreter from "./interpreter.ts"
import * as Moment from "./moment.ts"
import type { Exchange, Source } from "./source.ts"
import * as TokenState from "./state.ts"
import * as Waiters from "./waiters.ts"

/** Who asks for a token. */
export interface Caller {
  /** The span of its request. */
  readonly request: Tracer.AnySpan | undefined
  readonly mayInteract: boolean
}

/** An early renewal. */
export const nobody: Caller = { request: undefined, mayInteract: false }

/** The token for a caller that found no fresh one. */
export const acquire = <R>(
  source: Source<R>,
  now: Moment.Moment,
  { mayInteract, request }: Caller
): Effect.Effect<Token, ExchangeError> => {
  const { mode, rules, state } = source
  const decision = TokenState.decide(StateRef.get(state), now, rules, mayInteract)
  switch (decision._tag) {
    case "Use":
      return Effect.succeed(decision.token)
    case "UseAndRenew": {
      const { generation } = StateRef.get(state)
      begin(source, { request, mayInteract: false })
      return Effect.as(AuthEvent.publish(AuthEvent.AuthEvent.ServedStale({ mode, generation })), decision.token)
    }
    case "Begin":
      return Waiters.join(begin(source, { request, mayInteract }).waiters)
    case "Join": {
      const { exchange } = decision
      if (request !== undefined && exchange.requests.length < maxLinks) exchange.requests.push(request)
      if (mayInteract) MutableRef.set(exchange.mayInteract, true)
      return Waiters.join(exchange.waiters)
    }
    case "Refuse":
      return Effect.fail(decision.error)
    case "Closed":
      return Effect.fail(closed(mode))
  }
}

/** Synchronous from the check that there is no exchange to here, so that a second one cannot begin in between. */
export const begin = <R>(source: Source<R>, { mayInteract, request }: Caller): Exchange => {
  const { runtime, state } = source
  const { generation } = StateRef.get(state)
  const exchange: Exchange = {
    mayInteract: MutableRef.make(mayInteract),
    interacted: MutableRef.make(false),
    onTheWire: MutableRef.make(false),
    waiters: Waiters.make(),
    fiber: MutableRef.make<Fiber.RuntimeFiber<void> | undefined>(undefined),
    requests: request === undefined ? [] : [request]
  }
  StateRef.update(state, (state) => ({ ...state, exchange }))
  const exchanging = Effect.interruptible(Interpreter.run(source, exchange)).pipe(
    Effect.onExit((exit) => settle(source, exchange, generation, exit)),
    Effect.catchAllCause(() => Effect.void)
  )
  MutableRef.set(exchange.fiber, Runtime.runFork(runtime, exchanging))
  return exchange
}

/** Remembers a failure and wakes everyone that waits, all with the same result. */
const settle = <R>(
  { mode, state }: Source<R>,
  exchange: Exchange,
  generation: number,
  exit: Exit.Exit<void, ExchangeError>
): Effect.Effect<void> =>
  Effect.map(Moment.now, (now) => {
    const current: TokenState.TokenState<Exchange> = { ...StateRef.get(state), exchange: undefined }
    // a token that arrived counts, even if the timeout struck while it was being stored
    const result: Exit.Exit<Token, ExchangeError> = current.held !== undefined && current.generation > generation
      ? Exit.succeed(current.held.token)
      : Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)
      ? withoutWords(exit.cause)
      : Exit.fail(closed(mode))
    const interacted = MutableRef.get(exchange.interacted)
    const error = Exit.isFailure(result) ? Cause.failureOption(result.cause) : Option.none()
    StateRef.set(
      state,
      Option.isSome(error) ? TokenState.failed(current, { error: error.value, at: now, interacted }) : current
    )
    Waiters.complete(exchange.waiters, result)
  })

/** A defect of a login is a bug, and may quote what it was given: only its class and its stack frames are kept. */
const withoutWords = (cause: Cause.Cause<ExchangeError>): Exit.Exit<never, ExchangeError> =>
  Exit.failCause(
    Either.match(Cause.failureOrCause(cause), {
      onLeft: Cause.fail,
      onRight: (cause) => Cause.die(Scrub.wordless(Cause.squash(cause), Interpreter.obtaining))
    })
  )

/** What a source answers once its Scope has ended. */
const closed = (mode: string): ExchangeError => new TokenEndpointError({ mode, reason: "Closed" })

/** OpenTelemetry's default limit of links per span. */
const maxLinks = 128
