/** Tokens and states for the tables of the token engine. */
import * as DateTime from "effect/DateTime"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { CredentialsRejected, CredentialUnavailable, TokenEndpointError } from "../../../src/AuthError.ts"
import type { Moment } from "../../../src/internal/token/moment.ts"
import * as State from "../../../src/internal/token/state.ts"
import { Token } from "../../../src/Token.ts"

export const secret = (text: string) => Redacted.make(`canary-${text}`)

/** Issued at 0, expires at 100,000. */
export const token = (name: string, options?: { readonly expiresAt?: number; readonly refreshToken?: string }) =>
  new Token({
    value: secret(name),
    issuedAt: DateTime.unsafeMake(0),
    expiresAt: DateTime.unsafeMake(options?.expiresAt ?? 100_000),
    ...(options?.refreshToken === undefined ? undefined : { refreshToken: secret(options.refreshToken) })
  })

export const first = token("a", { refreshToken: "refresh-a" })
export const other = token("b", { refreshToken: "refresh-b" })

/** Of unknown lifetime. */
export const eternal = new Token({ value: secret("eternal"), issuedAt: DateTime.unsafeMake(0) })

export const rules: State.Rules = {
  canRefresh: true,
  canDemand: true,
  canLogIn: true,
  canInteract: false,
  coolDown: 30_000,
  refreshGracePeriod: 10_000
}

export const held = (overrides?: Partial<State.Held>): State.Held => ({
  token: first,
  done: Exit.succeed(first),
  generation: 1,
  provenance: "login",
  issuedAt: 0,
  renewAt: 80_000,
  expiresAt: 100_000,
  rejected: false,
  refreshToken: first.refreshToken,
  loginNext: false,
  demand: undefined,
  persisted: true,
  unshared: false,
  ...overrides
})

export const state = (overrides?: Partial<State.TokenState<string>>): State.TokenState<string> => ({
  ...State.empty,
  held: held(),
  generation: 1,
  ...overrides
})

export const refusedLogin = new CredentialsRejected({ mode: "Test", status: 401 })
export const unavailable = new TokenEndpointError({ mode: "Test", reason: "Unavailable" })
export const missing = new CredentialUnavailable({ mode: "Test", problem: "the vault is sealed" })

/** An exchange failed without asking a person. */
export const failure = (error: State.Failure["error"], at = 0): State.Failure => ({
  error,
  at: moment(at),
  interacted: false
})

/** A time that both clocks agree on. */
export const moment = (time: number): Moment => ({ wall: time, steady: time })
