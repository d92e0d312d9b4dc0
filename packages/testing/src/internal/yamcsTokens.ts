/**
 * The token route of a Yamcs server, as a pure function of the settings, the state, a request and the time. The rules are
 * those of `AuthHandler` and `TokenStore` of Yamcs 5.13.
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as OpenId from "./yamcsOpenId.ts"
import type { Settings, State } from "./yamcsState.ts"
import { count, isAccount, isPassword, startSession } from "./yamcsState.ts"
import * as Wire from "./yamcsWire.ts"

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
  readonly user: string
}

export type Outcome =
  | { readonly _tag: "Granted"; readonly token: TokenResponse }
  | { readonly _tag: "Refused"; readonly status: number }
  | { readonly _tag: "Unanswered" }

type Step = readonly [Outcome, State]

/** A redeemed refresh token is answered again for this long (`TokenStore.refreshCache`). */
const replayMillis = 5000

export const formType = "application/x-www-form-urlencoded"

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
  if (request.contentType !== formType) {
    return refused(400, state)
  }
  switch (request.form["grant_type"]) {
    case "password":
      return passwordGrant(settings, request.form, now, state)
    case "refresh_token":
      return refreshGrant(settings, request.form["refresh_token"], now, state)
    case "authorization_code":
      return codeGrant(settings, request.form["code"], now, state)
    case "client_credentials":
      return clientGrant(settings, request, now, state)
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
  return login(settings, username, now, state)
}

/** A code may be redeemed more than once, except those of an OpenID provider. */
const codeGrant = (settings: Settings, code: string | undefined, now: number, state: State): Step => {
  if (code === undefined) {
    return refused(400, state)
  }
  if (settings.openId !== undefined && code.startsWith("oidc ")) {
    const [redeemed, next] = OpenId.redeem(code, settings.openId)(state)
    return Either.match(redeemed, {
      onLeft: (status) => refused(status, next),
      onRight: (user) => login(settings, user, now, next)
    })
  }
  const found = Option.filter(HashMap.get(state.codes, code), ({ until }) => now < until)
  return Option.match(found, {
    onNone: () => refused(401, state),
    onSome: ({ kind, user }) =>
      kind === "Page" ? login(settings, user, now, state) : loginWithTicket(settings, user, now, state)
  })
}

const login = (settings: Settings, user: string, now: number, state: State): Step => {
  if (HashSet.has(state.blocked, user)) return refused(401, state)
  const [session, next] = startSession(state, user, now)
  return grantWithRefresh(settings, user, session, now, count(next, { logins: state.stats.logins + 1 }))
}

/** The session ends with its access token, and has no refresh token. */
const loginWithTicket = (settings: Settings, user: string, now: number, state: State): Step => {
  if (HashSet.has(state.blocked, user)) return refused(401, state)
  const [session, next] = startSession(state, user, now)
  const [token, issued] = issue(settings, user, Option.some(session), now, next)
  return [{ _tag: "Granted", token }, count(issued, { logins: state.stats.logins + 1 })]
}

const clientGrant = (settings: Settings, request: TokenRequest, now: number, state: State): Step => {
  const basic = request.authorization?.startsWith("Basic ") === true
    ? Wire.decodeBasic(request.authorization)
    : undefined
  if (basic !== undefined && Either.isLeft(basic)) {
    return refused(400, state)
  }
  // HandlerContext.getBasicCredentials URL-decodes both halves (RFC 6749, section 2.3.1); Java fails on a stray `%`
  const halves = basic === undefined
    ? Option.some([request.form["client_id"], request.form["client_secret"]])
    : Option.all([Wire.urlDecode(basic.right[0]), Wire.urlDecode(basic.right[1])])
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
  if (become === undefined && !settings.answersServiceAccounts) {
    return [{ _tag: "Unanswered" }, count(state, { unanswered: state.stats.unanswered + 1 })]
  }
  const user = become ?? account.value.name
  const [token, next] = issue(settings, user, Option.none(), now, state)
  return [{ _tag: "Granted", token }, count(next, { logins: state.stats.logins + 1 })]
}

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
  if (outcome._tag !== "Granted" || outcome.token.refresh_token === undefined) {
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
    { access_token: token, token_type: "bearer", expires_in: expiresIn, user },
    { ...state, counter: state.counter + 1, access: HashMap.set(state.access, token, access) }
  ]
}
