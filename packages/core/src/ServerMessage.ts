/**
 * What a server says about a refusal: its own code and a sentence for a person. Servers may quote what they refused,
 * and their words end up in logs and terminals, so they are cut to one line of bounded length first.
 *
 * @since 0.1.0
 */
import * as Encoding from "effect/Encoding"

/**
 * The server's own code for a refusal (`MQWB0112E`, `2000`, `invalid_grant`) and a sentence about it, without secrets.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerMessage {
  readonly code?: string | undefined
  readonly detail?: string | undefined
}

/**
 * The server said nothing that helps.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: ServerMessage = {}

/**
 * A message that is safe to show: one line each, the code at most 80 characters, the detail at most 300, control
 * characters removed, and every run of 32 or more token characters replaced, because it may be a credential.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ code, detail }: ServerMessage): ServerMessage => ({
  ...(code === undefined ? undefined : { code: presentable(code, longestCode) }),
  ...(detail === undefined ? undefined : { detail: presentable(detail, longestDetail) })
})

/**
 * The message without the secrets that were just sent, should the server quote them: as they are, percent-encoded or in
 * Base64.
 *
 * @since 0.1.0
 * @category combinators
 */
export const mask = ({ code, detail }: ServerMessage, secrets: ReadonlyArray<string>): ServerMessage => {
  const forms = secrets.filter(({ length }) => length >= shortestMasked).flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Encoding.encodeBase64(secret)
  ])
  const masked = (text: string): string => forms.reduce((text, form) => text.replaceAll(form, "[…]"), text)
  return {
    ...(code === undefined ? undefined : { code: masked(code) }),
    ...(detail === undefined ? undefined : { detail: masked(detail) })
  }
}

/**
 * The first code and the first detail of several messages about one answer.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (messages: ReadonlyArray<ServerMessage>): ServerMessage => ({
  code: messages.find(({ code }) => code !== undefined)?.code,
  detail: messages.find(({ detail }) => detail !== undefined)?.detail
})

/** In characters. To mask anything shorter would take ordinary words out of the message. */
const shortestMasked = 6

const longestCode = 80

const longestDetail = 300

const presentable = (text: string, length: number): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").replace(/[A-Za-z0-9\-._~+/=]{32,}/gu, "[…]").trim()
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}
