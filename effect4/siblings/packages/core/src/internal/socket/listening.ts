/**
 * By hand for Effect 4, whose `Socket` is a reader and a writer. Every close ends the reader with an error, so
 * `closeCodeIsError` has nothing to say.
 *
 * The platform's `Socket` over a WebSocket that is open, or opened when it is run.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Socket from "effect/socket/Socket"
import * as SocketErrors from "./socketErrors.ts"

/** A socket whose messages come, after `resume`, when the platform listens to them, and whose errors hold words. */
export const fromWebSocket = <R>(
  acquire: Effect.Effect<globalThis.WebSocket, Socket.SocketError, R>,
  resume: Effect.Effect<void>,
  _options: { readonly closeCodeIsError?: ((code: number) => boolean) | undefined }
): Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.map(
    Socket.fromWebSocket(
      // the library's own type of events says less than that of the Web
      Effect.map(acquire, (webSocket) => webSocket as Socket.WebSocketLike & globalThis.WebSocket)
    ),
    (socket) =>
      Socket.make({
        reader: Effect.mapBoth(Effect.tap(socket.reader, resume), {
          onFailure: SocketErrors.scrubbed,
          onSuccess: ({ pull, upgrade }): Socket.Reader => ({
            pull: Effect.mapError(pull, SocketErrors.scrubbed),
            upgrade
          })
        }),
        writer: Effect.map(socket.writer, ({ write, writeAll }) => ({
          write: (chunk) => Effect.mapError(write(chunk), SocketErrors.scrubbed),
          writeAll: (chunks) => Effect.mapError(writeAll(chunks), SocketErrors.scrubbed)
        }))
      })
  )

/** Makes a WebSocket, as the platform does: its type of one is what it uses of that of the Web. */
export const constructor: Effect.Effect<
  (url: string, protocols: Array<string>) => globalThis.WebSocket,
  never,
  Socket.WebSocketConstructor
> = Effect.map(
  Socket.WebSocketConstructor,
  (construct) => (url, protocols) => construct(url, protocols) as Socket.WebSocketLike & globalThis.WebSocket
)
