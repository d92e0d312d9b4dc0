/** What one process may send to the server, judged by what it has been told before. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import type { ExchangeError } from "../../src/AuthError.ts"
import { isTransient } from "../../src/AuthError.ts"
import type { Token } from "../../src/Token.ts"
import type { RenewalStep } from "../../src/TokenSource.ts"
import type { Claims } from "./claims.ts"
import type { World } from "./schedule.ts"
import type { Kind, Server } from "./server.ts"

export interface Watch {
  readonly login: Effect.Effect<Token, ExchangeError>
  readonly refresh: (refreshToken: Redacted.Redacted) => Effect.Effect<Token, ExchangeError>
  /** The account whose store an exchange has opened. */
  readonly opens: (account: string) => void
  readonly account: () => string
  /** When another account was opened last, in running time. */
  readonly openedAt: () => number
  /** Whether what the process held was ever forgotten, because another account was opened. */
  readonly hasForgotten: () => boolean
  /** The token that the server's last answer, or the store, brought. */
  readonly held: () => { readonly value: string; readonly kind: Kind } | undefined
  /** A caller holds this token. */
  readonly holds: (token: Token) => void
  /** The API refused a token, and this is what the source made of it. */
  readonly refusedByApi: (token: Token, step: RenewalStep) => void
  readonly acceptedByApi: () => void
  /** How many exchanges with the server have ended, and how many have brought a token. */
  readonly settled: () => number
  readonly granted: () => number
  readonly obtainedAt: () => number
  /** The step of the client's clock. */
  readonly jumped: (millis: number) => void
  readonly closed: () => void
}

/** In milliseconds; the policy's. */
export const coolDown = 30_000
const refreshGracePeriod = 10_000
/** The longest exchange: the policy's `timeout`, and its `storeTimeout` for a token that arrived at its very end. */
export const longestExchange = 35_000

export const make = (options: {
  readonly claims: Claims
  readonly process: string
  readonly server: Server
  readonly world: World
  readonly firstAccount: string
  /** There is no store that an exchange could wait for. */
  readonly isAlone: boolean
  /** What a store without a fault holds for an account. */
  readonly stored: (account: string) => Token | undefined
  /** How many tokens the source has held. */
  readonly generation: () => number
  /** In milliseconds: the time that no step of the clock touches, and the client's clock. */
  readonly running: () => number
  readonly wall: () => number
}): Watch => {
  const { claims: { claim, reached }, process, running, server, wall, world } = options
  let account = options.firstAccount
  let forgotten = false
  let openedAt = -Infinity
  let inFlight = 0
  let arrived: { readonly generation: number; readonly redeemed: string | undefined } | undefined
  let settled = 0
  let granted = 0
  let jumpedAt = -Infinity
  let isClosed = false
  const refused = new Set<string>()
  let loginRefusedAt: number | undefined
  let busy = { at: -Infinity, until: -Infinity }
  // what is known of the token that is held
  let held: Token | undefined
  let refreshToken: string | undefined
  let mayLogIn = false
  let loginNext = false
  let refreshedTokenRefusedAt = -Infinity
  let isRejected = false
  let acceptedAt = -Infinity
  let obtainedAt = -Infinity
  let sends: ReadonlyArray<number> = []
  let loginsAfterRefusal: ReadonlyArray<number> = []

  const jumpedWithin = (period: number) => running() - jumpedAt <= period

  const holds = (token: Token) => {
    // what a refresh brought is completed by what it left as it was, so it is not the same object
    if (held !== undefined && Equal.equals(token.value, held.value) && world.accessTokens === "new") {
      held = token
      return
    }
    if (token === held) return
    // handed out at the instant at which another account is opened
    if (server.access(token).family.account !== account) return
    // one that was still good enough while its successor was being stored
    if (held !== undefined && server.numberOf(token) < server.numberOf(held)) return
    held = token
    refreshToken = token.refreshToken === undefined ? undefined : Redacted.value(token.refreshToken)
    if (refreshToken !== undefined && refused.has(refreshToken)) refreshToken = undefined
    mayLogIn = false
    loginNext = false
    isRejected = false
    refreshedTokenRefusedAt = -Infinity
  }

  /** An answer that arrives on the instant of a timeout is lost, although it was seen here. */
  const checkArrival = () => {
    if (arrived !== undefined && options.generation() === arrived.generation) {
      reached("an answer arrives on the instant of a timeout")
      mayLogIn = true
      refreshToken = undefined
      if (arrived.redeemed !== undefined) server.refreshRecord(arrived.redeemed).answered.delete(process)
    }
    arrived = undefined
  }

  const obtained = (token: Token, kind: Kind, redeemed: string | undefined) => {
    const now = running()
    granted += 1
    arrived = { generation: options.generation(), redeemed }
    if (held !== undefined && !isRejected && held.expiresAt !== undefined && wall() < held.expiresAt.epochMillis) {
      reached("a token is renewed early")
      claim(
        "early renewals keep their distance",
        now - obtainedAt >= 1_000 || jumpedWithin(now - obtainedAt + longestExchange) || mayLogIn
      )
    }
    obtainedAt = now
    // one that follows the server's own word is not counted
    if (kind === "login" && isRejected && !mayLogIn) {
      reached("a refusal by the API leads to a login")
      loginsAfterRefusal = [...loginsAfterRefusal.filter((at) => now - at < coolDown), now]
      // counted from the first one: the end of one period and the beginning of the next may meet
      const most = now - acceptedAt < 3 * coolDown ? 5 : 2
      claim("a storm of refusals by the API costs a limited number of logins", loginsAfterRefusal.length <= most)
      if (loginsAfterRefusal.length > 1) reached("refusals by the API lead to several logins")
    }
    holds(token)
  }

  const failed = (error: ExchangeError, kind: Kind, value: string | undefined) => {
    const endsGrant = (error._tag === "CredentialsRejected" && error.reason !== "Setting") ||
      error._tag === "InteractionRequired"
    if (error._tag === "TokenEndpointError" && error.retryAfter !== undefined) {
      busy = { at: running(), until: running() + Duration.toMillis(error.retryAfter) }
    }
    if (kind === "refresh" && endsGrant && value !== undefined) {
      refused.add(value)
      mayLogIn = true
      refreshToken = undefined
    }
    if (kind === "login" && !isTransient(error)) {
      // the refresh token has its turn again
      loginNext = false
      if (error._tag !== "CredentialUnavailable" && error._tag !== "TokenEndpointError") loginRefusedAt = wall()
    }
  }

  /** Whether the exchange that was told to come back later could wait for it: its timeout takes the word with it. */
  const couldWait = () =>
    busy.until - busy.at >= 30_000 ||
    (options.isAlone && busy.until <= Math.min(...sends.filter((at) => busy.at - at < longestExchange)) + 30_000)

  const sent = (kind: Kind, value: string | undefined) => {
    checkArrival()
    inFlight += 1
    claim("never are two exchanges in flight", inFlight === 1)
    claim("nothing is sent after the end of the Scope", !isClosed)
    claim(
      "nothing is sent before the server's Retry-After",
      running() >= busy.until || jumpedAt >= busy.at || !couldWait()
    )
    sends = [...sends.slice(-20), running()]
    if (kind === "login") {
      claim(
        "a refused login is not repeated within the cool-down",
        loginRefusedAt === undefined || wall() < loginRefusedAt || wall() - loginRefusedAt >= coolDown
      )
      const isFirst = sends.slice(0, -1).every((at) => running() - at >= longestExchange)
      const stored = held === undefined && isFirst ? options.stored(account) : undefined
      claim(
        "nobody logs in who finds a valid token in the store",
        stored?.expiresAt === undefined || wall() >= stored.expiresAt.epochMillis ||
          jumpedWithin(longestExchange)
      )
      const refreshExpiresAt = held?.refreshExpiresAt?.epochMillis
      claim(
        "a refresh token is given up only by the server's own word",
        refreshToken === undefined || mayLogIn || loginNext || jumpedWithin(longestExchange) ||
          wall() - refreshedTokenRefusedAt < refreshGracePeriod + longestExchange ||
          (refreshExpiresAt !== undefined && (wall() >= refreshExpiresAt || jumpedAt >= 0))
      )
    } else if (value !== undefined) {
      // one that was found in a store, and whose refusal no login followed, is found there again
      claim("no refused refresh token is offered again", !refused.has(value) || !options.isAlone)
      claim("nothing of another account is sent", server.refreshRecord(value).family.account === account)
    }
  }

  const watched = (
    kind: Kind,
    value: string | undefined,
    self: Effect.Effect<Token, ExchangeError>
  ): Effect.Effect<Token, ExchangeError> =>
    Effect.acquireUseRelease(
      Effect.sync(() => sent(kind, value)),
      () => self,
      () =>
        Effect.sync(() => {
          inFlight -= 1
          settled += 1
        })
    ).pipe(
      Effect.tap((token) => Effect.sync(() => obtained(token, kind, value))),
      Effect.tapError((error) => Effect.sync(() => failed(error, kind, value)))
    )

  return {
    login: Effect.suspend(() => watched("login", undefined, server.login(account))),
    refresh: (token) =>
      Effect.suspend(() => {
        const value = Redacted.value(token)
        return watched("refresh", value, server.refresh(process, value))
      }),
    opens: (next) => {
      if (next === account) return
      account = next
      openedAt = running()
      forgotten = true
      held = undefined
      refreshToken = undefined
      isRejected = false
    },
    account: () => account,
    openedAt: () => openedAt,
    hasForgotten: () => forgotten,
    held: () => held === undefined ? undefined : { value: Redacted.value(held.value), kind: server.access(held).kind },
    holds,
    refusedByApi: (token, step) => {
      if (step === "reuse" || step === "fail") return
      if (held === undefined || server.numberOf(token) >= server.numberOf(held)) isRejected = true
      if (step === "login") loginNext = true
      if (server.access(token).kind === "refresh") refreshedTokenRefusedAt = token.issuedAt.epochMillis
    },
    acceptedByApi: () => {
      acceptedAt = running()
    },
    settled: () => settled,
    granted: () => granted,
    obtainedAt: () => obtainedAt,
    jumped: (millis) => {
      jumpedAt = running()
      // more than a correction ends the cool-down
      if (millis < -1_000) loginRefusedAt = undefined
      loginsAfterRefusal = []
    },
    closed: () => {
      isClosed = true
    }
  }
}
