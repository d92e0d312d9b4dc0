/** Who opens WebSockets, and what for; the port of `AuthenticatedSocket`. */
import type * as Socket from "@effect/platform/Socket"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/**
 * What is sent to open a WebSocket. It holds the proof, so what is secret in it is redacted.
 */
export interface Handshake {
  /** Origin and path, for messages. */
  readonly address: string
  /** `wss:` or `ws:`, with the query, which may hold credentials. */
  readonly url: Redacted.Redacted
  /** The headers beyond those of the protocol itself (RFC 6455 section 4.1), names in lower case. */
  readonly headers: Redacted.Redacted<Readonly<Record<string, string>>>
  readonly protocols: ReadonlyArray<string>
}

/**
 * What a handshake led to: an open connection, or an HTTP answer that is no upgrade.
 */
export type Opening<A> =
  | { readonly _tag: "Opened"; readonly value: A }
  | { readonly _tag: "Refused"; readonly response: Response }

/**
 * An open WebSocket that holds back its messages until somebody listens to them.
 */
export interface Connection {
  readonly webSocket: globalThis.WebSocket
  /** Lets the messages through. Run once, when their listener is there. */
  readonly resume: Effect.Effect<void>
}

/**
 * Opens WebSockets.
 */
export interface ConnectorService {
  /** Opens a connection, and closes it with the Scope. */
  readonly open: (
    handshake: Handshake
  ) => Effect.Effect<Opening<Connection>, Socket.SocketError, Scope.Scope>
  /**
   * Whether a refusal looks like any other failure, as it does to scripts in browsers. The same URL is then asked for by an
   * ordinary request, which is refused as the handshake was, and the handshake is tried once more after it.
   */
  readonly isBlind: boolean
}

// @effect-diagnostics-next-line deterministicKeys:off -- by the module that exports it
export class Connector
  extends Context.Tag("@effect-auth/core/AuthenticatedSocket/Connector")<Connector, ConnectorService>()
{}
