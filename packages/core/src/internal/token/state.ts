/**
 * The life of a token as data: what a source knows, what that means for a caller, and how it changes. Nothing here waits,
 * sends or reads a clock; `now` is in epoch milliseconds or a {@link Moment}. The interpreter is `exchange.ts`.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import type { ExchangeError } from "../../AuthError.ts"
import { isTransient } from "../../AuthError.ts"
import type { Token } from "../../Token.ts"
import * as Demand from "./demand.ts"
import * as Moment from "./moment.ts"

/** How a token came to be held. */
export type Provenance = "login" | "refresh" | "store" | "initial"

/**
 * What became of a token that was to be stored. `Superseded`: the store holds that of another process, which is to be
 * trusted over this one from now on. `Lost`: the store could not be written. `Unanswered`: it did not say so in time.
 */
export type Saved = "Kept" | "Superseded" | "Lost" | "Unanswered"

/** A token and what has been learned about it. */
export interface Held {
  readonly token: Token
  /** The token as an effect that is done, made once so that the hot path makes nothing. */
  readonly done: Exit.Exit<Token>
  /** Counts the tokens of one source: a newer token has a greater number. */
  readonly generation: number
  readonly provenance: Provenance
  readonly issuedAt: number
  /** From here on the token is renewed while it is still used; `Infinity`: not before it expires. */
  readonly renewAt: number
  /** `Infinity`: unknown, so the token is used until the server rejects it. */
  readonly expiresAt: number
  readonly rejected: boolean
  /** What the next refresh redeems; removed once the server has refused it. */
  readonly refreshToken: Redacted.Redacted | undefined
  /** The next exchange is a login, although there is a refresh token: what that brought was refused. */
  readonly loginNext: boolean
  /** What the server wants of the next login; until then the token is not used. */
  readonly demand: Demand.Demand | undefined
  /**
   * Whether what the store holds instead is news. A store that could not be written must not be trusted over the held
   * token.
   */
  readonly persisted: boolean
  /**
   * Whether nobody else can go on with its session: a login brought it, and no token of it was ever stored. Not where the
   * store did not answer: others may have it by then.
   */
  readonly unshared: boolean
}

/** The failure of the last exchange; forgotten when a token arrives. */
export interface Failure {
  readonly error: ExchangeError
  readonly at: Moment.Moment
  /** Whether a person was asked to log in. Nobody is asked twice in a row. */
  readonly interacted: boolean
}

/**
 * Everything a source knows. `Exchange` is the handle of the exchange in flight; the decisions only ask whether there is
 * one.
 */
export interface TokenState<out Exchange> {
  readonly held: Held | undefined
  readonly exchange: Exchange | undefined
  readonly failure: Failure | undefined
  readonly generation: number
  /** The logins that rejections led to. */
  readonly loginsAfterRejection: Tally
  /** The refreshes that requests needed after one had been of no use to them. */
  readonly repeatedRefreshes: Tally
  /** The logins that demands led to. */
  readonly loginsAfterDemand: Tally
  /** What the last login asked for beyond the settings, and when; every later one asks for it too. */
  readonly asked: { readonly demand: Demand.Demand; readonly at: Moment.Moment }
  /** The refresh token that the server refused last, wherever it is found again. */
  readonly refusedRefreshToken: Redacted.Redacted | undefined
  /** Whether the token given at the start is of no more use: it was used, replaced, or its refresh was refused. */
  readonly initialSpent: boolean
  readonly closed: boolean
}

/** How many, from when on. */
export interface Tally {
  readonly count: number
  readonly since: Moment.Moment
}

/** The durations of a policy that decisions need, in milliseconds, and what a source can do at all. */
export interface Rules {
  readonly canRefresh: boolean
  /** Whether a login can ask for more than its settings say. */
  readonly canDemand: boolean
  /** Whether anybody can log in by credentials alone. */
  readonly canLogIn: boolean
  /** Whether a person can be asked to log in. */
  readonly canInteract: boolean
  readonly coolDown: number
  readonly refreshGracePeriod: number
}

/** `Fresh`: use it. `Stale`: use it, and renew it meanwhile. `Expired`: do not use it. */
export type Freshness = "Fresh" | "Stale" | "Expired"

/** What a caller that asks for a token gets. */
export type Decision<Exchange> =
  | { readonly _tag: "Use"; readonly token: Token }
  | { readonly _tag: "UseAndRenew"; readonly token: Token }
  | { readonly _tag: "Join"; readonly exchange: Exchange }
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Refuse"; readonly error: ExchangeError }
  | { readonly _tag: "Closed" }

/** A source that has not been asked yet. */
export const empty: TokenState<never> = {
  held: undefined,
  exchange: undefined,
  failure: undefined,
  generation: 0,
  loginsAfterRejection: { count: 0, since: Moment.never },
  repeatedRefreshes: { count: 0, since: Moment.never },
  loginsAfterDemand: { count: 0, since: Moment.never },
  asked: { demand: Demand.none, at: Moment.never },
  refusedRefreshToken: undefined,
  initialSpent: false,
  closed: false
}

/**
 * In milliseconds. A clock that has stepped back by more than this since a token was issued no longer tells the token's
 * age, so the token is renewed at the next use. Smaller steps are the daily work of time synchronisation.
 */
export const clockTolerance = 60_000

export const freshness = (held: Held, now: number): Freshness =>
  held.rejected || held.demand !== undefined || now >= held.expiresAt
    ? "Expired"
    : now >= held.renewAt || now < held.issuedAt - clockTolerance
    ? "Stale"
    : "Fresh"

/** The token, if it needs no renewal at this time. One that was being stored when the source was closed is for nobody. */
export const freshToken = <Exchange>(
  { closed, held }: TokenState<Exchange>,
  now: number
): Exit.Exit<Token> | undefined =>
  held !== undefined && !closed && freshness(held, now) === "Fresh" ? held.done : undefined

/** What to do for a caller that asks for a token now, and may bother a person with it or not. */
export const decide = <Exchange>(
  state: TokenState<Exchange>,
  now: Moment.Moment,
  rules: Rules,
  mayInteract: boolean
): Decision<Exchange> => {
  if (state.closed) return { _tag: "Closed" }
  if (state.held !== undefined) {
    const token = state.held.token
    const fresh = freshness(state.held, now.wall)
    if (fresh === "Fresh") return { _tag: "Use", token }
    // an early renewal that failed is not tried again at once, and never costs a request
    if (fresh === "Stale") {
      return { _tag: state.exchange !== undefined || isCooling(state, now, rules) ? "Use" : "UseAndRenew", token }
    }
  }
  if (state.exchange !== undefined) return { _tag: "Join", exchange: state.exchange }
  const error = remembered(state, now, rules, mayInteract)
  return error === undefined ? { _tag: "Begin" } : { _tag: "Refuse", error }
}

/** The error that is repeated without asking the server or a person again. */
export const remembered = <Exchange>(
  state: TokenState<Exchange>,
  now: Moment.Moment,
  rules: Rules,
  mayInteract: boolean
): ExchangeError | undefined => {
  const { failure } = state
  if (failure === undefined || !isCooling(state, now, rules)) return undefined
  const { at, error, interacted } = failure
  return interacted || (isTransient(error)
      ? Moment.within(at, Duration.toMillis(retryAfter(error)), now)
      // a credential that was not available may be by now
      : error._tag !== "CredentialUnavailable" &&
        // nobody was asked; or nobody can be, but the person may have logged in elsewhere, and the store know of it by now
        !(error._tag === "InteractionRequired" && (rules.canInteract ? mayInteract : !rules.canLogIn)))
    ? error
    : undefined
}

/** A token arrived. */
export const granted = <Exchange>(
  state: TokenState<Exchange>,
  token: Token,
  facts: {
    readonly provenance: Provenance
    readonly renewAt: number
    readonly saved: Saved
    /** What a login asked for. */
    readonly asked?: TokenState<Exchange>["asked"] | undefined
  }
): TokenState<Exchange> => {
  const generation = state.generation + 1
  const expiresAt = token.expiresAt === undefined ? Infinity : DateTime.toEpochMillis(token.expiresAt)
  return {
    ...state,
    generation,
    asked: facts.asked ?? state.asked,
    initialSpent: state.initialSpent || facts.provenance !== "store",
    failure: undefined,
    held: {
      token,
      done: Exit.succeed(token),
      generation,
      provenance: facts.provenance,
      issuedAt: DateTime.toEpochMillis(token.issuedAt),
      renewAt: Math.min(facts.renewAt, expiresAt),
      expiresAt,
      rejected: false,
      refreshToken: token.refreshToken,
      loginNext: false,
      demand: undefined,
      persisted: facts.saved === "Kept" || facts.saved === "Superseded",
      unshared: (facts.saved === "Lost" || facts.saved === "Superseded") && (facts.provenance === "login" ||
        // what could not be stored is what was refreshed
        facts.provenance === "refresh" && state.held?.unshared === true && !state.held.persisted)
    }
  }
}

/**
 * The server refused the refresh token, which belonged to the token given at the start or not: it is not redeemed again.
 */
export const refreshRefused = <Exchange>(
  state: TokenState<Exchange>,
  refusedRefreshToken: Redacted.Redacted,
  ofInitial: boolean
): TokenState<Exchange> => ({
  ...state,
  refusedRefreshToken,
  initialSpent: state.initialSpent || ofInitial,
  held: state.held === undefined ? undefined : { ...state.held, refreshToken: undefined }
})

/** The store holds a newer token than the held one, whether that was ever stored or not. */
export const outdated = <Exchange>(state: TokenState<Exchange>): TokenState<Exchange> => ({
  ...state,
  held: state.held === undefined ? undefined : { ...state.held, persisted: true }
})

/** The session was ended by its user: the next token is a new one. */
export const ended = <Exchange>(state: TokenState<Exchange>): TokenState<Exchange> => ({
  ...state,
  held: undefined,
  failure: undefined,
  asked: empty.asked,
  initialSpent: true
})

/** What is held belongs to another account than the next token. */
export const forget = <Exchange>(state: TokenState<Exchange>): TokenState<Exchange> => ({ ...state, held: undefined })

/**
 * An exchange failed. If that was a login in the place of a refresh, the refresh token has its turn again: it was never
 * refused, and where nobody can log in it is all there is. If it was a login for a demand, the token stays good for the
 * requests that need no more.
 */
export const failed = <Exchange>(
  state: TokenState<Exchange>,
  failure: Failure
): TokenState<Exchange> => ({
  ...state,
  held: state.held === undefined ? undefined : { ...state.held, loginNext: false, demand: undefined },
  failure
})

/** How long the server wants to be left alone after this failure. A proxy's word does not shut a program out for days. */
export const retryAfter = (error: ExchangeError | undefined): Duration.Duration =>
  error?._tag === "TokenEndpointError" && error.retryAfter !== undefined
    ? Duration.min(error.retryAfter, longestRetryAfter)
    : Duration.zero

const longestRetryAfter = Duration.hours(1)

const isCooling = <Exchange>({ failure }: TokenState<Exchange>, now: Moment.Moment, rules: Rules): boolean =>
  failure !== undefined && Moment.within(failure.at, pauseAfter(failure.error, rules), now)

/** In milliseconds: how long nothing is asked of the server, unless a request needs it. */
const pauseAfter = (error: ExchangeError, { coolDown }: Rules): number =>
  isTransient(error) ? Math.max(coolDown, Duration.toMillis(retryAfter(error))) : coolDown

export const sameToken = (a: Token, b: Token): boolean =>
  Equal.equals(a.value, b.value) && Equal.equals(a.refreshToken, b.refreshToken)
