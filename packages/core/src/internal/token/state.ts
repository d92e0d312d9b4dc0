/**
 * The life of a token as data: what a source knows, and the pure functions that decide what happens next. Nothing here
 * waits, sends or reads a clock; `now` is in epoch milliseconds. The interpreter is `exchange.ts`.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import type * as Redacted from "effect/Redacted"
import * as Struct from "effect/Struct"
import type { ExchangeError } from "../../AuthError.ts"
import { isTransient } from "../../AuthError.ts"
import { Token } from "../../Token.ts"

/** How a token came to be held. */
export type Provenance = "login" | "refresh" | "store" | "initial"

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
  /** Whether the store has it. A store that could not be written must not be trusted over the held token. */
  readonly persisted: boolean
}

/** The failure of the last exchange; forgotten when a token arrives. */
export interface Failure {
  readonly error: ExchangeError
  readonly at: number
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
  /** The logins that rejections led to: how many, from when on (epoch milliseconds). */
  readonly loginsAfterRejection: { readonly count: number; readonly since: number }
  /** Whether the token given at the start is of no more use: it was used, replaced, or its refresh was refused. */
  readonly initialSpent: boolean
  readonly closed: boolean
}

/** The durations of a policy that decisions need, in milliseconds, and whether a refresh token can be redeemed at all. */
export interface Rules {
  readonly canRefresh: boolean
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

/**
 * The steps a rejected request goes through, in this order: take the token that is held by now, redeem the refresh
 * token, log in, give up. No step is taken twice.
 */
export type RenewalStep = "reuse" | "refresh" | "login" | "fail"

/** What an exchange has to do. */
export type Plan =
  | { readonly _tag: "Adopt"; readonly token: Token; readonly provenance: Provenance }
  | { readonly _tag: "Refresh"; readonly token: Token; readonly refreshToken: Redacted.Redacted }
  | { readonly _tag: "Login" }

/** A token from outside this source, and where it was found. */
export interface Found {
  readonly token: Token
  readonly provenance: "store" | "initial"
}

/** A source that has not been asked yet. */
export const empty: TokenState<never> = {
  held: undefined,
  exchange: undefined,
  failure: undefined,
  generation: 0,
  loginsAfterRejection: { count: 0, since: -Infinity },
  initialSpent: false,
  closed: false
}

/**
 * In milliseconds. A clock that has stepped back by more than this since a token was issued no longer tells the token's
 * age, so the token is renewed at the next use. Smaller steps are the daily work of time synchronisation.
 */
export const clockTolerance = 60_000

export const freshness = (held: Held, now: number): Freshness =>
  held.rejected || now >= held.expiresAt
    ? "Expired"
    : now >= held.renewAt || now < held.issuedAt - clockTolerance
    ? "Stale"
    : "Fresh"

/** The token, if it needs no renewal at this time. */
export const freshToken = <Exchange>({ held }: TokenState<Exchange>, now: number): Exit.Exit<Token> | undefined =>
  held !== undefined && freshness(held, now) === "Fresh" ? held.done : undefined

/** What to do for a caller that asks for a token now. */
export const decide = <Exchange>(state: TokenState<Exchange>, now: number, rules: Rules): Decision<Exchange> => {
  if (state.closed) return { _tag: "Closed" }
  const cooling = state.failure !== undefined && within(state.failure.at, pauseAfter(state.failure.error, rules), now)
  if (state.held !== undefined) {
    const token = state.held.token
    const fresh = freshness(state.held, now)
    if (fresh === "Fresh") return { _tag: "Use", token }
    // an early renewal that failed is not tried again at once, and never costs a request
    if (fresh === "Stale") return { _tag: state.exchange !== undefined || cooling ? "Use" : "UseAndRenew", token }
  }
  if (state.exchange !== undefined) return { _tag: "Join", exchange: state.exchange }
  return cooling && isRemembered(state.failure.error, state.failure.at, now)
    ? { _tag: "Refuse", error: state.failure.error }
    : { _tag: "Begin" }
}

/**
 * What an exchange that begins now has to do, given a token from outside. A token that another process stored in the
 * meantime is adopted, so that its refresh token is not redeemed twice.
 */
export const plan = (held: Held | undefined, found: Found | undefined, now: number, rules: Rules): Plan => {
  const isNews = found !== undefined && (held === undefined || (held.persisted && !sameToken(found.token, held.token)))
  if (isNews && (found.token.expiresAt === undefined || now < DateTime.toEpochMillis(found.token.expiresAt))) {
    return { _tag: "Adopt", ...found }
  }
  const token = isNews ? found.token : held?.token
  const refreshToken = isNews
    ? (rules.canRefresh && !isPast(found.token.refreshExpiresAt, now) ? found.token.refreshToken : undefined)
    : redeemable(held, undefined, now, rules)
  return token === undefined || refreshToken === undefined
    ? { _tag: "Login" }
    : { _tag: "Refresh", token, refreshToken }
}

/** A rejection of a token, for one request. */
export interface Rejection {
  readonly token: Token
  /** The last step that the request has attempted. */
  readonly attempted: RenewalStep
  /** Whether the server is known to have accepted the token for some request; `undefined`: not known. */
  readonly accepted: boolean | undefined
}

/**
 * Returns the step by which a rejected request may get another token, and the next state. A token of an older generation
 * changes nothing, because it has been renewed since. On `fail` the token is kept: it has just been renewed, so it is not
 * what is wrong.
 */
export const reject = <Exchange>(
  state: TokenState<Exchange>,
  { accepted, attempted, token }: Rejection,
  now: number,
  rules: Rules
): readonly [RenewalStep, TokenState<Exchange>] => {
  const { held } = state
  if (held !== undefined && !held.rejected && held.token !== token) return ["reuse", state]
  // a refresh that brought a token which is refused is not worth another one, however late the refusal comes
  const loginNext = order[attempted] >= order.refresh || (held?.provenance === "refresh" && accepted === false)
  const rejected = held === undefined ? undefined : { ...held, rejected: true, loginNext }
  const step: RenewalStep = redeemable(rejected, accepted, now, rules) === undefined ? "login" : "refresh"
  if (order[step] <= order[attempted]) return ["fail", state]
  if (held === undefined || held.rejected) return [step, state]
  if (step !== "login") return [step, { ...state, held: rejected }]
  // where a 401 means 403 each request would cost a login
  const { count, since } = state.loginsAfterRejection
  const isRecent = within(since, rules.coolDown, now)
  const most = accepted === true ? mostLoginsIfAccepted : 1
  if (held.provenance === "login" && isRecent && count >= most) return ["fail", state]
  const loginsAfterRejection = isRecent ? { count: count + 1, since } : { count: 1, since: now }
  return [step, { ...state, held: rejected, loginsAfterRejection }]
}

/**
 * In a cool-down, for tokens that had been of use. A server may be restarted twice within it; where it accepts a token for
 * some requests and answers 401 to others, this is what that costs.
 */
const mostLoginsIfAccepted = 3

/** The step that gets furthest: it leaves the fewest replays, and with them the fewest logins. */
export const furthest = (steps: ReadonlyArray<RenewalStep>): RenewalStep =>
  steps.reduce<RenewalStep>(
    (furthest, step) => step !== "fail" && (furthest === "fail" || order[step] > order[furthest]) ? step : furthest,
    "fail"
  )

/**
 * What a refresh brought, and what it leaves as it was. Without a new refresh token, the redeemed one stays good (RFC 6749
 * section 6).
 */
export const refreshed = (
  token: Token,
  { refreshToken, token: before }: { readonly token: Token; readonly refreshToken: Redacted.Redacted }
): Token => {
  const carried = Struct.pick(before, "type", "scope", "idToken", "key", "extra")
  const kept = token.refreshToken === undefined
    ? { refreshToken, ...Struct.pick(before, "refreshExpiresAt") }
    : undefined
  const extra = token.extra === undefined ? undefined : { extra: { ...before.extra, ...token.extra } }
  return new Token({ ...carried, ...token, ...kept, ...extra })
}

/** A token arrived. */
export const granted = <Exchange>(
  state: TokenState<Exchange>,
  token: Token,
  facts: { readonly provenance: Provenance; readonly renewAt: number; readonly persisted: boolean }
): TokenState<Exchange> => {
  const generation = state.generation + 1
  const expiresAt = token.expiresAt === undefined ? Infinity : DateTime.toEpochMillis(token.expiresAt)
  return {
    ...state,
    generation,
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
      persisted: facts.persisted
    }
  }
}

/** The server refused the refresh token, which belonged to the token given at the start or not: it is not redeemed again. */
export const refreshRefused = <Exchange>(state: TokenState<Exchange>, ofInitial: boolean): TokenState<Exchange> => ({
  ...state,
  initialSpent: state.initialSpent || ofInitial,
  held: state.held === undefined ? undefined : { ...state.held, refreshToken: undefined }
})

/**
 * Whether the failure of a refresh says that the refresh token is good no more. A person who has to log in is asked by a
 * login.
 */
export const endsRefreshToken = (error: ExchangeError): boolean =>
  (error._tag === "CredentialsRejected" && error.reason !== "Setting") || error._tag === "InteractionRequired"

/** What is held belongs to another account than the next token. */
export const forget = <Exchange>(state: TokenState<Exchange>): TokenState<Exchange> => ({ ...state, held: undefined })

/**
 * An exchange failed. If that was a login in the place of a refresh, the refresh token has its turn again: it was never
 * refused, and where nobody can log in it is all there is.
 */
export const failed = <Exchange>(
  state: TokenState<Exchange>,
  error: ExchangeError,
  now: number
): TokenState<Exchange> => ({
  ...state,
  held: state.held?.loginNext === true ? { ...state.held, loginNext: false } : state.held,
  failure: { error, at: now }
})

/** How long the server wants to be left alone after this failure. A proxy's word does not shut a program out for days. */
export const retryAfter = (error: ExchangeError | undefined): Duration.Duration =>
  error?._tag === "TokenEndpointError" && error.retryAfter !== undefined
    ? Duration.min(error.retryAfter, longestRetryAfter)
    : Duration.zero

const longestRetryAfter = Duration.hours(1)

/** In milliseconds: how long nothing is asked of the server, unless a request needs it. */
const pauseAfter = (error: ExchangeError, { coolDown }: Rules): number =>
  isTransient(error) ? Math.max(coolDown, Duration.toMillis(retryAfter(error))) : coolDown

/** A credential that was not available may be by now, so only the server's own words are remembered. */
const isRemembered = (error: ExchangeError, at: number, now: number): boolean =>
  isTransient(error)
    ? within(at, Duration.toMillis(retryAfter(error)), now)
    : error._tag !== "CredentialUnavailable"

/** Counted from the event, so that a clock set back ends the period instead of prolonging it. */
const within = (since: number, period: number, now: number): boolean => now >= since && now - since < period

const redeemable = (
  held: Held | undefined,
  accepted: boolean | undefined,
  now: number,
  rules: Rules
): Redacted.Redacted | undefined => {
  if (held === undefined || held.loginNext || !rules.canRefresh || isPast(held.token.refreshExpiresAt, now)) {
    return undefined
  }
  const sessionIsDead = held.rejected && held.provenance === "refresh" && accepted !== true &&
    within(held.issuedAt, rules.refreshGracePeriod, now)
  return sessionIsDead ? undefined : held.refreshToken
}

const isPast = (instant: DateTime.Utc | undefined, now: number): boolean =>
  instant !== undefined && DateTime.toEpochMillis(instant) <= now

const sameToken = (a: Token, b: Token): boolean =>
  Equal.equals(a.value, b.value) && Equal.equals(a.refreshToken, b.refreshToken)

const order: Record<RenewalStep, number> = { reuse: 0, refresh: 1, login: 2, fail: 3 }
