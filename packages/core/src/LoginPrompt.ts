/**
 * Asks a person to log in. A service, so that an application shows it in its own way and nothing is written to a console
 * unasked; `@effect-auth/node` has one for terminals.
 *
 * @example
 * ```ts
 * import { LoginPrompt } from "@effect-auth/core/LoginPrompt"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * declare const show: (text: string) => Effect.Effect<void>
 *
 * // a person who can open a page, and paste nothing
 * const PromptLive = Layer.succeed(LoginPrompt, {
 *   browse: ({ url }) => Effect.zipRight(show(`Log in at ${url}`), Effect.never),
 *   showCode: ({ userCode, verificationUri }) => show(`Enter ${userCode} at ${verificationUri}`)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as DateTime from "effect/DateTime"
import type * as Effect from "effect/Effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Sends a person to a page, and returns what they paste: the URL that the browser was sent to at the end, or the code in
   * it. Never returns where nobody can paste, or nobody does. It is interrupted once the answer has come in another way.
   * Called again with a `problem` when what was pasted is no answer.
   */
  readonly browse: (login: BrowserLogin) => Effect.Effect<string>
  /** Shows the code that a person enters on another device. */
  readonly showCode: (login: DeviceLogin) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface BrowserLogin {
  /** The mode that asks, such as `OAuth/AuthorizationCode`. */
  readonly mode: string
  /** Where the person logs in. It holds the state of this login: show it to nobody else, and log it nowhere. */
  readonly url: string
  /** What was wrong with what was pasted before. */
  readonly problem?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface DeviceLogin {
  /** The mode that asks, such as `OAuth/Device`. */
  readonly mode: string
  /** What the person enters. */
  readonly userCode: string
  /** Where. */
  readonly verificationUri: string
  /** The same with the code in it, for a QR code or a link: beside the code, never in its place (RFC 8628 section 3.3.1). */
  readonly verificationUriComplete: string | undefined
  /** Until when the code is good. */
  readonly expiresAt: DateTime.Utc
}

/**
 * @since 0.1.0
 * @category tags
 */
export class LoginPrompt extends Context.Tag("@effect-auth/core/LoginPrompt")<LoginPrompt, Service>() {}
