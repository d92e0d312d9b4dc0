/**
 * The life of a token as data: what a source knows, and the pure functions that decide what happens next. Nothing here
 * waits, sends or reads a clock; `now` is milliseconds since the epoch. `TokenSource` puts the effects around it.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Equal from "effect/Equal"
import type * as Redacted from "effect/Redacted"
import type { ExchangeError } from "./AuthError.ts"
import { isTransient } from "./AuthError.ts"
import { Token } from "./Token.ts"

/**
 * How a token came to be held.
 *
 * @since 0.1.0
 * @category models
 */
export type Origin = "login" | "refresh" | "store"

/**
 * A token with what has been learned about it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Held {
  readonly token: Token
  /** Counts the tokens of one source; a newer token has the greater number. */
  readonly generation: number
  readonly origin: Origin
  readonly issuedAt: number
  /** From here on the token is renewed while it is still used; `Infinity`: not before it expires. */
  readonly renewAt: number
  /** `Infinity`: unknown, used until rejected. */
  readonly expiresAt: number
  readonly rejected: boolean
  /** What the next refresh may redeem; gone once a server refused it. */
  readonly refreshToken: Redacted.Redacted | undefined
  /** Whether the store has it. A store that could not be written must not be believed over what is held. */
  readonly persisted: boolean
}

/**
 * The last exchange's failure. It is forgotten when a token arrives.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly error: ExchangeError
  readonly at: number
}

/**
 * Everything that a source knows. `Exchange` is the handle of the one exchange in flight; the decisions here only ask
 * whether there is one.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenState<out Exchange> {
  readonly held: Held | undefined
  readonly exchange: Exchange | undefined
  readonly failure: Failure | undefined
  readonly generation: number
  readonly closed: boolean
}

/**
 * The durations of a policy that decisions need, in milliseconds, and whether a refresh token can be redeemed at all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rules {
  readonly canRefresh: boolean
  readonly coolDown: number
  readonly probation: number
}

/**
 * - `Fresh`: use it
 * - `Stale`: use it, and renew it meanwhile
 * - `Expired`: do not use it
 *
 * @since 0.1.0
 * @category models
 */
export type Freshness = "Fresh" | "Stale" | "Expired"

/**
 * What a caller who asks for a token gets.
 *
 * @since 0.1.0
 * @category models
 */
export type Decision<Exchange> =
  | { readonly _tag: "Use"; readonly token: Token }
  | { readonly _tag: "UseAndRenew"; readonly token: Token }
  | { readonly _tag: "Join"; readonly exchange: Exchange }
  | { readonly _tag: "Begin" }
  | { readonly _tag: "Refuse"; readonly error: ExchangeError }
  | { readonly _tag: "Closed" }

/**
 * The ladder. After a rejection: take what is already held by now, redeem the refresh token, log in, give up.
 *
 * @since 0.1.0
 * @category models
 */
export type Rung = "reuse" | "refresh" | "login" | "fail"

/**
 * What an exchange has to do.
 *
 * @since 0.1.0
 * @category models
 */
export type Plan =
  | { readonly _tag: "Adopt"; readonly token: Token }
  | { readonly _tag: "Refresh"; readonly refreshToken: Redacted.Redacted }
  | { readonly _tag: "Login" }

/**
 * A source that has not been asked yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: TokenState<never> = {
  held: undefined,
  exchange: undefined,
  failure: undefined,
  generation: 0,
  closed: false
}

/**
 * A clock that steps back by more than this (ms) since a token was issued no longer tells the token's age: the token
 * is then renewed at the next use. Smaller steps are what time synchronisation does all day.
 *
 * @since 0.1.0
 * @category constants
 */
export const clockTolerance = 60_000

/**
 * @since 0.1.0
 * @category decisions
 */
export const freshness = (held: Held, now: number): Freshness =>
  held.rejected || now >= held.expiresAt
    ? "Expired"
    : now >= held.renewAt || now < held.issuedAt - clockTolerance
    ? "Stale"
    : "Fresh"

/**
 * What to do for a caller who asks for a token now.
 *
 * @since 0.1.0
 * @category decisions
 */
export const decide = <Exchange>(state: TokenState<Exchange>, now: number, rules: Rules): Decision<Exchange> => {
  if (state.closed) return { _tag: "Closed" }
  const cooling = state.failure !== undefined && within(state.failure.at, rules.coolDown, now)
  if (state.held !== undefined) {
    const token = state.held.token
    const fresh = freshness(state.held, now)
    if (fresh === "Fresh") return { _tag: "Use", token }
    // an early renewal that failed is not tried again at once, and never costs a request
    if (fresh === "Stale") return { _tag: state.exchange !== undefined || cooling ? "Use" : "UseAndRenew", token }
  }
  if (state.exchange !== undefined) return { _tag: "Join", exchange: state.exchange }
  return cooling && !isTransient(state.failure.error)
    ? { _tag: "Refuse", error: state.failure.error }
    : { _tag: "Begin" }
}

/**
 * What an exchange that begins now has to do, given what the store holds. A token that another process stored in the
 * meantime is adopted instead of redeeming again what that process redeemed.
 *
 * @since 0.1.0
 * @category decisions
 */
export const plan = (held: Held | undefined, stored: Token | undefined, now: number, rules: Rules): Plan => {
  const foreign = stored !== undefined && (held === undefined || (held.persisted && !sameToken(stored, held.token)))
  if (foreign && (stored.expiresAt === undefined || now < DateTime.toEpochMillis(stored.expiresAt))) {
    return { _tag: "Adopt", token: stored }
  }
  const refreshToken = foreign
    ? (rules.canRefresh ? stored.refreshToken : undefined)
    : redeemable(held, now, rules)
  return refreshToken === undefined ? { _tag: "Login" } : { _tag: "Refresh", refreshToken }
}

/**
 * The server rejected `token`, for a request that has already climbed to `climbed`. Answers the rung by which that
 * request may get another token, and the state to go on with. A token of an older generation changes nothing: somebody
 * has renewed it since. On `fail` the token is kept: having just been renewed it is not what is wrong.
 *
 * @since 0.1.0
 * @category transitions
 */
export const reject = <Exchange>(
  state: TokenState<Exchange>,
  token: Token,
  climbed: Rung,
  now: number,
  rules: Rules
): readonly [Rung, TokenState<Exchange>] => {
  const held = state.held
  if (held !== undefined && !held.rejected && held.token !== token) return ["reuse", state]
  const rejected = held === undefined ? undefined : { ...held, rejected: true }
  const rung: Rung = redeemable(rejected, now, rules) === undefined ? "login" : "refresh"
  if (height[rung] <= height[climbed]) return ["fail", state]
  return [rung, held === undefined || held.rejected ? state : { ...state, held: rejected }]
}

/**
 * What a refresh brought. Where it brought no new refresh token, the redeemed one stays good (RFC 6749 section 6).
 *
 * @since 0.1.0
 * @category transitions
 */
export const refreshed = (token: Token, redeemed: Redacted.Redacted): Token =>
  token.refreshToken === undefined ? new Token({ ...token, refreshToken: redeemed }) : token

/**
 * A token arrived.
 *
 * @since 0.1.0
 * @category transitions
 */
export const granted = <Exchange>(
  state: TokenState<Exchange>,
  token: Token,
  facts: { readonly origin: Origin; readonly renewAt: number; readonly persisted: boolean }
): TokenState<Exchange> => {
  const generation = state.generation + 1
  const expiresAt = token.expiresAt === undefined ? Infinity : DateTime.toEpochMillis(token.expiresAt)
  return {
    ...state,
    generation,
    failure: undefined,
    held: {
      token,
      generation,
      origin: facts.origin,
      issuedAt: DateTime.toEpochMillis(token.issuedAt),
      renewAt: Math.min(facts.renewAt, expiresAt),
      expiresAt,
      rejected: false,
      refreshToken: token.refreshToken,
      persisted: facts.persisted
    }
  }
}

/**
 * The server refused the refresh token: it is not redeemed again.
 *
 * @since 0.1.0
 * @category transitions
 */
export const refreshRefused = <Exchange>(state: TokenState<Exchange>): TokenState<Exchange> =>
  state.held === undefined ? state : { ...state, held: { ...state.held, refreshToken: undefined } }

/**
 * @since 0.1.0
 * @category transitions
 */
export const failed = <Exchange>(
  state: TokenState<Exchange>,
  error: ExchangeError,
  now: number
): TokenState<Exchange> => ({
  ...state,
  failure: { error, at: now }
})

/** Counted from the event, so that a clock set back ends the period instead of prolonging it. */
const within = (since: number, period: number, now: number): boolean => now >= since && now - since < period

const redeemable = (held: Held | undefined, now: number, rules: Rules): Redacted.Redacted | undefined => {
  if (held === undefined || !rules.canRefresh) return undefined
  const sessionIsDead = held.rejected && held.origin === "refresh" && within(held.issuedAt, rules.probation, now)
  return sessionIsDead ? undefined : held.refreshToken
}

const sameToken = (a: Token, b: Token): boolean =>
  Equal.equals(a.value, b.value) && Equal.equals(a.refreshToken, b.refreshToken)

const height: Record<Rung, number> = { reuse: 0, refresh: 1, login: 2, fail: 3 }
