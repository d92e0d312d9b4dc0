/** Settings and state of an mqweb server, and the changes of its state that no request causes. */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as mqsc from "./mqsc.ts"

export type Role = "MQWebAdmin" | "MQWebAdminRO" | "MQWebUser" | "MFTWebAdmin" | "MFTWebAdminRO"

export interface User {
  readonly password: string
  readonly roles: ReadonlyArray<Role>
}

export interface Stats {
  readonly requests: number
  readonly logins: number
  readonly logouts: number
  readonly refreshes: number
  readonly refused: number
  readonly attempts: number
}

export interface Settings {
  readonly users: Readonly<Record<string, User>>
  readonly qmgrs: ReadonlyArray<string>
  /** Milliseconds. */
  readonly tokenLifetime: number
  readonly cookieName: Option.Option<string>
  readonly csrf: "presence" | "echo"
  readonly errorIdField: "msgId" | "messageId"
  readonly htmlErrors: boolean
  readonly proxyCookies: boolean
  readonly trackLoggedOut: boolean
  /** Milliseconds. */
  readonly remembered: number
  /** Users by bearer; none where the server takes no bearers. */
  readonly bearers: Option.Option<Readonly<Record<string, string>>>
}

/** The contents of a token. The fake looks them up instead of decrypting them; as with real tokens, a logout keeps them. */
interface Issued {
  readonly user: string
  /** Epoch milliseconds. */
  readonly expiresAt: number
  readonly csrfToken: string
}

export interface State {
  readonly issued: HashMap.HashMap<string, Issued>
  /** By user: the token that it was given last, and gets again for a while. */
  readonly remembered: HashMap.HashMap<string, { readonly token: string; readonly at: number }>
  /** How many tokens have been issued: the number of the next one. */
  readonly serial: number
  readonly restarts: number
  /** How many requests are still answered with `status`, whatever they ask. */
  readonly fault: { readonly left: number; readonly status: number }
  readonly queues: HashMap.HashMap<string, mqsc.Queues>
  readonly stats: Stats
}

export const initial = (settings: Settings, queues: mqsc.Queues): State => ({
  issued: HashMap.empty(),
  remembered: HashMap.empty(),
  serial: 0,
  restarts: 0,
  fault: { left: 0, status: 0 },
  queues: HashMap.fromIterable(settings.qmgrs.map((qmgr) => [qmgr, queues] as const)),
  stats: { requests: 0, logins: 0, logouts: 0, refreshes: 0, refused: 0, attempts: 0 }
})

/** The cookie's name: the configured one, or one with a suffix that a restart changes. */
export const cookieName = (settings: Settings, state: State): string =>
  Option.getOrElse(settings.cookieName, () => `LtpaToken2_${1648032846462 + state.restarts}`)

/** New `ltpa.keys`: no token issued so far verifies. */
export const revokeAll = (state: State): State => ({ ...state, issued: HashMap.empty() })

/** A restart keeps the keys and changes the suffix of the cookie's name. */
export const restart = (state: State): State => ({ ...state, restarts: state.restarts + 1 })

/** A server that tracks logouts refuses the token from then on, to everyone who has it. */
export const forget = (state: State, tokens: ReadonlyArray<string>): State => ({
  ...state,
  issued: HashMap.removeMany(state.issued, tokens)
})

export const failNext = (n: number, status: number) => (state: State): State => ({
  ...state,
  fault: { left: n, status }
})

export const count = (state: State, key: keyof Stats): State => ({
  ...state,
  stats: { ...state.stats, [key]: state.stats[key] + 1 }
})
