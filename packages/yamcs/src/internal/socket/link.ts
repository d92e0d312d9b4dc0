/**
 * One connection that carries all subscriptions of a client, opened again as often as it is lost. What is to be done is
 * decided by `calls.ts`. Between two of its steps nothing else runs, so a message is never sent to another connection than
 * that for which it was meant.
 */
import type { Service as Client } from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import type { ClientError, InvalidSetting } from "@effect-auth/core/AuthError"
import { isTransient } from "@effect-auth/core/AuthError"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableHashMap from "effect/MutableHashMap"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { YamcsError } from "../../YamcsError.ts"
import * as Calls from "./calls.ts"
import type { UnreadableOptions } from "./element.ts"
import { ConnectionLost, SlowReader } from "./element.ts"
import type { Inbox } from "./inbox.ts"
import * as Message from "./message.ts"

/** Why there is no connection. */
export type ConnectionFailure =
  | ConnectionLost
  | ClientError
  | HttpClientError.HttpClientError
  | AuthenticatedSocket.UpgradeRefused
  | Socket.SocketError

/** What ends a subscription. */
export type SubscriptionFailure = ConnectionFailure | YamcsError | UnreadableOptions | SlowReader | InvalidSetting

export interface Settings {
  readonly client: Client
  readonly reconnect: Schedule.Schedule<unknown, ConnectionFailure>
  /** After which the server is asked for a sign of life. */
  readonly silence: Duration.Duration
  /** After which a connection is replaced by another. */
  readonly maxAge: Duration.Duration
  readonly openTimeout: Duration.Duration
}

/** What a subscription is to its connection. */
export interface Subscriber {
  readonly request: Message.Request
  readonly buffer: number
  readonly inbox: Inbox<SubscriptionFailure>
}

/** All synchronous. */
export interface Link {
  readonly add: (subscriber: Subscriber) => number
  readonly remove: (id: number) => void
  readonly update: (id: number, change: Message.Request["options"], options: Message.Request["options"]) => void
}

/** A connection that lasted this long has ended an outage: the next one begins with the first wait of the schedule. */
const stable = Duration.seconds(30)

/** Longer than threads of the server may overtake each other. */
const patience = Duration.seconds(1)

/** Connects at once, and goes on until the Scope ends or an error is final: then `onEnd` runs, and every subscription ends. */
export const make = (
  settings: Settings,
  onEnd: Effect.Effect<void>
): Effect.Effect<Link, never, AuthenticatedSocket.Connector | Scope.Scope> =>
  Effect.gen(function*() {
    const calls = MutableRef.make(Calls.empty)
    const subscribers = MutableHashMap.empty<number, Subscriber>()
    const current = MutableRef.make<globalThis.WebSocket | undefined>(undefined)
    const ended = MutableRef.make<Cause.Cause<SubscriptionFailure> | undefined>(undefined)

    const transit = (transition: (calls: Calls.Calls) => Calls.Step): void => {
      const [next, outputs] = transition(MutableRef.get(calls))
      MutableRef.set(calls, next)
      for (const output of outputs) perform(output)
    }

    const perform = (output: Calls.Output): void => {
      switch (output._tag) {
        case "Send": {
          const webSocket = MutableRef.get(current)
          // one that closes takes nothing any more: what it should have got is sent to the next
          if (webSocket?.readyState === isOpen) webSocket.send(output.text)
          return
        }
        case "Emit":
          return Option.match(MutableHashMap.get(subscribers, output.id), {
            onNone: () => {},
            onSome: ({ buffer, inbox, request: { topic } }) => {
              if (inbox.offer(output.element)) return
              inbox.end(Cause.fail(new SlowReader({ topic, buffer })))
              transit(Calls.remove(output.id))
            }
          })
        case "End":
          return Option.match(MutableHashMap.get(subscribers, output.id), {
            onNone: () => {},
            onSome: ({ inbox }) => inbox.end(Cause.fail(output.error))
          })
      }
    }

    const unsettled = Effect.unsafeMakeLatch(false)
    const settle = Effect.zipRight(
      Effect.zipRight(unsettled.await, Effect.sleep(patience)),
      Effect.sync(() => {
        transit(Calls.settled)
        if (!Calls.isUnsettled(MutableRef.get(calls))) unsettled.unsafeClose()
      })
    )

    const connection = connect(settings, {
      opened: (webSocket) => {
        MutableRef.set(current, webSocket)
        transit(Calls.opened)
      },
      received: (text) => {
        const message = Message.parse(text)
        transit(Calls.received(message))
        if (message._tag === "Data" && Calls.isUnsettledAt(MutableRef.get(calls), message.call)) unsettled.unsafeOpen()
      },
      probe: () => transit(Calls.probe),
      closed: (problem, isUnreadable) => {
        MutableRef.set(current, undefined)
        transit(Calls.closed(problem, isUnreadable))
      }
    })

    yield* Effect.forkScoped(Effect.forever(settle))
    yield* Effect.forkScoped(
      Effect.catchAllCause(keepOpen(settings, connection), (cause) =>
        // before the end is told: who tries again because of it is to have another connection
        Effect.zipRight(
          onEnd,
          Effect.sync(() => {
            MutableRef.set(ended, cause)
            for (const [, { inbox }] of subscribers) inbox.end(cause)
          })
        ))
    )

    return {
      add: (subscriber) => {
        const { nextId } = MutableRef.get(calls)
        MutableHashMap.set(subscribers, nextId, subscriber)
        const cause = MutableRef.get(ended)
        if (cause !== undefined) subscriber.inbox.end(cause)
        transit(Calls.add(subscriber.request))
        return nextId
      },
      remove: (id) => {
        MutableHashMap.remove(subscribers, id)
        transit(Calls.remove(id))
      },
      update: (id, options, all) => transit(Calls.update(id, { options }, all))
    }
  })

/** Whether another try may succeed, of a client whose server has been reached before or not. */
export const isPassing = (failure: ConnectionFailure, wasOpen: boolean): boolean => {
  switch (failure._tag) {
    case "ConnectionLost":
    case "SocketError":
    case "ResponseError":
    case "RateLimited":
      return true
    case "RequestError":
      return failure.reason === "Transport"
    case "UpgradeRefused":
      // where a server is started anew something else may answer for a while
      return wasOpen || failure.status >= 500 || [408, 425, 429].includes(failure.status)
    case "AuthenticationFailed":
    case "OriginRefused":
    case "RedirectRefused":
      return false
    default:
      return isTransient(failure)
  }
}

/** How a connection that was open came to its end. */
interface Ended {
  /** `undefined`: we ended it, to have another. */
  readonly loss: ConnectionLost | undefined
  readonly lived: Duration.Duration
}

const keepOpen = <R>(
  { reconnect }: Settings,
  connection: Effect.Effect<Ended, ConnectionFailure, R>
): Effect.Effect<never, ConnectionFailure, R> =>
  Effect.suspend(() => {
    const wasOpen = MutableRef.make(false)
    const outage = MutableRef.make<ConnectionLost | undefined>(undefined)
    const once = Effect.suspend(() => {
      const loss = MutableRef.getAndSet(outage, undefined)
      // the schedule decides on the wait before the first try as well
      if (loss !== undefined) return Effect.fail(loss)
      return Effect.flatMap(connection, ({ lived, loss }): Effect.Effect<void, ConnectionLost> => {
        MutableRef.set(wasOpen, true)
        if (loss !== undefined && Duration.lessThan(lived, stable)) return Effect.fail(loss)
        MutableRef.set(outage, loss)
        return Effect.void
      })
    })
    return Effect.forever(
      Effect.retry(once, {
        schedule: reconnect,
        while: (failure) => isPassing(failure, MutableRef.get(wasOpen))
      })
    )
  })

/** What becomes of a connection; all synchronous. */
interface Events {
  readonly opened: (webSocket: globalThis.WebSocket) => void
  readonly received: (text: string) => void
  readonly probe: () => void
  readonly closed: (problem: string, isUnreadable: boolean) => void
}

const connect = (
  { client, maxAge, openTimeout, silence }: Settings,
  events: Events
): Effect.Effect<Ended, ConnectionFailure, AuthenticatedSocket.Connector> =>
  Effect.scoped(Effect.gen(function*() {
    const connection = yield* AuthenticatedSocket.open(client, {
      url: "/api/websocket",
      protocols: ["json"],
      openTimeout
    })
    // whatever we did not close is lost: the server closes with 1000 over what it cannot read
    const socket = yield* AuthenticatedSocket.fromConnection(connection, { closeCodeIsError: () => true })
    const heard = MutableRef.make(0)
    const since = yield* Clock.currentTimeMillis
    const decoder = new TextDecoder()
    const running = socket.runRaw((data) => {
      MutableRef.increment(heard)
      events.received(typeof data === "string" ? data : decoder.decode(data))
    }, { onOpen: Effect.sync(() => events.opened(connection.webSocket)) })
    const loss = yield* Effect.matchEffect(
      Effect.raceFirst(running, Effect.raceFirst(silent(heard, silence, events), Effect.sleep(maxAge))),
      {
        onFailure: (failure) => {
          const loss = failure._tag === "ConnectionLost" ? failure : lossOf(failure)
          return Effect.as(Effect.sync(() => events.closed(loss.message, isUnreadable(loss))), loss)
        },
        onSuccess: () => Effect.sync(() => events.closed("the connection has reached its greatest age", false))
      }
    )
    const now = yield* Clock.currentTimeMillis
    return { loss: loss ?? undefined, lived: Duration.millis(Math.max(0, now - since)) }
  }))

/** Fails when two periods have passed without a message, although one was asked for after the first. */
const silent = (
  heard: MutableRef.MutableRef<number>,
  silence: Duration.Duration,
  { probe }: Events
): Effect.Effect<never, ConnectionLost> => {
  const listen = (before: number, isProbed: boolean): Effect.Effect<never, ConnectionLost> =>
    Effect.flatMap(Effect.sleep(silence), () => {
      const now = MutableRef.get(heard)
      if (now !== before) return listen(now, false)
      if (isProbed) return Effect.fail(new ConnectionLost({ reason: "Silent" }))
      probe()
      return listen(now, true)
    })
  return Effect.suspend(() => listen(MutableRef.get(heard), false))
}

/** What the server closes with over a message that it cannot parse, or that is too long for it. */
const isUnreadable = ({ code }: ConnectionLost): boolean => code === 1000 || code === 1009

const lossOf = (error: Socket.SocketError): ConnectionLost =>
  error.reason === "Close"
    ? new ConnectionLost({ reason: "Closed", code: error.code, detail: error.closeReason })
    : new ConnectionLost({ reason: "Closed", detail: typeof error.cause === "string" ? error.cause : undefined })

/** `WebSocket.OPEN` */
const isOpen = 1
