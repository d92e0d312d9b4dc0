/**
 * Only for Effect 4, whose `Socket` has no `runRaw` any more: gives each message to a handler, one after another, until
 * the connection ends, which is always an error.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"

export const runRaw = <E = never, R = never>(
  socket: Socket.Socket,
  handler: (data: string | Uint8Array) => Effect.Effect<unknown, E, R> | void,
  options?: { readonly onOpen?: Effect.Effect<void> | undefined }
): Effect.Effect<never, Socket.SocketError | E, R> => {
  const handled = (data: string | Uint8Array): Effect.Effect<unknown, E, R> => handler(data) ?? Effect.void
  return Effect.scopedWith((scope) =>
    Effect.flatMap(Effect.provideService(socket.reader, Scope.Scope, scope), ({ pull }) =>
      Effect.andThen(
        options?.onOpen ?? Effect.void,
        Effect.forever(Effect.flatMap(pull, (chunks) => Effect.forEach(chunks, handled, { discard: true })))
      ))
  )
}
