/**
 * The one exchange of a token source: who begins it, what it does (lock the store, adopt what it holds, refresh, log
 * in, commit), who waits for it, and what it leaves behind. What to do is decided in `state.ts`; this is the one
 * interpreter of these decisions.
 */
import * as Schedule from "@effect-auth/rate-limit/internal/schedule"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../../AuthError.ts"
import { isTransient, TokenEndpointError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Token } from "../../Token.ts"
import type { TokenStore } from "../../TokenStore.ts"
import * as Scrub from "../request/scrub.ts"
import type { Exchange, Source } from "./source.ts"
import * as TokenState from "./state.ts"
import * as Storage from "./storage.ts"
import * as Waiters from "./waiters.ts"

/** The token for a caller that found no fresh one. */
export const acquire = <R>(
  source: Source<R>,
  now: number,
  request: Tracer.AnySpan | undefined
): Effect.Effect<Token, ExchangeError> => {
  const { mode, rules, state } = source
  const decision = TokenState.decide(StateRef.get(state), now, rules)
  switch (decision._tag) {
    case "Use":
      return Effect.succeed(decision.token)
    case "UseAndRenew": {
      const { generation } = StateRef.get(state)
      begin(source, request)
      return Effect.as(AuthEvent.publish(AuthEvent.AuthEvent.ServedStale({ mode, generation })), decision.token)
    }
    case "Begin":
      return Waiters.join(begin(source, request).waiters)
    case "Join": {
      const { exchange } = decision
      if (request !== undefined && exchange.requests.length < maxLinks) exchange.requests.push(request)
      return Waiters.join(exchange.waiters)
    }
    case "Refuse":
      return Effect.fail(decision.error)
    case "Closed":
      return Effect.fail(closed(mode))
  }
}

/** Synchronous from the check that there is no exchange to here, so that a second one cannot begin in between. */
export const begin = <R>(source: Source<R>, request: Tracer.AnySpan | undefined): Exchange => {
  const { runtime, state } = source
  const { generation } = StateRef.get(state)
  const exchange: Exchange = {
    waiters: Waiters.make(),
    fiber: MutableRef.make<Fiber.RuntimeFiber<void> | undefined>(undefined),
    requests: request === undefined ? [] : [request]
  }
  StateRef.update(state, (state) => ({ ...state, exchange }))
  const exchanging = Effect.interruptible(run(source, exchange.requests)).pipe(
    Effect.onExit((exit) => settle(source, exchange, generation, exit)),
    Effect.catchAllCause(() => Effect.void)
  )
  MutableRef.set(exchange.fiber, Runtime.runFork(runtime, exchanging))
  return exchange
}

/** Locks the store, if there is one, and carries out the plan within the policy's timeout. */
const run = <R>(
  source: Source<R>,
  requests: ReadonlyArray<Tracer.AnySpan>
): Effect.Effect<void, ExchangeError, R> => {
  const { mode, policy } = source
  return Effect.timeoutFail(
    Effect.flatMap(openStore(source), (store) =>
      store === undefined
        ? carryOut(source, requests, Storage.none)
        : Storage.withLock(source, store, (storage) => carryOut(source, requests, storage))),
    {
      duration: policy.timeout,
      onTimeout: () =>
        new TokenEndpointError({ mode, reason: "Timeout", detail: `longer than ${Duration.format(policy.timeout)}` })
    }
  )
}

const openStore = <R>(
  { lastStore, options: { store }, state }: Source<R>
): Effect.Effect<TokenStore | undefined, ExchangeError, R> =>
  Effect.isEffect(store)
    ? Effect.map(store, (store) => {
      const opened = Option.getOrUndefined(store)
      const before = MutableRef.getAndSet(lastStore, opened)
      // another store is that of another account, which the held token must not reach
      if (before !== undefined && before !== opened) StateRef.update(state, TokenState.forget)
      return opened
    })
    : Effect.succeed(store)

const carryOut = <R>(
  source: Source<R>,
  requests: ReadonlyArray<Tracer.AnySpan>,
  storage: Storage.Storage
): Effect.Effect<void, ExchangeError, R> => {
  const { options: { login, refresh }, rules, state } = source

  const exchanged = (
    kind: "login" | "refresh",
    self: Effect.Effect<Token, ExchangeError, R>
  ): Effect.Effect<void, ExchangeError, R> =>
    // a rotated refresh token exists nowhere else: once it is here, nothing comes between it and the commit
    Effect.uninterruptibleMask((restore) =>
      restore(persistently(source, kind, self)).pipe(
        Effect.tapError((error) =>
          AuthEvent.publish(AuthEvent.AuthEvent.ExchangeFailed({ mode: source.mode, kind, error }))
        ),
        Effect.flatMap((token) => commit(source, storage, token, kind)),
        Effect.ensuring(linkTo(requests))
      )
    ).pipe(
      Effect.withSpan(`auth.${kind}`, {
        // it serves many requests and outlives each of them, so it links to them and has no parent
        root: true,
        kind: "client",
        attributes: { "auth.mode": source.mode },
        captureStackTrace: false
      })
    )

  const loggingIn = exchanged("login", login)

  return Effect.flatMap(Effect.zip(found(source, storage.token), Clock.currentTimeMillis), ([found, now]) => {
    const plan = TokenState.plan(StateRef.get(state).held, found, now, rules)
    if (plan._tag === "Adopt") {
      return Effect.uninterruptible(
        plan.provenance === "store"
          ? grant(source, plan.token, plan.provenance, true)
          // stored, or what the store holds instead would be taken for news by the next exchange
          : commit(source, storage, plan.token, plan.provenance)
      )
    }
    if (plan._tag === "Login" || refresh === undefined) return loggingIn
    return exchanged(
      "refresh",
      Effect.map(refresh(plan.refreshToken), (token) => TokenState.refreshed(token, plan))
    ).pipe(
      // only the server's own word ends a refresh token: not a proxy's page, and not a client or scope it does not accept
      Effect.catchIf(TokenState.endsRefreshToken, () => {
        const ofInitial = found?.provenance === "initial"
        StateRef.update(state, (state) => TokenState.refreshRefused(state, ofInitial))
        // a stored session that has ended gives way to the one given at the start
        return found?.provenance === "store"
          ? carryOut(source, requests, { ...storage, token: Option.none() })
          : loggingIn
      })
    )
  })
}

/**
 * Tries again as the policy says, until the source is closed. The first time this is said, because nothing else is heard
 * of a login until the last attempt.
 */
const persistently = <R>(
  { mode, onTheWire, policy, state }: Source<R>,
  kind: "login" | "refresh",
  self: Effect.Effect<Token, ExchangeError, R>
): Effect.Effect<Token, ExchangeError, R> =>
  Effect.suspend(() => {
    const isAnnounced = MutableRef.make(false)
    const failure = MutableRef.make<ExchangeError | undefined>(undefined)
    // a longer wait would end in a timeout; it is the next exchange that waits
    const isRepeated = (error: ExchangeError) =>
      isTransient(error) && !StateRef.get(state).closed &&
      Duration.lessThan(TokenState.retryAfter(error), policy.timeout)
    // asked for each error that the schedule would repeat
    const announce = Effect.suspend(() => {
      const error = MutableRef.get(failure)
      return error === undefined || !isRepeated(error) || MutableRef.getAndSet(isAnnounced, true)
        ? Effect.void
        : AuthEvent.publish(AuthEvent.AuthEvent.ExchangeRetried({ mode, kind, error }))
    })
    return Effect.suspend(() => {
      MutableRef.set(onTheWire, true)
      return self
    }).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          MutableRef.set(onTheWire, false)
          MutableRef.set(failure, error)
        })
      ),
      Effect.retry({
        schedule: Schedule.notBefore(
          Schedule.onContinue(policy.retry, announce),
          Effect.sync(() => TokenState.retryAfter(MutableRef.get(failure)))
        ),
        while: isRepeated
      })
    )
  })

/** What the store holds, else the token given at the start, as long as that may be of use. */
const found = <R>(
  { options: { initial }, state }: Source<R>,
  stored: Option.Option<Token>
): Effect.Effect<TokenState.Found | undefined, ExchangeError, R> =>
  Option.isSome(stored)
    ? Effect.succeed({ token: stored.value, provenance: "store" })
    : initial === undefined || StateRef.get(state).initialSpent
    ? Effect.succeed(undefined)
    : Effect.map(
      initial,
      Option.match({ onNone: () => undefined, onSome: (token) => ({ token, provenance: "initial" as const }) })
    )

/** A token that cannot be stored is used all the same. */
const commit = <R>(
  source: Source<R>,
  { save }: Storage.Storage,
  token: Token,
  provenance: TokenState.Provenance
): Effect.Effect<void> => Effect.flatMap(save(token), (persisted) => grant(source, token, provenance, persisted))

/** A token arrived: from here on it is what callers get. */
const grant = <R>(
  source: Source<R>,
  token: Token,
  provenance: TokenState.Provenance,
  persisted: boolean
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, mode, policy, renewal, state } = source
    const now = yield* Clock.currentTimeMillis
    const renewAt = Option.match(yield* renewal.step(now, token), {
      onNone: () => Infinity,
      // whole milliseconds, as clocks have them: a remainder below one would be a sleep of nothing, over and over
      onSome: (at) => Math.max(Math.ceil(at), now + Duration.toMillis(policy.renewalInterval))
    })
    const before = StateRef.get(state)
    const next = TokenState.granted(before, token, { provenance, persisted, renewAt })
    StateRef.set(state, next)
    if (provenance === "login" && before.held !== undefined) endReplaced(source, before.held.token)
    StateRef.set(changes, { _tag: "Obtained", provenance, token })
    yield* AuthEvent.publish(AuthEvent.AuthEvent.TokenObtained({
      mode,
      provenance,
      generation: next.generation,
      expiresIn: token.expiresAt === undefined
        ? undefined
        : Duration.millis(Math.max(0, DateTime.toEpochMillis(token.expiresAt) - now)),
      waiters: next.exchange === undefined ? 0 : MutableRef.get(next.exchange.waiters.joined)
    }))
  })

/** In the background: of all there is, only the end of the source waits for it. */
const endReplaced = <R>(source: Source<R>, token: Token): void => {
  const { ending, options: { endReplaced, revoke }, runtime } = source
  if (endReplaced !== true || revoke === undefined) return
  MutableRef.set(ending, Runtime.runFork(runtime, logOut(source, revoke(token))))
}

/** Ends a session at the server, as long as the policy allows, and tells what came of it. */
export const logOut = <R>(
  { mode, policy }: Source<R>,
  revoke: Effect.Effect<unknown, ExchangeError, R>
): Effect.Effect<void, never, R> =>
  Effect.interruptible(revoke).pipe(
    Effect.timeout(policy.closing),
    Effect.exit,
    Effect.flatMap((exit) =>
      AuthEvent.publish(AuthEvent.AuthEvent.LoggedOut({ mode, succeeded: Exit.isSuccess(exit) }))
    )
  )

/** Remembers a failure and wakes everyone that waits, all with the same result. */
const settle = <R>(
  { mode, onTheWire, state }: Source<R>,
  exchange: Exchange,
  generation: number,
  exit: Exit.Exit<void, ExchangeError>
): Effect.Effect<void> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const current: TokenState.TokenState<Exchange> = { ...StateRef.get(state), exchange: undefined }
    // a token that arrived counts, even if the timeout struck while it was being stored
    const result: Exit.Exit<Token, ExchangeError> = current.held !== undefined && current.generation > generation
      ? Exit.succeed(current.held.token)
      : Exit.isFailure(exit) && !Cause.isInterruptedOnly(exit.cause)
      ? withoutWords(exit.cause)
      : Exit.fail(closed(mode))
    MutableRef.set(onTheWire, false)
    const error = Exit.isFailure(result) ? Cause.failureOption(result.cause) : Option.none()
    StateRef.set(state, Option.isSome(error) ? TokenState.failed(current, error.value, now) : current)
    Waiters.complete(exchange.waiters, result)
  })

/** A defect of a login is a bug, and may quote what it was given: only its class and its stack frames are kept. */
const withoutWords = (cause: Cause.Cause<ExchangeError>): Exit.Exit<never, ExchangeError> =>
  Exit.failCause(
    Either.match(Cause.failureOrCause(cause), {
      onLeft: Cause.fail,
      onRight: (cause) => Cause.die(Scrub.wordless(Cause.squash(cause), "obtaining a token"))
    })
  )

/** What a source answers once its Scope has ended. */
const closed = (mode: string): ExchangeError => new TokenEndpointError({ mode, reason: "Closed" })

const linkTo = (requests: ReadonlyArray<Tracer.AnySpan>): Effect.Effect<void> =>
  Effect.ignore(Effect.map(Effect.currentSpan, (span) => {
    span.addLinks(requests.map((request) => ({ _tag: "SpanLink", span: request, attributes: {} })))
  }))

/** OpenTelemetry's default limit of links per span. */
const maxLinks = 128
