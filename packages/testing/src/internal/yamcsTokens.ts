/**
 * The tokens and sessions of a Yamcs server, and the rules of its token route, as pure functions of the settings, the
 * state, a request and the time. Times are epoch milliseconds. The rules are those of `AuthHandler`, `TokenStore`,
 * `JwtHelper` and `SessionManager` of Yamcs 5.13.
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Wire from "./yamcsWire.ts"

/**
 * What the server has counted since it was made. A restart keeps the counts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  /** Authenticated API calls, answered with 2xx or not. */
  readonly requests: number
  /** API calls answered with 401. */
  readonly refused: number
  /** Requests to `/auth/token`, whatever the answer. */
  readonly attempts: number
  /** Successful `password` and `client_credentials` grants. */
  readonly logins: number
  /** Refresh tokens redeemed, without replays. */
  readonly refreshes: number
  /** Successful grants for a refresh token that had been redeemed before. */
  readonly refreshesReplayed: number
  /** The most requests to `/auth/token` within any 1000 milliseconds. */
  readonly maxTokenRequestsInAnySecond: number
}

/**
 * A service account and the credentials of its application.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServiceAccount {
  readonly name: string
  readonly applicationId: string
  readonly applicationSecret: string
}

export interface Settings {
  readonly users: Readonly<Record<string, string>>
  readonly apiKeys: Readonly<Record<string, string>>
  readonly tokenLifetime: number
  readonly sessionIdle: number
  readonly maxAuthRequestsPerSecond: number
}

interface AccessToken {
  readonly user: string
  readonly session: Option.Option<number>
  readonly expiresAt: number
  readonly epoch: number
}

interface Session {
  readonly user: string
  readonly renewedAt: number
  readonly dead: boolean
}

export interface State {
  /** A counter that makes every token and id unique, and tests repeatable. */
  readonly counter: number
  /** Access tokens of an earlier epoch are refused. */
  readonly epoch: number
  readonly access: HashMap.HashMap<string, AccessToken>
  readonly sessions: HashMap.HashMap<number, Session>
  /** Sessions by refresh token, of those that are not redeemed yet. */
  readonly refresh: HashMap.HashMap<string, number>
  readonly redeemed: HashMap.HashMap<string, { readonly at: number; readonly next: string; readonly session: number }>
  /** By application id. */
  readonly serviceAccounts: HashMap.HashMap<string, ServiceAccount>
  /** The server's own count of token requests, in a window that starts anew instead of sliding. */
  readonly window: { readonly start: number; readonly count: number }
  /** Times of the token requests of the last second. */
  readonly recent: ReadonlyArray<number>
  readonly failures: { readonly remaining: number; readonly status: number }
  readonly stats: Stats
}

export interface TokenRequest {
  readonly contentType: string | undefined
  readonly authorization: string | undefined
  readonly form: Readonly<Record<string, string>>
}

export interface TokenResponse {
  readonly access_token: string
  readonly token_type: "bearer"
  readonly expires_in: number
  readonly refresh_token?: string
  readonly user: UserInfo
}

export interface UserInfo {
  readonly name: string
  readonly active: boolean
  readonly superuser: boolean
}

export type Outcome =
  | { readonly _tag: "Granted"; readonly token: TokenResponse }
  | { readonly _tag: "Refused"; readonly status: number }

type Step = readonly [Outcome, State]

/** A redeemed refresh token is answered again for this long (`TokenStore.refreshCache`). */
const replayMillis = 5000

export const initial = (serviceAccounts: ReadonlyArray<ServiceAccount>, now: number): State => ({
  counter: 0,
  epoch: 0,
  access: HashMap.empty(),
  sessions: HashMap.empty(),
  refresh: HashMap.empty(),
  redeemed: HashMap.empty(),
  serviceAccounts: HashMap.fromIterable(serviceAccounts.map((account) => [account.applicationId, account])),
  window: { start: now, count: 0 },
  recent: [],
  failures: { remaining: 0, status: 500 },
  stats: {
    requests: 0,
    refused: 0,
    attempts: 0,
    logins: 0,
    refreshes: 0,
    refreshesReplayed: 0,
    maxTokenRequestsInAnySecond: 0
  }
})

export const count = (state: State, change: Partial<Stats>): State => ({
  ...state,
  stats: { ...state.stats, ...change }
})

export const userInfo = (settings: Settings, name: string): UserInfo => ({
  name,
  active: true,
  superuser: Record.has(settings.users, name)
})

/** `POST /auth/token`. */
export const receive = (settings: Settings, request: TokenRequest, now: number) => (before: State): Step => {
  const state = admit(before, now)
  if (state.window.count > settings.maxAuthRequestsPerSecond) {
    return refused(429, state)
  }
  if (state.failures.remaining > 0) {
    const failures = { ...state.failures, remaining: state.failures.remaining - 1 }
    return refused(failures.status, { ...state, failures })
  }
  // HandlerContext.isFormEncoded compares the whole header, so that a charset parameter makes it another type
  if (request.contentType !== "application/x-www-form-urlencoded") {
    return refused(400, state)
  }
  switch (request.form["grant_type"]) {
    case "password":
      return passwordGrant(settings, request.form, now, state)
    case "refresh_token":
      return refreshGrant(settings, request.form["refresh_token"], now, state)
    case "client_credentials":
      return clientGrant(settings, request, now, state)
    // the fake has no authorization page that could have issued a code
    default:
      return refused(400, state)
  }
}

const refused = (status: number, state: State): Step => [{ _tag: "Refused", status }, state]

/** `AuthHandler.checkRateLimit`: the count starts anew with the first request after more than a second; refusals count. */
const admit = (state: State, now: number): State => {
  const recent = [...state.recent.filter((time) => now - time < 1000), now]
  const { attempts, maxTokenRequestsInAnySecond } = state.stats
  const window = now - state.window.start > 1000 ? { start: now, count: 0 } : state.window
  return count({ ...state, recent, window: { ...window, count: window.count + 1 } }, {
    attempts: attempts + 1,
    maxTokenRequestsInAnySecond: Math.max(maxTokenRequestsInAnySecond, recent.length)
  })
}

const passwordGrant = (settings: Settings, form: TokenRequest["form"], now: number, state: State): Step => {
  const { password, username } = form
  if (username === undefined || password === undefined) {
    return refused(400, state)
  }
  if (!isPassword(settings, username, password)) {
    return refused(401, state)
  }
  const session = state.counter
  const next = count({
    ...state,
    counter: session + 1,
    sessions: HashMap.set(state.sessions, session, { user: username, renewedAt: now, dead: false })
  }, { logins: state.stats.logins + 1 })
  return grantWithRefresh(settings, username, session, now, next)
}

export const isPassword = (settings: Settings, username: string, password: string): boolean =>
  Option.contains(Record.get(settings.users, username), password)

const clientGrant = (settings: Settings, request: TokenRequest, now: number, state: State): Step => {
  const basic = request.authorization?.startsWith("Basic ") === true
    ? Wire.decodeBasic(request.authorization)
    : undefined
  if (basic !== undefined && Option.isNone(basic)) {
    return refused(400, state)
  }
  // HandlerContext.getBasicCredentials URL-decodes both halves (RFC 6749, section 2.3.1); Java fails on a stray `%`
  const halves = basic === undefined
    ? Option.some([request.form["client_id"], request.form["client_secret"]])
    : Option.flatMap(basic, ([id, secret]) => Option.all([Wire.urlDecode(id), Wire.urlDecode(secret)]))
  if (Option.isNone(halves)) {
    return refused(500, state)
  }
  const [applicationId, secret] = halves.value
  if (applicationId === undefined || secret === undefined) {
    return refused(400, state)
  }
  const account = HashMap.get(state.serviceAccounts, applicationId)
  const become = request.form["become"]
  if (
    Option.isNone(account) || account.value.applicationSecret !== secret ||
    (become !== undefined && !isAccount(settings, state, become))
  ) {
    return refused(401, state)
  }
  const user = become ?? account.value.name
  const [token, next] = issue(settings, user, Option.none(), now, state)
  return [{ _tag: "Granted", token }, count(next, { logins: state.stats.logins + 1 })]
}

/** Whether a service account or a user of this name exists. */
export const isAccount = (settings: Settings, state: State, name: string): boolean =>
  Record.has(settings.users, name) || HashMap.some(state.serviceAccounts, (account) => account.name === name)

const refreshGrant = (settings: Settings, token: string | undefined, now: number, state: State): Step => {
  if (token === undefined) {
    return refused(500, state) // the server does not check for this and fails with a null pointer
  }
  const owner = HashMap.get(state.refresh, token)
  if (Option.isNone(owner)) {
    return replayedGrant(settings, token, now, state)
  }
  const session = HashMap.get(state.sessions, owner.value)
  if (Option.isNone(session) || now - session.value.renewedAt >= settings.sessionIdle) {
    return refused(401, state)
  }
  const [outcome, next] = grantWithRefresh(settings, session.value.user, owner.value, now, {
    ...state,
    sessions: HashMap.set(state.sessions, owner.value, { ...session.value, renewedAt: now }),
    refresh: HashMap.remove(state.refresh, token)
  })
  if (outcome._tag === "Refused" || outcome.token.refresh_token === undefined) {
    return [outcome, next]
  }
  const redeemed = HashMap.set(HashMap.filter(state.redeemed, ({ at }) => now - at < replayMillis), token, {
    at: now,
    next: outcome.token.refresh_token,
    session: owner.value
  })
  return [outcome, count({ ...next, redeemed }, { refreshes: state.stats.refreshes + 1 })]
}

/**
 * `TokenStore.verifyRefreshToken` follows the chain to its newest refresh token and returns that one again, with a new
 * access token. This does not renew the session.
 */
const replayedGrant = (settings: Settings, token: string, now: number, state: State): Step => {
  const newest = (token: string): Option.Option<{ readonly next: string; readonly session: number }> =>
    HashMap.get(state.redeemed, token).pipe(
      Option.filter(({ at }) => now - at < replayMillis),
      Option.map((found) => Option.getOrElse(newest(found.next), () => found))
    )
  const found = newest(token)
  const session = Option.flatMap(found, (found) => HashMap.get(state.sessions, found.session))
  if (Option.isNone(found) || Option.isNone(session)) {
    return refused(401, state)
  }
  const [response, next] = issue(settings, session.value.user, Option.some(found.value.session), now, state)
  return [
    { _tag: "Granted", token: { ...response, refresh_token: found.value.next } },
    count(next, { refreshesReplayed: state.stats.refreshesReplayed + 1 })
  ]
}

const grantWithRefresh = (settings: Settings, user: string, session: number, now: number, state: State): Step => {
  const [token, next] = issue(settings, user, Option.some(session), now, state)
  const refreshToken = Wire.uuid(next.counter)
  return [
    { _tag: "Granted", token: { ...token, refresh_token: refreshToken } },
    { ...next, counter: next.counter + 1, refresh: HashMap.set(next.refresh, refreshToken, session) }
  ]
}

const issue = (
  settings: Settings,
  user: string,
  session: Option.Option<number>,
  now: number,
  state: State
): readonly [TokenResponse, State] => {
  const expiresIn = Math.floor(settings.tokenLifetime / 1000)
  const issuedAt = Math.floor(now / 1000)
  const token = Wire.jwt({ iss: "Yamcs", sub: user, iat: issuedAt, exp: issuedAt + expiresIn }, state.counter)
  const access = { user, session, expiresAt: now + settings.tokenLifetime, epoch: state.epoch }
  return [
    { access_token: token, token_type: "bearer", expires_in: expiresIn, user: userInfo(settings, user) },
    { ...state, counter: state.counter + 1, access: HashMap.set(state.access, token, access) }
  ]
}

/** The user of an access token, or the text with which it is refused. */
export const verifyAccess = (state: State, token: string, now: number): Either.Either<string, string> => {
  const found = HashMap.get(state.access, token)
  if (Option.isNone(found)) {
    const sections = token.split(".").length
    const why = sections < 2
      ? "JWT should consist of three sections separated by dots"
      : sections < 3
      ? "Signature missing"
      : "Invalid signature"
    return Either.left(`Failed to decode JWT: ${why}`)
  }
  // the server compares whole seconds and so grants up to one more, which a client must not rely on
  if (now >= found.value.expiresAt) {
    return Either.left("Token expired")
  }
  const dead = Option.exists(
    Option.flatMap(found.value.session, (session) => HashMap.get(state.sessions, session)),
    (session) => session.dead
  )
  return dead || found.value.epoch !== state.epoch
    ? Either.left("Invalid access token")
    : Either.right(found.value.user)
}

export const revokeAccess = (state: State): State => ({ ...state, epoch: state.epoch + 1 })

export const killSessions = (state: State): State => ({
  ...state,
  sessions: HashMap.map(state.sessions, (session) => ({ ...session, dead: true }))
})

export const restart = (state: State): State => ({
  ...revokeAccess(state),
  sessions: HashMap.empty(),
  refresh: HashMap.empty(),
  redeemed: HashMap.empty()
})
