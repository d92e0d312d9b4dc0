/**
 * The tokens and sessions of an OAuth authorization server, and the rules of its token endpoint, as pure functions of the
 * settings, the state, a request and the time. Times are epoch milliseconds. RFC 6749, RFC 7009, and RFC 9700 section
 * 4.14.2 for refresh tokens that come back.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Code, Device } from "./oauthPerson.ts"

/**
 * What the server has counted since it was made.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  /** Requests to the token endpoint, whatever the answer. */
  readonly attempts: number
  /** How often a person was asked to log in, in a browser or by a code. */
  readonly prompts: number
  /** Grants that began a session: all but `refresh_token`. */
  readonly logins: number
  /** Refresh tokens redeemed. */
  readonly refreshes: number
  /** Redeemed refresh tokens that came back, whatever the answer. */
  readonly reuses: number
  /** Sessions ended by their client, at the revocation endpoint. */
  readonly revocations: number
  /** API calls with a good token. */
  readonly requests: number
  /** API calls answered with 401. */
  readonly refused: number
}

export interface Settings {
  readonly tokenLifetime: number
  readonly refreshLifetime: number
  readonly rotation: "always" | "never"
  readonly reuseDetection: boolean
  readonly grace: number
  readonly refreshTokens: boolean
}

/** Whom a token stands for. */
export interface Principal {
  readonly client: string
  /** `undefined`: the client itself. */
  readonly user: string | undefined
  readonly scope: string | undefined
}

interface Session {
  readonly principal: Principal
  readonly hasEnded: boolean
}

interface AccessToken {
  readonly session: number
  readonly expiresAt: number
  readonly isRevoked: boolean
  /** The thumbprint of the key that it is bound to. */
  readonly key: string | undefined
}

interface RefreshToken {
  readonly session: number
  readonly expiresAt: number
  readonly redeemedAt: number | undefined
  /** The same; of a public client only (RFC 9449 section 5). */
  readonly key: string | undefined
}

export interface State {
  readonly counter: number
  readonly clients: HashMap.HashMap<string, string>
  readonly users: HashMap.HashMap<string, string>
  readonly sessions: HashMap.HashMap<number, Session>
  readonly access: HashMap.HashMap<string, AccessToken>
  readonly refresh: HashMap.HashMap<string, RefreshToken>
  readonly codes: HashMap.HashMap<string, Code>
  readonly devices: HashMap.HashMap<string, Device>
  /** What is unique of the proofs that have come, each of which is good once. */
  readonly proofs: HashSet.HashSet<string>
  readonly stats: Stats
}

export interface TokenResponse {
  readonly access_token: string
  readonly token_type: "Bearer" | "DPoP"
  readonly expires_in: number
  readonly scope?: string
  readonly refresh_token?: string
  readonly issued_token_type?: string
}

/** RFC 6749 section 5.2. */
export interface Refusal {
  readonly status: 400 | 401
  readonly error: string
}

export type Outcome = { readonly _tag: "Granted"; readonly token: TokenResponse } | Refused
type Refused = { readonly _tag: "Refused"; readonly refusal: Refusal }

export type Step = readonly [Outcome, State]

export type Form = Readonly<Record<string, string>>

/** What a client says who it is. */
export interface ClientCredentials {
  readonly id: string
  readonly secret: string | undefined
  /** In place of a secret (RFC 7523 section 2.2). Whoever signed it: only its statements are read. */
  readonly assertion?: string | undefined
}

export const initial = (
  clients: Readonly<Record<string, string>>,
  users: Readonly<Record<string, string>>
): State => ({
  counter: 0,
  clients: HashMap.fromIterable(Object.entries(clients)),
  users: HashMap.fromIterable(Object.entries(users)),
  sessions: HashMap.empty(),
  access: HashMap.empty(),
  refresh: HashMap.empty(),
  codes: HashMap.empty(),
  devices: HashMap.empty(),
  proofs: HashSet.empty(),
  stats: { attempts: 0, prompts: 0, logins: 0, refreshes: 0, reuses: 0, revocations: 0, requests: 0, refused: 0 }
})

/** A request to the token endpoint. */
export const receive = (
  settings: Settings,
  client: ClientCredentials | undefined,
  form: Form,
  now: number
) =>
(before: State): Step => {
  const state = count(before, "attempts")
  if (client === undefined || !isClient(state, client, now)) return refused(state, 401, "invalid_client")
  const { grant_type, password, refresh_token, scope, username } = form
  switch (grant_type) {
    case "client_credentials":
      return login(settings, state, { client: client.id, user: undefined, scope }, now)
    case "password": {
      if (username === undefined || password === undefined) return refused(state, 400, "invalid_request")
      return Option.contains(HashMap.get(state.users, username), password)
        ? login(settings, state, { client: client.id, user: username, scope }, now)
        : refused(state, 400, "invalid_grant")
    }
    case "refresh_token":
      return refresh_token === undefined
        ? refused(state, 400, "invalid_request")
        : redeem(settings, state, client, refresh_token, now)
    case undefined:
      return refused(state, 400, "invalid_request")
    default:
      return refused(state, 400, "unsupported_grant_type")
  }
}

/** A request to the token endpoint whose tokens are bound to the key that it proves (RFC 9449 section 5). */
export const bound =
  (client: ClientCredentials | undefined, form: Form, key: string | undefined, step: (state: State) => Step) =>
  (before: State): Step => {
    const redeemed = HashMap.get(before.refresh, form["refresh_token"] ?? "")
    if (Option.exists(redeemed, (token) => token.key !== undefined && token.key !== key)) {
      return refused(count(before, "attempts"), 400, "invalid_grant")
    }
    const [outcome, state] = step(before)
    if (key === undefined || outcome._tag === "Refused") return [outcome, state]
    const { access_token, refresh_token = "" } = outcome.token
    const isPublic = client !== undefined && Option.contains(HashMap.get(state.clients, client.id), "")
    return [
      { _tag: "Granted", token: { ...outcome.token, token_type: "DPoP" } },
      {
        ...state,
        access: HashMap.modify(state.access, access_token, (token) => ({ ...token, key })),
        refresh: isPublic
          ? HashMap.modify(state.refresh, refresh_token, (token) => ({ ...token, key }))
          : state.refresh
      }
    ]
  }

/** The key that an access token is bound to. */
export const keyOf = (state: State, token: string): string | undefined =>
  Option.getOrUndefined(HashMap.get(state.access, token))?.key

/** Whether a proof has not come before. */
export const spend = (id: string) => (state: State): readonly [boolean, State] => [
  !HashSet.has(state.proofs, id),
  { ...state, proofs: HashSet.add(state.proofs, id) }
]

/** A session that nobody logged in to. */
export const begin =
  (settings: Settings, principal: Principal, now: number) => (before: State): readonly [Tokens, State] => {
    const [session, state] = opened(before, principal)
    return mint(settings, state, session, now, true)
  }

/** Whom a bearer token stands for; `undefined`: it is not, or no longer, good. */
export const authenticate = (state: State, token: string, now: number): Principal | undefined => {
  const access = Option.getOrUndefined(HashMap.get(state.access, token))
  if (access === undefined || access.isRevoked || access.expiresAt <= now) return undefined
  return Option.getOrUndefined(
    Option.map(
      Option.filter(HashMap.get(state.sessions, access.session), ({ hasEnded }) => !hasEnded),
      ({ principal }) => principal
    )
  )
}

/** RFC 7009: an unknown token is no error. */
export const revoke =
  (client: ClientCredentials | undefined, token: string, now: number) => (state: State): readonly [boolean, State] => {
    if (client === undefined || !isClient(state, client, now)) return [false, state]
    const session = Option.orElse(
      Option.map(HashMap.get(state.access, token), ({ session }) => session),
      () => Option.map(HashMap.get(state.refresh, token), ({ session }) => session)
    )
    return [true, Option.match(session, { onNone: () => state, onSome: (id) => end(count(state, "revocations"), id) })]
  }

/** The API refuses every access token issued so far; sessions live on. */
export const revokeAccess = (state: State): State => ({
  ...state,
  access: HashMap.map(state.access, (token) => ({ ...token, isRevoked: true }))
})

export const endSessions = (state: State): State => ({
  ...state,
  sessions: HashMap.map(state.sessions, (session) => ({ ...session, hasEnded: true }))
})

export const setSecret = (kind: "clients" | "users", name: string, secret: string) => (state: State): State => ({
  ...state,
  [kind]: HashMap.set(state[kind], name, secret)
})

export const count = (state: State, what: keyof Stats): State => ({
  ...state,
  stats: { ...state.stats, [what]: state.stats[what] + 1 }
})

/** Whether the client is who it says it is. One whose secret is empty is public. */
export const isClient = ({ clients }: State, { assertion, id, secret }: ClientCredentials, now: number): boolean => {
  if (assertion === undefined) return Option.contains(HashMap.get(clients, id), secret ?? "")
  const { exp, iss, sub } = claimsOf(assertion)
  return HashMap.has(clients, id) && iss === id && sub === id && typeof exp === "number" && exp * 1000 > now
}

/** What a JWT states; nothing, where it is none. */
export const claimsOf = (jwt: string): Readonly<Record<string, unknown>> =>
  Encoding.decodeBase64UrlString(jwt.split(".")[1] ?? "").pipe(
    Either.flatMap(decodeClaims),
    Either.getOrElse(() => ({}))
  )

const decodeClaims = Schema.decodeEither(Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })))

export const refused = (state: State, status: Refusal["status"], error: Refusal["error"]): Step => [
  { _tag: "Refused", refusal: { status, error } },
  state
]

/** A login. */
export const login = (settings: Settings, before: State, principal: Principal, now: number): Step => {
  const [session, state] = opened(before, principal)
  return issue(settings, count(state, "logins"), session, now, settings.refreshTokens && principal.user !== undefined)
}

const opened = (state: State, principal: Principal): readonly [session: number, State] => [
  state.counter,
  {
    ...state,
    counter: state.counter + 1,
    sessions: HashMap.set(state.sessions, state.counter, { principal, hasEnded: false })
  }
]

const redeem = (
  settings: Settings,
  before: State,
  client: ClientCredentials,
  value: string,
  now: number
): Step => {
  const token = Option.getOrUndefined(HashMap.get(before.refresh, value))
  const session = token && Option.getOrUndefined(HashMap.get(before.sessions, token.session))
  if (
    token === undefined || session === undefined || session.hasEnded || token.expiresAt <= now ||
    session.principal.client !== client.id
  ) {
    return refused(before, 400, "invalid_grant")
  }
  if (token.redeemedAt !== undefined) {
    const state = count(before, "reuses")
    // a thief may have it
    if (now - token.redeemedAt >= settings.grace) {
      return refused(settings.reuseDetection ? end(state, token.session) : state, 400, "invalid_grant")
    }
  }
  const isRotated = settings.rotation === "always"
  const state = count(before, "refreshes")
  return issue(
    settings,
    isRotated
      ? { ...state, refresh: HashMap.set(state.refresh, value, { ...token, redeemedAt: token.redeemedAt ?? now }) }
      : state,
    token.session,
    now,
    isRotated
  )
}

const issue = (settings: Settings, before: State, session: number, now: number, withRefreshToken: boolean): Step => {
  const [{ accessToken, refreshToken }, state] = mint(settings, before, session, now, withRefreshToken)
  const scope = Option.getOrUndefined(HashMap.get(before.sessions, session))?.principal.scope
  return [
    {
      _tag: "Granted",
      token: {
        access_token: accessToken,
        token_type: "Bearer",
        expires_in: Math.floor(settings.tokenLifetime / 1000),
        ...(scope === undefined ? undefined : { scope }),
        ...(withRefreshToken ? { refresh_token: refreshToken } : undefined)
      }
    },
    state
  ]
}

interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

const mint = (
  settings: Settings,
  before: State,
  session: number,
  now: number,
  withRefreshToken: boolean
): readonly [Tokens, State] => {
  const number = before.counter
  const accessToken = `canary-access-${number}`
  const refreshToken = `canary-refresh-${number}`
  const access = { session, expiresAt: now + settings.tokenLifetime, isRevoked: false, key: undefined }
  const refresh = { session, expiresAt: now + settings.refreshLifetime, redeemedAt: undefined, key: undefined }
  return [
    { accessToken, refreshToken },
    {
      ...before,
      counter: number + 1,
      access: HashMap.set(before.access, accessToken, access),
      refresh: withRefreshToken ? HashMap.set(before.refresh, refreshToken, refresh) : before.refresh
    }
  ]
}

export const end = (state: State, session: number): State => ({
  ...state,
  sessions: HashMap.modify(state.sessions, session, (session) => ({ ...session, hasEnded: true }))
})
