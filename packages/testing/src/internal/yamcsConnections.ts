/** The WebSockets of a fake Yamcs server: who is connected, what each has subscribed to, and what ends them. */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Ref from "effect/Ref"
import type { Call } from "./yamcsSocket.ts"
import * as Protocol from "./yamcsSocket.ts"

export interface Connections {
  /** Takes the connection over until it ends. */
  readonly accept: (
    request: HttpServerRequest.HttpServerRequest,
    isSuperuser: boolean
  ) => Effect.Effect<HttpServerResponse.HttpServerResponse>
  /** What is subscribed to, of each open connection. */
  readonly open: Effect.Effect<ReadonlyArray<ReadonlyArray<Call>>>
  /** To every call of this topic. */
  readonly publish: (topic: string, data: unknown, sent: boolean) => Effect.Effect<void>
  /** Breaks every connection, as the end of the process does. */
  readonly breakAll: Effect.Effect<void>
  /** The open connections stay so, and nothing comes over them any more. */
  readonly hangAll: Effect.Effect<void>
}

interface Peer {
  readonly connection: Ref.Ref<Protocol.Connection>
  readonly perform: (outputs: ReadonlyArray<Protocol.Output>) => Effect.Effect<void>
  readonly broken: Deferred.Deferred<void>
  readonly hangs: Ref.Ref<boolean>
}

export const make: Effect.Effect<Connections> = Effect.gen(function*() {
  const peers = yield* Ref.make(HashMap.empty<number, Peer>())
  const numbers = yield* Ref.make(0)
  const next = Ref.updateAndGet(numbers, (number) => number + 1)
  const all = Effect.map(Ref.get(peers), (peers) => Array.from(HashMap.values(peers)))

  const step = (peer: Peer, f: (connection: Protocol.Connection) => Protocol.Step) =>
    Effect.flatMap(
      Ref.modify(peer.connection, (connection) => {
        const [next, outputs] = f(connection)
        return [outputs, next]
      }),
      (outputs) => Effect.flatMap(Ref.get(peer.hangs), (hangs) => hangs ? Effect.void : peer.perform(outputs))
    )

  const publishTo = (peer: Peer, topic: string, data: unknown, sent: boolean) =>
    Effect.flatMap(Ref.get(peer.connection), (connection) =>
      Effect.forEach(
        Protocol.callsOf(connection, topic),
        (call) => step(peer, (connection) => Protocol.publish(call, data, sent, connection)),
        { discard: true }
      ))

  const publish = (topic: string, data: unknown, sent: boolean) =>
    Effect.flatMap(all, Effect.forEach((peer) => publishTo(peer, topic, data, sent), { discard: true }))

  /** The topic `time` tells it every second. */
  const tick = (peer: Peer) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      publishTo(
        peer,
        "time",
        { "@type": "/google.protobuf.Timestamp", value: DateTime.formatIso(DateTime.unsafeMake(now)) },
        true
      ))

  const accept: Connections["accept"] = (request, isSuperuser) =>
    Effect.gen(function*() {
      const socket = yield* Effect.orDie(request.upgrade)
      const write = yield* socket.writer
      const peer: Peer = {
        connection: yield* Ref.make(Protocol.initial(isSuperuser)),
        broken: yield* Deferred.make<void>(),
        hangs: yield* Ref.make(false),
        perform: (outputs) =>
          Effect.forEach(outputs, (output) =>
            Effect.ignore(
              write(output._tag === "Send" ? output.text : new Socket.CloseEvent(output.code, output.reason))
            ), { discard: true })
      }
      const key = yield* next
      yield* Effect.acquireRelease(
        Ref.update(peers, HashMap.set(key, peer)),
        () => Ref.update(peers, HashMap.remove(key))
      )
      const running = socket.runRaw((data) =>
        Effect.flatMap(next, (call) =>
          step(peer, (connection) =>
            Protocol.receive(typeof data === "string" ? data : new TextDecoder().decode(data), call, connection)))
      )
      // servers run their apps uninterruptibly
      const broken = Effect.interruptible(
        Effect.raceFirst(Deferred.await(peer.broken), Effect.forever(Effect.delay(tick(peer), "1 second")))
      )
      yield* Effect.raceFirst(Effect.ignore(running), broken)
      return HttpServerResponse.empty()
    }).pipe(Effect.scoped)

  return {
    accept,
    open: Effect.flatMap(
      all,
      Effect.forEach(({ connection }) =>
        Effect.map(Ref.get(connection), ({ calls }) => Array.from(HashMap.values(calls)))
      )
    ),
    publish,
    breakAll: Effect.flatMap(
      Ref.getAndSet(peers, HashMap.empty()),
      (peers) =>
        Effect.forEach(HashMap.values(peers), ({ broken }) => Deferred.succeed(broken, undefined), { discard: true })
    ),
    hangAll: Effect.flatMap(all, Effect.forEach(({ hangs }) => Ref.set(hangs, true), { discard: true }))
  }
})
