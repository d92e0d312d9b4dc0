/** WebSockets that cannot send headers but cookies, such as those of a browser. */
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { ConnectorService, Handshake } from "./connector.ts"
import { Connector } from "./connector.ts"
import * as HeldMessages from "./heldMessages.ts"
import * as Listening from "./listening.ts"

/**
 * Connections of a platform whose WebSockets cannot send headers but cookies, such as a browser's: the bearer token of a
 * client becomes a cookie, which `write` gives to the browser before each opening. That works for pages of the same site
 * as the server, if the server reads the token from a cookie; others need a proxy. A client with any other credential gets
 * a `SocketError`.
 *
 * The cookie is `SameSite=Strict`, and `Secure` with `wss:`, because servers may not check where a handshake comes from.
 * It stays in the browser until that is closed or the next opening replaces it.
 */
export const layerCookie = (options: {
  /** The cookie that the server reads. */
  readonly name: string
  /** The path that it is sent to. Default: `/`. */
  readonly path?: string | undefined
  readonly write: (cookie: string) => Effect.Effect<void>
}): Layer.Layer<Connector, never, Socket.WebSocketConstructor> =>
  Layer.effect(
    Connector,
    Effect.map(Listening.constructor, (construct): ConnectorService => ({
      isBlind: true,
      open: (handshake) =>
        Effect.gen(function*() {
          const url = Redacted.value(handshake.url)
          const token = yield* bearerOf(handshake)
          const attributes = [
            `path=${options.path ?? "/"}`,
            "SameSite=Strict",
            ...(url.startsWith("wss:") ? ["Secure"] : [])
          ]
          yield* options.write([`${options.name}=${token}`, ...attributes].join("; "))
          const webSocket = yield* Effect.acquireRelease(
            Effect.try({
              try: () => construct(url, [...handshake.protocols]),
              catch: () => new Socket.SocketGenericError({ reason: "Open", cause: "the URL cannot be opened" })
            }),
            (webSocket) => Effect.sync(() => webSocket.close(1000))
          )
          return { _tag: "Opened", value: yield* HeldMessages.opened(webSocket) }
        })
    }))
  )

const bearerOf = ({ address, headers }: Handshake): Effect.Effect<string, Socket.SocketError> => {
  const [, token] = /^Bearer +(\S+)$/iu.exec(Redacted.value(headers)["authorization"] ?? "") ?? []
  return token === undefined
    ? Effect.fail(
      new Socket.SocketGenericError({
        reason: "Open",
        cause: `${address}: only a bearer token can become a cookie, and this client has none`
      })
    )
    : Effect.succeed(token)
}
