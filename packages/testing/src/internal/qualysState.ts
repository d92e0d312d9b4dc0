/** The state of the fake of Qualys: what it issued, what runs, and what was counted. */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as Answers from "./qualysAnswers.ts"
import * as Quota from "./qualysQuota.ts"

/** The options, with their defaults. */
export interface Settings {
  readonly username: string
  readonly password: string
  readonly tokenLifetimeSeconds: number
  readonly externalBearers: ReadonlyArray<string>
  readonly clients: Readonly<Record<string, Client>>
  readonly clientAnswers: "text" | "json"
  readonly toWait: boolean
  readonly unknownJwt: 401 | 500
  readonly accountState: "ok" | "expired" | "eula"
  readonly maxSessions: number
  readonly limitsOf: (path: string) => Quota.Limits
  readonly spelling: Quota.Spelling
  readonly bareConcurrencyBlocks: boolean
}

/** A client that Qualys manages. */
export interface Client {
  readonly secret: string
  readonly level: "user" | "subscription"
}

/** What a JWT was issued for: to a user name and password, or to a client of a level. */
export type Holder = "account" | Client["level"]

export interface Scripted {
  readonly on: "call" | "login"
  readonly answer: Answers.Answer
}

export interface Counts {
  readonly requests: number
  readonly logins: number
  readonly logouts: number
  readonly refused: number
  readonly attempts: number
  readonly blocked: number
}

export interface State {
  /** A counter that makes every token and cookie unique, and tests repeatable. */
  readonly serial: number
  /** By JWT; `exp` in epoch seconds. */
  readonly jwts: HashMap.HashMap<string, { readonly exp: number; readonly holder: Holder }>
  readonly sessions: ReadonlyArray<string>
  /** By path. */
  readonly usages: HashMap.HashMap<string, Quota.Usage>
  /** By method and path. */
  readonly executed: HashMap.HashMap<string, number>
  readonly scripted: ReadonlyArray<Scripted>
  readonly counts: Counts
}

export const initial: State = {
  serial: 0,
  jwts: HashMap.empty(),
  sessions: [],
  usages: HashMap.empty(),
  executed: HashMap.empty(),
  scripted: [],
  counts: { requests: 0, logins: 0, logouts: 0, refused: 0, attempts: 0, blocked: 0 }
}

export const count = (state: State, name: keyof Counts): State => ({
  ...state,
  counts: { ...state.counts, [name]: state.counts[name] + 1 }
})

export const usageOf = (state: State, path: string): Quota.Usage =>
  Option.getOrElse(HashMap.get(state.usages, path), () => Quota.unused)

export const setUsage = (state: State, path: string, f: (usage: Quota.Usage) => Quota.Usage): State => ({
  ...state,
  usages: HashMap.set(state.usages, path, f(usageOf(state, path)))
})

/** Takes the first scripted answer that is meant for this kind of request. */
export const takeScripted = (
  state: State,
  on: Scripted["on"]
): readonly [Answers.Answer | undefined, State] => {
  const index = state.scripted.findIndex((scripted) => scripted.on === on)
  return [
    state.scripted[index]?.answer,
    index < 0 ? state : { ...state, scripted: state.scripted.filter((_, i) => i !== index) }
  ]
}

/** Counts an answer to a call. */
export const record = (state: State, answer: Answers.Answer): State =>
  answer.refused === true || answer.status === 401
    ? count(state, "refused")
    : answer.status === 409 || answer.status === 429
    ? count(state, "blocked")
    : state
