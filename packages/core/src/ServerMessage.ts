/**
 * What a server says about a refusal: its own code and a sentence for a person. A server may quote the request it refuses,
 * and its words end up in logs and terminals. This module is the only way by which they enter an error, an event or a
 * log: of bounded length, without control characters, and without the secrets of the request they answer. What a mode
 * advises is kept apart from them.
 *
 * @since 0.1.0
 */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Masking from "./internal/masking.ts"
import * as Scrub from "./internal/request/scrub.ts"

/**
 * The server's own code for a refusal (`MQWB0112E`, `2000`, `invalid_grant`), a sentence of its about it, and what the mode
 * advises: what may be behind it, or what to check.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerMessage {
  readonly code?: string | undefined
  readonly detail?: string | undefined
  readonly advice?: string | undefined
}

/**
 * The server said nothing that helps.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty: ServerMessage = {}

/**
 * A message that is safe to show: one line each, the code at most 80 characters, detail and advice at most 500, without
 * control characters. The given secrets are masked, whether the server quotes them as they are, percent-encoded, in
 * Base64, or with the escapes of JSON or HTML; so is every run of 32 or more token characters of the server's words, because it may be
 * a credential of someone else.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  { advice, code, detail }: ServerMessage,
  secrets: ReadonlyArray<string> = []
): ServerMessage => ({
  ...(code === undefined ? undefined : { code: Masking.line(code, secrets, longestCode) }),
  ...(detail === undefined ? undefined : { detail: Masking.line(detail, secrets, longestDetail) }),
  ...(advice === undefined
    ? undefined
    : { advice: Masking.printable(Masking.withoutSecrets(advice, secrets), longestDetail) })
})

/**
 * {@link make} with the secrets of the request that the response answers. The response is one of this library's: that
 * of a client, or one given to an `explain` function.
 *
 * @example
 * ```ts
 * import * as ServerMessage from "@effect-auth/core/ServerMessage"
 * import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
 * import * as Effect from "effect/Effect"
 *
 * const explain = (response: HttpClientResponse.HttpClientResponse) =>
 *   Effect.map(
 *     Effect.orElseSucceed(response.text, () => ""),
 *     (detail) => ServerMessage.fromResponse(response, { detail })
 *   )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResponse = (
  response: HttpClientResponse.HttpClientResponse,
  message: ServerMessage
): ServerMessage => presenter(response)(message)

/**
 * {@link fromResponse} for errors that have more to say than a code and a detail.
 *
 * @since 0.1.0
 * @category constructors
 */
export const presenter = (
  response: HttpClientResponse.HttpClientResponse
): (message: ServerMessage) => ServerMessage => {
  const secrets = Scrub.secretsOf(response)
  return (message) => make(message, secrets)
}

/**
 * One of several messages about one answer: the first code with its detail, and else the first detail; and the advice of all.
 *
 * @since 0.1.0
 * @category combinators
 */
export const merge = (messages: ReadonlyArray<ServerMessage>): ServerMessage => {
  const coded = messages.find(({ code }) => code !== undefined)
  const advice = Array.from(new Set(messages.flatMap(({ advice }) => advice ?? [])))
  return {
    code: coded?.code,
    detail: coded?.detail ?? messages.find(({ detail }) => detail !== undefined)?.detail,
    ...(advice.length === 0 ? undefined : { advice: advice.join("; ") })
  }
}

const longestCode = 80

const longestDetail = 500
