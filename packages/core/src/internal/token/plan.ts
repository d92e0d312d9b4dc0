/** What an exchange has to do: adopt a token from outside, redeem the refresh token, or log in. Pure. */
import * as DateTime from "effect/DateTime"
import * as Equal from "effect/Equal"
import type * as Redacted from "effect/Redacted"
import * as Struct from "effect/Struct"
import type { ExchangeError } from "../../AuthError.ts"
import { Token } from "../../Token.ts"
import * as Demand from "./demand.ts"
import type { Held, Provenance, Rules, TokenState } from "./state.ts"
import { sameToken } from "./state.ts"

export type Plan =
  | { readonly _tag: "Adopt"; readonly token: Token; readonly provenance: Provenance }
  | { readonly _tag: "Refresh"; readonly token: Token; readonly refreshToken: Redacted.Redacted }
  | { readonly _tag: "Login" }

/** A token from outside this source, and where it was found. */
export interface Found {
  readonly token: Token
  readonly provenance: "store" | "initial"
}

/**
 * What an exchange that begins now has to do, given a token from outside. A token that another process stored in the
 * meantime is adopted, so that its refresh token is not redeemed twice; not if the server demands more than it is known
 * to bring.
 */
export const plan = <Exchange>(
  { held, refusedRefreshToken }: Pick<TokenState<Exchange>, "held" | "refusedRefreshToken">,
  found: Found | undefined,
  now: number,
  rules: Rules
): Plan => {
  const isNews = found !== undefined && (held === undefined || (held.persisted && !sameToken(found.token, held.token)))
  const demand = held?.demand
  if (
    isNews && (found.token.expiresAt === undefined || now < DateTime.toEpochMillis(found.token.expiresAt)) &&
    (demand === undefined || Demand.isSatisfied(demand, found.token.scope))
  ) {
    return { _tag: "Adopt", ...found }
  }
  const token = isNews ? found.token : held?.token
  const refreshToken = demand !== undefined
    ? undefined
    : isNews
    ? (rules.canRefresh && !isPast(found.token.refreshExpiresAt, now) &&
        !Equal.equals(found.token.refreshToken, refusedRefreshToken)
      ? found.token.refreshToken
      : undefined)
    : redeemable(held, now, rules)
  return token === undefined || refreshToken === undefined
    ? { _tag: "Login" }
    : { _tag: "Refresh", token, refreshToken }
}

/** What the next login asks for beyond the settings. */
export const nextDemand = <Exchange>({ asked, held }: TokenState<Exchange>): Demand.Demand =>
  held?.demand ?? asked.demand

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

/**
 * Whether the failure of a refresh says that the refresh token is good no more. A person who has to log in is asked by a
 * login.
 */
export const endsRefreshToken = (error: ExchangeError): boolean =>
  (error._tag === "CredentialsRejected" && error.reason !== "Setting") || error._tag === "InteractionRequired"

/**
 * The refresh token that an exchange redeems. Whether a rejection leads to a login was decided when it was reported, by
 * what was known of the token then.
 */
export const redeemable = (
  held: Held | undefined,
  now: number,
  { canRefresh }: Rules
): Redacted.Redacted | undefined =>
  held === undefined || held.loginNext || !canRefresh || isPast(held.token.refreshExpiresAt, now)
    ? undefined
    : held.refreshToken

const isPast = (instant: DateTime.Utc | undefined, now: number): boolean =>
  instant !== undefined && DateTime.toEpochMillis(instant) <= now
