/**
 * A WebSocket of the Web's kind from the moment it is opened to the moment somebody listens. Its messages arrive as events,
 * and a fiber that waited for the opening runs only after the first of them may have passed.
 */
import * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"

/** What `AuthenticatedSocket.Connection` is. */
export interface Held {
  readonly webSocket: globalThis.WebSocket
  readonly resume: Effect.Effect<void>
}

/** Waits until it is open, holding back what it receives from now on. */
export const opened = (webSocket: globalThis.WebSocket): Effect.Effect<Held, Socket.SocketError> =>
  Effect.suspend(() => {
    const held: Array<MessageEvent> = []
    const hold = (event: MessageEvent) => {
      event.stopImmediatePropagation()
      held.push(event)
    }
    webSocket.addEventListener("message", hold)
    const resume = Effect.sync(() => {
      webSocket.removeEventListener("message", hold)
      // anew, because an event that was stopped stays so on some platforms
      for (const { data } of held.splice(0)) webSocket.dispatchEvent(new MessageEvent("message", { data }))
    })
    return Effect.as(untilOpen(webSocket), { webSocket, resume })
  })

const untilOpen = (webSocket: globalThis.WebSocket): Effect.Effect<void, Socket.SocketError> =>
  Effect.async((resume) => {
    const listening = new AbortController()
    const settle = (effect: Effect.Effect<void, Socket.SocketError>) => () => {
      listening.abort()
      resume(effect)
    }
    const failed = settle(Effect.fail(new Socket.SocketGenericError({ reason: "Open", cause: "it was not opened" })))
    if (webSocket.readyState === isOpen) return resume(Effect.void)
    webSocket.addEventListener("open", settle(Effect.void), { signal: listening.signal })
    webSocket.addEventListener("error", failed, { signal: listening.signal })
    webSocket.addEventListener("close", failed, { signal: listening.signal })
    return Effect.sync(() => listening.abort())
  })

/** `WebSocket.OPEN` */
const isOpen = 1
