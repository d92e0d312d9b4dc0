/**
 * Receives what a browser brings back from a login: the redirect URI of an application on a person's own machine (RFC
 * 8252 section 7.3). A service, so that a test or an application with a URL scheme of its own takes its place;
 * `@effect-auth/node` has the one that listens on loopback.
 *
 * @example
 * ```ts
 * import { RedirectReceiver } from "@effect-auth/core/RedirectReceiver"
 * import * as Effect from "effect/Effect"
 *
 * const received = (state: string) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const { listen } = yield* RedirectReceiver
 *     const { receive, redirectUri } = yield* listen({ path: "/callback/acme" })
 *     yield* Effect.logInfo(`waiting at ${redirectUri}`)
 *     return yield* receive((parameters) => parameters.get("state") === state)
 *   }))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** Begins to receive; the end of the Scope ends it, and nothing stays open. */
  readonly listen: (options?: Options) => Effect.Effect<Receiver, RedirectReceiverError, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** For servers that compare the port, too. Default: 0, any that is free. */
  readonly port?: number | undefined
  /** `localhost` for servers that allow any port for that name only, such as Entra's. Default: `127.0.0.1`. */
  readonly host?: "127.0.0.1" | "[::1]" | "localhost" | undefined
  /** A path of its own for each authorization server (RFC 8252 section 8.10). Default: `/callback`. */
  readonly path?: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Receiver {
  /** Goes into the authorization request as it is. */
  readonly redirectUri: string
  /**
   * The parameters of the first redirect for which `isAnswer` holds. Any other gets an error page, because anybody on the
   * machine can send one, and the wait goes on.
   */
  readonly receive: (isAnswer: (parameters: URLSearchParams) => boolean) => Effect.Effect<URLSearchParams>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class RedirectReceiver extends Context.Tag("@effect-auth/core/RedirectReceiver")<RedirectReceiver, Service>() {}

/**
 * Raised when nothing can be received, because the port is in use or must not be listened on.
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectReceiverError extends Data.TaggedError("RedirectReceiverError")<{
  readonly reason: "PortInUse" | "Unavailable"
  /** Such as `127.0.0.1:8976`. */
  readonly address: string
  readonly problem: string
}> {
  override get message(): string {
    return `cannot listen on ${this.address}: ${this.problem}`
  }
}
