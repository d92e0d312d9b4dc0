/**
 * What a refusal by the API leads to: the step by which a request may get another token, and when there is none. Pure.
 */
import type { Token } from "../../Token.ts"
import * as Demand from "./demand.ts"
import * as Moment from "./moment.ts"
import * as Plan from "./plan.ts"
import * as TokenState from "./state.ts"

/**
 * The steps a rejected request goes through, in this order: take the token that is held by now, redeem the refresh
 * token, log in, give up. No step is taken twice, but for `again`: send the same token, which was issued only just now.
 */
export type RenewalStep = "again" | "reuse" | "refresh" | "login" | "fail"

/** A rejection of a token, for one request. */
export interface Rejection {
  readonly token: Token
  /** The last step that the request has attempted. */
  readonly attempted: RenewalStep
  /** Whether the server is known to have accepted the token for some request; `undefined`: not known. */
  readonly accepted: boolean | undefined
  /** What the server asks of a login, if it says so. */
  readonly demand: Demand.Demand | undefined
}

/**
 * Returns the step by which a rejected request may get another token, and the next state. A token of an older generation
 * changes nothing, because it has been renewed since. On `fail` the token is kept: it has just been renewed, so it is not
 * what is wrong.
 */
export const reject = <Exchange>(
  state: TokenState.TokenState<Exchange>,
  rejection: Rejection,
  now: Moment.Moment,
  rules: TokenState.Rules
): readonly [RenewalStep, TokenState.TokenState<Exchange>] => {
  const { accepted, token } = rejection
  const { held } = state
  if (held !== undefined && !held.rejected && held.token !== token) return ["reuse", state]
  if (rejection.demand !== undefined) return demanded(state, rejection.demand, now, rules)
  // what another process has stored was no step of this request
  const attempted = held?.provenance === "store" ? "reuse" : rejection.attempted
  const repeatedRefreshes = counted(state.repeatedRefreshes, now, rules)
  if (
    attempted === "refresh" && accepted === true && held?.provenance === "refresh" &&
    repeatedRefreshes.count <= mostRepeatedRefreshes && Plan.redeemable(held, now.wall, rules) !== undefined
  ) {
    return ["refresh", held.rejected ? state : { ...state, held: { ...held, rejected: true }, repeatedRefreshes }]
  }
  // a refresh that brought a token which is refused is not worth another one
  const loginNext = order[attempted] >= order.refresh || (held !== undefined && endsSession(held, accepted, now, rules))
  const rejected = held === undefined ? undefined : { ...held, rejected: true, loginNext }
  const step: RenewalStep = Plan.redeemable(rejected, now.wall, rules) === undefined ? "login" : "refresh"
  if (order[step] <= order[attempted]) return ["fail", state]
  if (held === undefined || held.rejected) return [step, state]
  if (step !== "login") return [step, { ...state, held: rejected }]
  // where a 401 means 403 each request would cost a login
  const loginsAfterRejection = counted(state.loginsAfterRejection, now, rules)
  const most = accepted === true ? mostLoginsIfAccepted : 1
  // a token that another process has obtained, or one from before, says nothing about the next login
  const isOwn = held.provenance === "login" || held.provenance === "refresh"
  return isOwn && loginsAfterRejection.count > most
    ? ["fail", state]
    : [step, { ...state, held: rejected, loginsAfterRejection }]
}

/**
 * In a cool-down. A token that was of use, and is refused to a request that has just been refreshed, was revoked in
 * between: the session lives. A server that accepts a token for some requests only would never see a login, so there are
 * few.
 */
const mostRepeatedRefreshes = 3

/**
 * Whether the rejection of a token shows that its session is dead: it came from a refresh, and either is known to have
 * been of no use, however late that is said, or is too young to have been of any.
 */
const endsSession = (
  { issuedAt, provenance }: TokenState.Held,
  accepted: boolean | undefined,
  now: Moment.Moment,
  { refreshGracePeriod }: TokenState.Rules
): boolean => provenance === "refresh" && !(accepted ?? !Moment.isWithin(issuedAt, refreshGracePeriod, now.wall))

/**
 * The server wants more than the token stands for. If the last login asked for that already, or the one before it was in
 * vain, another one would be too.
 */
const demanded = <Exchange>(
  state: TokenState.TokenState<Exchange>,
  demand: Demand.Demand,
  now: Moment.Moment,
  rules: TokenState.Rules
): readonly [RenewalStep, TokenState.TokenState<Exchange>] => {
  const { asked, held } = state
  if (!rules.canDemand || held === undefined) return ["fail", state]
  if (held.demand !== undefined) {
    return ["login", { ...state, held: { ...held, demand: Demand.union(held.demand, demand) } }]
  }
  const loginsAfterDemand = counted(state.loginsAfterDemand, now, rules)
  return Demand.isCovered(demand, asked.demand, now.steady - asked.at.steady) ||
      loginsAfterDemand.count > mostLoginsForDemands ||
      TokenState.remembered(state, now, rules, true) !== undefined
    ? ["fail", state]
    : ["login", {
      ...state,
      held: { ...held, demand: Demand.union(asked.demand, demand) },
      loginsAfterDemand
    }]
}

/** In a cool-down: a server that always wants something else is not followed for ever. */
const mostLoginsForDemands = 3

/** One more in a cool-down. */
const counted = (
  { count, since }: TokenState.Tally,
  now: Moment.Moment,
  { coolDown }: TokenState.Rules
): TokenState.Tally => Moment.within(since, coolDown, now) ? { count: count + 1, since } : { count: 1, since: now }

/**
 * The state before a login that takes the place of a refused refresh; `undefined` if there were too many. Where the token
 * was refused by the API, each request would cost a refresh and a login.
 */
export const loginInstead = <Exchange>(
  state: TokenState.TokenState<Exchange>,
  now: Moment.Moment,
  rules: TokenState.Rules
): TokenState.TokenState<Exchange> | undefined => {
  if (state.held?.rejected !== true) return state
  const loginsAfterRejection = counted(state.loginsAfterRejection, now, rules)
  return loginsAfterRejection.count > mostLoginsIfAccepted ? undefined : { ...state, loginsAfterRejection }
}

/**
 * In a cool-down, for tokens that had been of use. A server may be restarted twice within it; where it accepts a token for
 * some requests and answers 401 to others, this is what that costs.
 */
const mostLoginsIfAccepted = 3

/** The refused token, if the API may not know it yet: nothing speaks against it but this refusal. */
export const unsettled = <Exchange>(
  { held }: TokenState.TokenState<Exchange>,
  { accepted, demand, token }: Rejection
): TokenState.Held | undefined =>
  held?.token === token && !held.rejected && accepted !== true && demand === undefined ? held : undefined

/** The step that gets furthest: it leaves the fewest replays, and with them the fewest logins. */
export const furthest = (steps: ReadonlyArray<RenewalStep>): RenewalStep =>
  steps.reduce<RenewalStep>(
    (furthest, step) => step !== "fail" && (furthest === "fail" || order[step] > order[furthest]) ? step : furthest,
    "fail"
  )

const order: Record<RenewalStep, number> = { again: 0, reuse: 0, refresh: 1, login: 2, fail: 3 }
