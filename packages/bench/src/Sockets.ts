/**
 * Twenty subscriptions over one WebSocket, as Yamcs has them: what a message costs beside the same by hand over a bare
 * `ws`, which parses each and gives it to its subscriber.
 */
import * as SocketConnector from "@effect-auth/node/SocketConnector"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { ChildProcess } from "node:child_process"
import { fork } from "node:child_process"
import { once } from "node:events"
import type { AddressInfo } from "node:net"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import type { Run, Sample } from "./Measure.ts"
import { interleave, paired, spread, warmUp } from "./Measure.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

const subscriptions = 20
/** Of each subscription at once: less than a subscriber may keep unread. */
const burst = 100
const rounds = 60

const measure = async (): Promise<Result> => {
  const child = fork(fileURLToPath(new URL("socketOrigin.js", import.meta.url)), { execArgv: [] })
  const [address] = await once(child, "message") as [AddressInfo]
  const received = { ours: counter(), streams: counter(), bare: counter() }
  const fiber = await subscribed(child, () => ours(`http://127.0.0.1:${address.port}`, received.ours.count))
  const socket = await subscribed(child, () => bare(`ws://127.0.0.1:${address.port}${barePath}`, received.bare.count))
  const streamed = await subscribed(
    child,
    () => streams(`ws://127.0.0.1:${address.port}${streamsPath}`, received.streams.count)
  )
  const runs: ReadonlyArray<readonly [string, Run]> = [
    [byHand, messages(child, barePath, received.bare)],
    [intoStreams, messages(child, streamsPath, received.streams)],
    [ourName, messages(child, ourPath, received.ours)]
  ]
  await warmUp(runs.map(([name, run]) => [name, () => run(burst * subscriptions)]), 3000)
  const samples = await interleave(runs, { rounds, millis: 0, operations: burst * subscriptions })
  socket.terminate()
  streamed.terminate()
  fiber()
  child.disconnect()
  const of = (name: string) => samples[name] ?? []
  const over = (name: string, part: keyof Sample) =>
    paired(of(ourName), of(name), (self, that) => self[part] / that[part]).median
  return {
    title: `${subscriptions} subscriptions over one WebSocket`,
    columns: ["client", "messages/s (quartiles)", "CPU µs of a message (quartiles)"],
    rows: runs.map(([name]): ReadonlyArray<Cell> => [
      name,
      spread(of(name).map(({ wall }) => 1e9 / wall)),
      spread(of(name).map(({ cpu }) => cpu / 1000))
    ]),
    goals: [
      atMost("CPU of a message over that by hand into streams", over(intoStreams, "cpu"), 2, turns),
      atMost("time of a message over that by hand into streams", over(intoStreams, "wall"), 2, turns)
    ],
    notes: [
      `${rounds} rounds of ${burst} messages of each subscription, about 250 bytes each, from a server in another process.`,
      "effect-auth: `Yamcs.subscribe`, whose streams say what was lost and begin again after an outage; each message is taken " +
      "by `Stream.runForEach`. By hand: none of that; into streams: by `Stream.asyncPush` and `Stream.runForEach`.",
      `Over the bare socket: ${over(byHand, "cpu").toFixed(1)} of the CPU, ${
        over(byHand, "wall").toFixed(1)
      } of the time.`
    ]
  }
}

const turns =
  "Each message has a turn of the event loop to itself, so that its reader runs before the next one and a burst fills no " +
  "reader's buffer; the others take all that has come at once. Each is also looked at for what is missing before it."

const ourName = "effect-auth, Yamcs.subscribe"
const byHand = "ws, by hand"
const intoStreams = "ws, by hand into streams"
const streamsPath = "/streams"
const ourPath = "/api/websocket"
const barePath = "/bare"

/** Until the server has all subscriptions. */
const subscribed = async <A>(child: ChildProcess, subscribe: () => A): Promise<A> => {
  const ready = once(child, "message")
  const made = subscribe()
  await ready
  return made
}

const ours = (baseUrl: string, count: () => void): () => void => {
  const live = Yamcs.layerSubscriptions().pipe(
    Layer.provide(Yamcs.layerAnonymous({ baseUrl })),
    Layer.provide(Layer.merge(NodeHttpClient.layerUndici, SocketConnector.layer()))
  )
  const all = Effect.forEach(
    Array.from({ length: subscriptions }),
    () =>
      Stream.runForEach(
        Yamcs.subscribe("events", { options: { instance: "simulator" } }),
        (element) =>
          Effect.sync(() => {
            if (element._tag === "Data") count()
          })
      ),
    { concurrency: "unbounded", discard: true }
  )
  return Effect.runCallback(Effect.provide(all, live), {
    onExit: (exit) => {
      if (exit._tag === "Failure" && !String(exit.cause).includes("interrupted")) console.error(String(exit.cause))
    }
  })
}

const bare = (url: string, count: () => void): WebSocket => {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const subscribers = new Map<number, (data: unknown) => void>()
  socket.on("open", () => {
    for (let id = 1; id <= subscriptions; id++) {
      socket.send(JSON.stringify({ type: "events", id, options: { instance: "simulator" } }))
    }
  })
  socket.on("message", (text) => {
    const message = JSON.parse(String(text)) as { readonly type: string; readonly call: number; readonly data: unknown }
    if (message.type === "reply") subscribers.set(message.call, count)
    else subscribers.get(message.call)?.(message.data)
  })
  return socket
}

const streams = (url: string, count: () => void): WebSocket => {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  const subscribers = new Map<number, (data: unknown) => void>()
  socket.on("open", () => {
    for (let id = 1; id <= subscriptions; id++) {
      const data = Stream.asyncPush<unknown>((emit) =>
        Effect.sync(() => {
          subscribers.set(id, emit.single)
          socket.send(JSON.stringify({ type: "events", id, options: { instance: "simulator" } }))
        }), { bufferSize: "unbounded" })
      Effect.runFork(Stream.runForEach(data, () => Effect.sync(count)))
    }
  })
  socket.on("message", (text) => {
    const message = JSON.parse(String(text)) as { readonly type: string; readonly call: number; readonly data: unknown }
    if (message.type !== "reply") subscribers.get(message.call)?.(message.data)
  })
  return socket
}

/** Counts messages, and says when so many have come. */
const counter = () => {
  let seen = 0
  let wanted = Infinity
  let arrived = () => {}
  return {
    count: () => {
      if (++seen === wanted) arrived()
    },
    until: (count: number) =>
      new Promise<void>((resolve) => {
        wanted = seen + count
        arrived = resolve
      })
  }
}

const messages =
  (child: ChildProcess, path: string, { until }: ReturnType<typeof counter>): Run => async (operations) => {
    // a warm-up asks for a few
    const count = Math.max(1, Math.round(operations / subscriptions))
    const all = until(count * subscriptions)
    child.send({ path, count })
    await all
  }

export const run: Effect.Effect<Result> = Effect.promise(measure)
