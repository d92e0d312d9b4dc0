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
import * as Struct from "effect/Struct"
import type * as Tracer from "effect/Tracer"
import type { ExchangeError } from "../../AuthError.ts"
import { InteractionRequired, TokenEndpointError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Token } from "../../Token.ts"
import type { TokenStore } from "../../TokenStore.ts"
import * as Scrub from "../request/scrub.ts"
import * as Demand from "./demand.ts"
import * as Following from "./following.ts"
import * as Moment from "./moment.ts"
import * as Plan from "./plan.ts"
import * as Rejections from "./rejection.ts"
import * as Retrying from "./retrying.ts"
import * as Revocation from "./revocation.ts"
import type { Exchange, Source } from "./source.ts"
import * as TokenState from "./state.ts"
import * as Storage from "./storage.ts"
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
  const exchanging = Effect.interruptible(run(source, exchange)).pipe(
    Effect.onExit((exit) => settle(source, exchange, generation, exit)),
    Effect.catchAllCause(() => Effect.void)
  )
  MutableRef.set(exchange.fiber, Runtime.runFork(runtime, exchanging))
  return exchange
}

/** Carries out the plan; if that takes a person, and one may be asked, outside the lock and the policy's timeout. */
const run = <R>(source: Source<R>, exchange: Exchange): Effect.Effect<void, ExchangeError, R> => {
  const { interactive } = source.options
  const alone = withStore(source, (storage, until) => carryOut(source, exchange, storage, until))
  return interactive === undefined
    ? alone
    : Effect.catchTag(
      alone,
      "InteractionRequired",
      (error) =>
        MutableRef.get(exchange.mayInteract) ? interact(source, exchange, interactive, error) : Effect.fail(error)
    )
}

/** What is done under the lock of the store, if there is one, within the policy's timeout. */
export const withStore = <A, R>(
  source: Source<R>,
  /** `until`: when the time is over, in milliseconds of a clock that nobody sets. */
  use: (storage: Storage.Storage, until: number) => Effect.Effect<A, ExchangeError, R>
): Effect.Effect<A, ExchangeError, R> => {
  const { mode, policy } = source
  return Effect.timeoutFail(
    Effect.flatMap(Effect.zip(Moment.now, openStore(source)), ([now, store]) => {
      const until = now.steady + Duration.toMillis(policy.timeout)
      return store === undefined
        ? use(Storage.none, until)
        : Effect.zipRight(
          Following.begin(source, store, (token) => Effect.uninterruptible(grant(source, token, "store", "Kept"))),
          Storage.withLock(source, store, (storage) => use(storage, until))
        )
    }),
    {
      duration: policy.timeout,
      onTimeout: () =>
        new TokenEndpointError({ mode, reason: "Timeout", detail: `longer than ${Duration.format(policy.timeout)}` })
    }
  )
}

/**
 * A person logs in. Meanwhile the store is free for other processes; what one of them has stored gives way to the token
 * that the person was asked for.
 */
const interact = <R>(
  source: Source<R>,
  exchange: Exchange,
  interactive: NonNullable<Source<R>["options"]["interactive"]>,
  { claims }: InteractionRequired
): Effect.Effect<void, ExchangeError, R> =>
  Effect.suspend(() => {
    const { mode, policy: { interaction } } = source
    const demand = Demand.union(Plan.nextDemand(StateRef.get(source.state)), Demand.ofClaims(claims))
    MutableRef.set(exchange.interacted, true)
    const loggingIn = Effect.timeoutFail(interactive(demand), {
      duration: interaction,
      onTimeout: () =>
        new InteractionRequired({ mode, detail: `nobody logged in within ${Duration.format(interaction)}` })
    })
    return exchanged(source, exchange, "login", loggingIn, (token) =>
      Effect.catchAll(
        withStore(source, (storage) => commit(source, storage, token, "login", demand)),
        // a person's login is not thrown away because the store cannot be had
        () => commit(source, Storage.unavailable, token, "login", demand)
      ))
  })

const openStore = <R>(
  source: Source<R>
): Effect.Effect<TokenStore | undefined, ExchangeError, R> => {
  const { lastStore, options: { store }, state } = source
  return Effect.isEffect(store)
    ? Effect.map(Retrying.reading(source, store), (store) => {
      const opened = Option.getOrUndefined(store)
      const before = MutableRef.getAndSet(lastStore, opened)
      // another store is that of another account, which the held token must not reach
      if (before !== undefined && before !== opened) StateRef.update(state, TokenState.forget)
      return opened
    })
    : Effect.succeed(store)
}

const carryOut = <R>(
  source: Source<R>,
  exchange: Exchange,
  storage: Storage.Storage,
  until: number,
  refusal?: ExchangeError
): Effect.Effect<void, ExchangeError, R> => {
  const { options: { login, refresh }, rules, state } = source

  const repeated = (kind: Retrying.Kind, self: Effect.Effect<Token, ExchangeError, R>, demand?: Demand.Demand) =>
    exchanged(
      source,
      exchange,
      kind,
      Retrying.persistently(source, exchange, kind, self, until),
      (token) => commit(source, storage, token, kind, demand)
    )

  /** In the place of a refresh that was refused, whose words say what a person has to do. */
  const logIn = (refusal: ExchangeError | undefined) =>
    Effect.suspend(() => {
      const demand = Plan.nextDemand(StateRef.get(state))
      return login === undefined || (Effect.isEffect(login) && StateRef.get(state).held?.demand !== undefined)
        ? needsPerson(source.mode, refusal)
        : repeated("login", Effect.isEffect(login) ? login : login(demand), demand)
    })

  return Effect.flatMap(Effect.zip(found(source, storage.token), Clock.currentTimeMillis), ([found, now]) => {
    const plan = Plan.plan(StateRef.get(state), found, now, rules)
    if (plan._tag === "Adopt") {
      return Effect.uninterruptible(
        plan.provenance === "store"
          ? grant(source, plan.token, plan.provenance, "Kept")
          // stored, or what the store holds instead would be taken for news by the next exchange
          : commit(source, storage, plan.token, plan.provenance)
      )
    }
    if (plan._tag === "Login" || refresh === undefined) return logIn(refusal)
    if (storage.contended !== undefined) {
      return new TokenEndpointError({ mode: source.mode, reason: "Timeout", detail: storage.contended.message })
    }
    return repeated(
      "refresh",
      Effect.map(refresh(plan.refreshToken, plan.token), (token) => Plan.refreshed(token, plan))
    ).pipe(
      // only the server's own word ends a refresh token: not a proxy's page, and not a client or scope it does not accept
      Effect.catchIf(Plan.endsRefreshToken, (error) => {
        const ofInitial = found?.provenance === "initial"
        StateRef.update(state, (state) => TokenState.refreshRefused(state, plan.refreshToken, ofInitial))
        return Effect.flatMap(Effect.zip(storage.successor(plan.refreshToken), Moment.now), ([successor, now]) => {
          if (successor !== undefined) {
            StateRef.update(state, TokenState.outdated)
            return carryOut(source, exchange, successor, until, error)
          }
          const next = Rejections.loginInstead(StateRef.get(state), now, rules)
          if (next === undefined) return error
          StateRef.set(state, next)
          // a stored session that has ended gives way to the one given at the start
          return found?.provenance === "store"
            ? carryOut(source, exchange, Storage.disregarded(storage), until, error)
            : logIn(error)
        })
      })
    )
  })
}

/** Nobody but a person can go on from here. */
const needsPerson = (mode: string, refusal: ExchangeError | undefined): InteractionRequired =>
  refusal?._tag === "InteractionRequired"
    ? refusal
    : new InteractionRequired({
      mode,
      ...(refusal?._tag === "CredentialsRejected"
        ? Struct.pick(refusal, "url", "status", "code", "detail", "advice")
        : undefined)
    })

const exchanged = <R>(
  { mode }: Source<R>,
  { requests }: Exchange,
  kind: Retrying.Kind,
  self: Effect.Effect<Token, ExchangeError, R>,
  commit: (token: Token) => Effect.Effect<void, never, R>
): Effect.Effect<void, ExchangeError, R> =>
  // a rotated refresh token exists nowhere else: once it is here, nothing comes between it and the commit
  Effect.uninterruptibleMask((restore) =>
    restore(Scrub.withoutWords(self, obtaining)).pipe(
      Effect.tapError((error) => AuthEvent.publish(AuthEvent.AuthEvent.ExchangeFailed({ mode, kind, error }))),
      Effect.flatMap(commit),
      Effect.ensuring(linkTo(requests))
    )
  ).pipe(
    Effect.withSpan(`auth.${kind}`, {
      // it serves many requests and outlives each of them, so it links to them and has no parent
      root: true,
      kind: "client",
      attributes: { "auth.mode": mode },
      captureStackTrace: false
    })
  )

/** What the store holds, else the token given at the start, as long as that may be of use. */
const found = <R>(
  source: Source<R>,
  stored: Option.Option<Token>
): Effect.Effect<Plan.Found | undefined, ExchangeError, R> => {
  const { options: { initial }, state } = source
  return Option.isSome(stored)
    ? Effect.succeed({ token: stored.value, provenance: "store" })
    // a store that cannot be read, or has lost its token, does not bring the one given at the start back
    : initial === undefined || StateRef.get(state).initialSpent || StateRef.get(state).held?.refreshToken !== undefined
    ? Effect.succeed(undefined)
    : Effect.map(
      Retrying.reading(source, initial),
      Option.match({ onNone: () => undefined, onSome: (token) => ({ token, provenance: "initial" as const }) })
    )
}

/** A token that cannot be stored is used all the same. */
const commit = <R>(
  source: Source<R>,
  { save }: Storage.Storage,
  token: Token,
  provenance: TokenState.Provenance,
  demand?: Demand.Demand
): Effect.Effect<void> =>
  Effect.flatMap(save(token), (saved) =>
    Effect.zipLeft(
      grant(source, token, provenance, saved, demand),
      Effect.sync(() => MutableRef.set(source.unsaved, saved === "Lost" ? save(token) : undefined))
    ))

/** A token arrived: from here on it is what callers get. */
const grant = <R>(
  source: Source<R>,
  token: Token,
  provenance: TokenState.Provenance,
  saved: TokenState.Saved,
  demand?: Demand.Demand
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { changes, mode, policy, renewal, state } = source
    const at = yield* Moment.now
    const now = at.wall
    const renewAt = Option.match(yield* Schedule.step(renewal, now, token), {
      onNone: () => Infinity,
      // whole milliseconds, as clocks have them: a remainder below one would be a sleep of nothing, over and over
      onSome: (due) => Math.max(Math.ceil(due), now + Duration.toMillis(policy.renewalInterval))
    })
    const before = StateRef.get(state)
    const asked = demand === undefined ? undefined : { demand, at }
    const next = TokenState.granted(before, token, { provenance, saved, renewAt, asked })
    StateRef.set(state, next)
    MutableRef.set(source.unsaved, undefined)
    if (before.held !== undefined) Revocation.endReplaced(source, before.held, provenance)
    // `Cleared` is the last change, even if a token was being stored at the end of the Scope
    if (!next.closed) StateRef.set(changes, { _tag: "Obtained", provenance, token })
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
      onRight: (cause) => Cause.die(Scrub.wordless(Cause.squash(cause), obtaining))
    })
  )

const obtaining = "obtaining a token"

/** What a source answers once its Scope has ended. */
const closed = (mode: string): ExchangeError => new TokenEndpointError({ mode, reason: "Closed" })

const linkTo = (requests: ReadonlyArray<Tracer.AnySpan>): Effect.Effect<void> =>
  Effect.ignore(Effect.map(Effect.currentSpan, (span) => {
    span.addLinks(requests.map((request) => ({ _tag: "SpanLink", span: request, attributes: {} })))
  }))

/** OpenTelemetry's default limit of links per span. */
const maxLinks = 128
