/**
 * Opens a person's browser, for a login that takes one (RFC 8252). A service, so that a test or an application with a
 * window of its own takes its place; `@effect-auth/node` has the one that starts the system's browser.
 *
 * @example
 * ```ts
 * import { Browser } from "@effect-auth/core/Browser"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * declare const openWindow: (url: string) => Promise<void>
 *
 * // an application with a window of its own
 * const BrowserLive = Layer.succeed(Browser, { open: (url) => Effect.promise(() => openWindow(url)) })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Opens an `http` or `https` URL, in a browser that the application cannot look into (RFC 8252 section 8.12). */
  readonly open: (url: string) => Effect.Effect<void, BrowserUnavailable>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class Browser extends Context.Tag("@effect-auth/core/Browser")<Browser, Service>() {}

/**
 * Raised when no browser could be opened, as on a server. It ends no login: a person can follow the URL elsewhere.
 *
 * @since 0.1.0
 * @category errors
 */
export class BrowserUnavailable extends Data.TaggedError("BrowserUnavailable")<{
  /** Why, without the URL. */
  readonly problem: string
}> {
  override get message(): string {
    return `no browser could be opened: ${this.problem}`
  }
}
