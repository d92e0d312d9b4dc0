/**
 * An authorization server that rotates refresh tokens strictly and ends a session in which one comes back, the network
 * before it, and the API that its tokens are for. Its time is the running time: steps of the client's clock are not its own.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type { ExchangeError } from "../../src/AuthError.ts"
import {
  CredentialsRejected,
  CredentialUnavailable,
  InteractionRequired,
  MalformedTokenResponse,
  TokenEndpointError
} from "../../src/AuthError.ts"
import * as Token from "../../src/Token.ts"
import type { Claims } from "./claims.ts"
import type { Action, ApiWeather, Outcome, World } from "./schedule.ts"

export type Kind = "login" | "refresh"

/** One grant: all tokens that descend from one login. */
interface Family {
  readonly account: string
  ended: boolean
}

/** What the server knows of a refresh token. */
export interface RefreshRecord {
  readonly number: number
  readonly family: Family
  /** In running time; `undefined`: not redeemed yet. */
  redeemedAt: number | undefined
  /** The processes to which the answer to its redemption arrived. */
  readonly answered: Set<string>
}

/** What the server knows of an access token. */
export interface AccessRecord {
  readonly number: number
  readonly family: Family
  readonly kind: Kind
  readonly issuedAt: number
  readonly expiresAt: number
  revoked: boolean
}

/** What an answer brings. */
interface Granted {
  readonly value: string
  readonly refreshToken: string | undefined
}

type Serve = Extract<Action, { _tag: "Serve" }>

export interface Server {
  readonly login: (account: string) => Effect.Effect<Token.Token, ExchangeError>
  readonly refresh: (process: string, value: string) => Effect.Effect<Token.Token, ExchangeError>
  readonly end: (token: Token.Token) => Effect.Effect<void>
  readonly setWeather: (serve: Serve) => void
  readonly setApi: (weather: ApiWeather) => void
  /** Whether the API takes it. */
  readonly accepts: (token: Token.Token) => boolean
  readonly revokeAccess: () => void
  readonly revokeFamilies: () => void
  readonly access: (token: Token.Token) => AccessRecord
  /** Whether one login led to both. */
  readonly isSameSession: (self: Token.Token, that: Token.Token) => boolean
  readonly refreshRecord: (value: string) => RefreshRecord
  /** A greater number was issued later. That of the refresh token counts: the access token may be an older one. */
  readonly numberOf: (token: Token.Token) => number
  /** A token of this account that expires now. */
  readonly issueExpired: (account: string) => Effect.Effect<Token.Token>
}

export const calm: Serve = { _tag: "Serve", login: "grant", refresh: "grant", times: 0, latency: 11, retryAfter: 0 }

/** In milliseconds: how long an API that delays does not know a new token. */
const replication = 5_000

const mode = "Model"

export const make = (options: {
  readonly world: World
  readonly claims: Claims
  readonly running: () => number
  /** Whether two processes may differ in what they know. */
  readonly mayDiffer: (process: string, record: RefreshRecord) => boolean
  readonly onIssue: (value: string) => void
}): Server => {
  const { claims: { claim, reached }, mayDiffer, onIssue, running, world } = options
  const accessTokens = new Map<string, AccessRecord>()
  const refreshTokens = new Map<string, RefreshRecord>()
  const families: Array<Family> = []
  const latest = new Map<Family, string>()
  let serve = calm
  const left = { login: 0, refresh: 0 }
  let api: ApiWeather = "fine"
  let issued = 0

  const known = <A>(record: A | undefined): A => {
    if (record === undefined) throw new Error("the model was given a token that it has not issued")
    return record
  }
  const access = (token: Token.Token) => known(accessTokens.get(Redacted.value(token.value)))
  const refreshRecord = (value: string) => known(refreshTokens.get(value))

  const issue = (family: Family, kind: Kind): Granted => {
    const now = running()
    const number = issued += 1
    const before = latest.get(family)
    const record = before === undefined ? undefined : accessTokens.get(before)
    const isKept = kind === "refresh" && world.accessTokens === "same" && record !== undefined && !record.revoked &&
      now < record.expiresAt
    if (isKept) reached("a refresh brings the same access token")
    const value = isKept && before !== undefined ? before : `access-${number}`
    const expiresAt = now + world.lifetime * 1000
    accessTokens.set(value, { number, family, kind, issuedAt: now, expiresAt, revoked: false })
    latest.set(family, value)
    onIssue(value)
    const isRotated = world.refreshTokens === "rotate" || (kind === "login" && world.refreshTokens === "stay")
    const refreshToken = isRotated ? `refresh-${number}` : undefined
    if (refreshToken !== undefined) {
      refreshTokens.set(refreshToken, { number, family, redeemedAt: undefined, answered: new Set() })
    }
    return { value, refreshToken }
  }

  /** The times of a token are counted from its arrival. */
  const arrival = ({ refreshToken, value }: Granted): Effect.Effect<Token.Token> =>
    Effect.orDie(
      Token.make({ value, refreshToken, expiresIn: world.lifetime, refreshExpiresIn: world.refreshLifetime })
    )

  const beginFamily = (account: string): Family => {
    const family = { account, ended: false }
    families.push(family)
    return family
  }

  const refused = new CredentialsRejected({ mode, status: 401 })

  const redeem = (process: string, value: string): Effect.Effect<Granted, CredentialsRejected> =>
    Effect.suspend(() => {
      const record = refreshRecord(value)
      const now = running()
      if (record.redeemedAt !== undefined && world.refreshTokens === "rotate") {
        const wasAnswered = record.answered.size > 0
        reached(
          wasAnswered ? "a redeemed refresh token comes back" : "a refresh token comes back whose answer was lost"
        )
        claim(
          "no refresh token is redeemed twice, unless the answer was lost",
          !wasAnswered || mayDiffer(process, record)
        )
        // a thief may have it: RFC 9700 section 4.14.2
        if (now - record.redeemedAt >= world.grace) record.family.ended = true
        else reached("a refresh token is honoured again")
      }
      if (record.family.ended) return refused
      record.redeemedAt ??= now
      return Effect.succeed(issue(record.family, "refresh"))
    })

  const next = (kind: Kind): Outcome => {
    const outcome = left[kind] > 0 ? serve[kind] : "grant"
    left[kind] -= 1
    return outcome
  }

  /** The network and the weather around what the server does with a request. */
  const answered = (
    kind: Kind,
    granting: Effect.Effect<Granted, ExchangeError>,
    record: RefreshRecord | undefined
  ): Effect.Effect<Token.Token, ExchangeError> =>
    Effect.suspend(() => {
      const outcome = next(kind)
      reached(`${kind}: ${outcome}`)
      const { latency, retryAfter } = serve
      const trip = Effect.sleep(latency)
      const failing = (error: ExchangeError) => Effect.zipRight(trip, Effect.fail(error))
      // built for each request, without the cost of a validation
      const endpoint = (fields: Omit<ConstructorParameters<typeof TokenEndpointError>[0], "mode">) =>
        failing(new TokenEndpointError({ mode, ...fields }, { disableValidation: true }))
      switch (outcome) {
        case "grant":
          return trip.pipe(
            Effect.zipRight(granting),
            Effect.zipLeft(trip),
            Effect.flatMap(arrival),
            Effect.onInterrupt(() => Effect.sync(() => reached("an answer comes too late")))
          )
        case "lost":
          return Effect.zipRight(
            Effect.zipRight(trip, granting),
            endpoint({ reason: "Unreachable", sent: true })
          )
        case "silent":
          return Effect.zipRight(Effect.zipRight(trip, granting), Effect.never)
        case "garbled":
          return Effect.zipRight(
            Effect.zipRight(trip, granting),
            failing(new MalformedTokenResponse({ mode, status: 200 }, { disableValidation: true }))
          )
        case "unsent":
          return endpoint({ reason: "Unreachable", sent: false })
        case "page":
          return endpoint({ reason: "Unexpected", status: 404 })
        case "html":
          return failing(new MalformedTokenResponse({ mode, status: 200, foreign: true }, { disableValidation: true }))
        case "busy":
          return endpoint({ reason: "Unavailable", status: 503, retryAfter: Duration.millis(retryAfter) })
        case "hang":
          return Effect.never
        case "refuse":
          if (record !== undefined) record.family.ended = true
          return failing(refused)
        case "interact":
          if (record !== undefined) record.family.ended = true
          return failing(new InteractionRequired({ mode, status: 400 }, { disableValidation: true }))
        case "setting":
          return failing(new CredentialsRejected({ mode, status: 401, reason: "Setting" }, { disableValidation: true }))
        case "missing":
          return failing(new CredentialUnavailable({ mode, problem: "weather" }, { disableValidation: true }))
        case "bug":
          return Effect.zipRight(trip, Effect.dieMessage("a bug in the code of a mode"))
      }
    })

  return {
    login: (account) => answered("login", Effect.sync(() => issue(beginFamily(account), "login")), undefined),
    refresh: (process, value) => {
      const record = refreshRecord(value)
      return Effect.tap(
        answered("refresh", redeem(process, value), record),
        () => Effect.sync(() => record.answered.add(process))
      )
    },
    end: (token) =>
      Effect.sync(() => {
        access(token).family.ended = true
      }),
    setWeather: (next) => {
      serve = next
      left.login = next.times
      left.refresh = next.times
    },
    setApi: (weather) => {
      api = weather
    },
    accepts: (token) => {
      const { expiresAt, family, issuedAt, revoked } = access(token)
      const now = running()
      if (api === "forbids") reached("the API answers 401 for 403")
      if (api === "delays" && now - issuedAt < replication) reached("the API does not know a new token yet")
      return api !== "forbids" && !(api === "delays" && now - issuedAt < replication) && !revoked && !family.ended &&
        now < expiresAt
    },
    revokeAccess: () => accessTokens.forEach((record) => void (record.revoked = true)),
    revokeFamilies: () => families.forEach((family) => void (family.ended = true)),
    access,
    isSameSession: (self, that) => access(self).family === access(that).family,
    refreshRecord,
    numberOf: (token) =>
      token.refreshToken !== undefined && world.refreshTokens === "rotate"
        ? refreshRecord(Redacted.value(token.refreshToken)).number
        : access(token).number,
    issueExpired: (account) =>
      Effect.map(
        arrival(issue(beginFamily(account), "login")),
        (token) => new Token.Token({ ...token, expiresAt: DateTime.subtract(token.issuedAt, { seconds: 1 }) })
      )
  }
}
