/**
 * What a Yamcs server keeps in memory, its accounts, and what it thinks of an access token, as pure functions. Times are
 * epoch milliseconds. The rules are those of `TokenStore`, `JwtHelper` and `SessionManager` of Yamcs 5.13.
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Record from "effect/Record"

/**
 * What the server has counted since it was made. A restart keeps the counts.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  /** Authenticated API calls, answered with 2xx or not. */
  readonly requests: number
  /** API calls and handshakes answered with 401. */
  readonly refused: number
  /** Handshakes of WebSockets whose proof was good. */
  readonly handshakes: number
  /** Requests to `/auth/token`, whatever the answer. */
  readonly attempts: number
  /** Kerberos tickets that were exchanged for a code. */
  readonly tickets: number
  /** Successful grants of any kind but `refresh_token`. */
  readonly logins: number
  /** Refresh tokens redeemed, without replays. */
  readonly refreshes: number
  /** Successful grants for a refresh token that had been redeemed before. */
  readonly refreshesReplayed: number
  /** Requests to `/auth/token` that are never answered: those of service accounts without `become`. */
  readonly unanswered: number
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

/** What an OpenID provider and the server's module for it say and do. */
export interface OpenId {
  readonly clientId: string
  readonly authorizationEndpoint: string
  readonly scope: string
  readonly issuer: string | undefined
  /** Whether the provider refuses codes in a page, so that the server answers 500. */
  readonly answersPages: boolean
  /** Whether the module stands after that of Kerberos, so that the server refuses every code. */
  readonly refusesCodes: boolean
}

export interface Settings {
  /** Whom requests without credentials are from; `undefined`: they are refused. */
  readonly guest: string | undefined
  /** Whether Kerberos tickets are accepted. */
  readonly spnego: boolean
  /** The server in the Kerberos database; `undefined`: any. */
  readonly service: string | undefined
  readonly openId: OpenId | undefined
  readonly users: Readonly<Record<string, string>>
  readonly apiKeys: Readonly<Record<string, string>>
  readonly tokenLifetime: number
  readonly sessionIdle: number
  readonly maxAuthRequestsPerSecond: number
  readonly answersServiceAccounts: boolean
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
  /** Authorization codes of the login page, and of Kerberos tickets. */
  readonly codes: HashMap.HashMap<string, Code>
  /** Authorization codes of the OpenID provider. */
  readonly openIdCodes: HashMap.HashMap<string, { readonly user: string; readonly redirectUri: string }>
  /** The serial numbers of the Kerberos tickets that were used. */
  readonly tickets: HashSet.HashSet<number>
  readonly blocked: HashSet.HashSet<string>
  /** By application id. */
  readonly serviceAccounts: HashMap.HashMap<string, ServiceAccount>
  /** The server's own count of token requests, in a window that starts anew instead of sliding. */
  readonly window: { readonly start: number; readonly count: number }
  /** Times of the token requests of the last second. */
  readonly recent: ReadonlyArray<number>
  readonly failures: { readonly remaining: number; readonly status: number }
  readonly stats: Stats
}

interface Code {
  readonly user: string
  readonly until: number
  /** That of a Kerberos ticket brings no refresh token. */
  readonly kind: "Page" | "Spnego"
}

export interface UserInfo {
  readonly name: string
  readonly active: boolean
  readonly superuser: boolean
}

export const initial = (serviceAccounts: ReadonlyArray<ServiceAccount>, now: number): State => ({
  counter: 0,
  epoch: 0,
  access: HashMap.empty(),
  sessions: HashMap.empty(),
  refresh: HashMap.empty(),
  redeemed: HashMap.empty(),
  codes: HashMap.empty(),
  openIdCodes: HashMap.empty(),
  tickets: HashSet.empty(),
  blocked: HashSet.empty(),
  serviceAccounts: HashMap.fromIterable(serviceAccounts.map((account) => [account.applicationId, account])),
  window: { start: now, count: 0 },
  recent: [],
  failures: { remaining: 0, status: 500 },
  stats: {
    requests: 0,
    refused: 0,
    handshakes: 0,
    attempts: 0,
    tickets: 0,
    logins: 0,
    refreshes: 0,
    refreshesReplayed: 0,
    unanswered: 0,
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

export const isPassword = (settings: Settings, username: string, password: string): boolean =>
  Option.contains(Record.get(settings.users, username), password)

/** Whether a service account or a user of this name exists. */
export const isAccount = (settings: Settings, state: State, name: string): boolean =>
  Record.has(settings.users, name) || HashMap.some(state.serviceAccounts, (account) => account.name === name)

/** A new session, which its refresh tokens will name. */
export const startSession = (state: State, user: string, now: number): readonly [session: number, state: State] => [
  state.counter,
  {
    ...state,
    counter: state.counter + 1,
    sessions: HashMap.set(state.sessions, state.counter, { user, renewedAt: now, dead: false })
  }
]

/** The user of an access token, or the text with which it is refused. */
export const verifyAccess = (state: State, token: string, now: number): Either.Either<string, string> => {
  const found = HashMap.get(state.access, token)
  if (Option.isNone(found)) {
    const sections = token.replace(/\.+$/, "").split(".").length // Java's split drops empty parts at the end
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
  redeemed: HashMap.empty(),
  codes: HashMap.empty()
})
