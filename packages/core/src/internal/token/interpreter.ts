/**
 * What an exchange does: lock the store, adopt what it holds, refresh, log in, commit. What of that is to be done is decided
 * in `plan.ts`; this is the one interpreter of these decisions.
 */
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
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
import * as Granting from "./granting.ts"
import * as Moment from "./moment.ts"
import * as Plan from "./plan.ts"
import * as Rejections from "./rejection.ts"
import * as Retrying from "./retrying.ts"
import type { Exchange, Source } from "./source.ts"
import * as TokenState from "./state.ts"
import * as Storage from "./storage.ts"

/** Carries out the plan; if that takes a person, and one may be asked, outside the lock and the policy's timeout. */
export const run = <R>(source: Source<R>, exchange: Exchange): Effect.Effect<void, ExchangeError, R> => {
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
          Following.begin(
            source,
            store,
            (token) => Effect.uninterruptible(Granting.grant(source, token, "store", "Kept"))
          ),
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
        withStore(source, (storage) => Granting.commit(source, storage, token, "login", demand)),
        // a person's login is not thrown away because the store cannot be had
        () => Granting.commit(source, Storage.unavailable, token, "login", demand)
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
      (token) => Granting.commit(source, storage, token, kind, demand)
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
          ? Granting.grant(source, plan.token, plan.provenance, "Kept")
          // stored, or what the store holds instead would be taken for news by the next exchange
          : Granting.commit(source, storage, plan.token, plan.provenance)
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

/** Said in place of the words of a defect. */
export const obtaining = "obtaining a token"

const linkTo = (requests: ReadonlyArray<Tracer.AnySpan>): Effect.Effect<void> =>
  Effect.ignore(Effect.map(Effect.currentSpan, (span) => {
    span.addLinks(requests.map((request) => ({ _tag: "SpanLink", span: request, attributes: {} })))
  }))
