/** The platform's `Socket` over a WebSocket that is open, or opened when it is run. */
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as SocketErrors from "./socketErrors.ts"

/** A socket whose messages come, after `resume`, when the platform listens to them, and whose errors hold words. */
export const fromWebSocket = <R>(
  acquire: Effect.Effect<globalThis.WebSocket, Socket.SocketError, R>,
  resume: Effect.Effect<void>,
  { closeCodeIsError = Socket.defaultCloseCodeIsError }: {
    readonly closeCodeIsError?: ((code: number) => boolean) | undefined
  }
): Effect.Effect<Socket.Socket, never, Exclude<R, Scope.Scope>> =>
  Effect.map(Socket.fromWebSocket(acquire, { closeCodeIsError }), (socket) => {
    const opened = (onOpen: Effect.Effect<void> = Effect.void) => ({ onOpen: Effect.zipRight(resume, onOpen) })
    return Socket.Socket.of({
      [Socket.TypeId]: Socket.TypeId,
      run: (handler, options) =>
        Effect.mapError(socket.run(handler, opened(options?.onOpen)), SocketErrors.withoutEvent),
      runRaw: (handler, options) =>
        Effect.mapError(socket.runRaw(handler, opened(options?.onOpen)), SocketErrors.withoutEvent),
      writer: socket.writer
    })
  })

/** Makes a WebSocket, as the platform does. */
export const constructor: Effect.Effect<
  (url: string, protocols: Array<string>) => globalThis.WebSocket,
  never,
  Socket.WebSocketConstructor
> = Socket.WebSocketConstructor
