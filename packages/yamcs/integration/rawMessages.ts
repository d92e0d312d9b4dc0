/** Messages as no client of ours sends them, for a comparison of the fake with the real server over a WebSocket. */
import type * as Socket from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import { randomBytes } from "node:crypto"

const options = { instance: "simulator" }

/** The server counts bytes after compression, so these cannot be compressed to less than its limit. */
const long = randomBytes(75_000).toString("base64")

/** Each on a connection of its own; an object is sent as JSON. */
const messages: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  "a topic": [{ type: "time", id: 7, options }],
  "a topic without an id": [{ type: "time", options }],
  "two topics": [{ type: "time", id: 1, options }, { type: "events", id: 2, options }],
  "an unknown topic": [{ type: "nope", id: 7, options: { anything: 1 } }],
  "an unknown instance": [{ type: "time", id: 7, options: { instance: "none" } }],
  "no instance": [{ type: "events", id: 7, options: { instance: "" } }],
  "an unknown option": [{ type: "time", id: 7, options: { ...options, bogus: 1 } }],
  "an unknown option of events": [{ type: "events", id: 7, options: { ...options, bogus: 1 } }],
  "an unknown field": [{ type: "time", id: 7, options, bogus: 1 }],
  "options that are text": [{ type: "time", id: 7, options: "simulator" }],
  "an id that is a word": [{ type: "time", id: "seven", options }],
  "no type": [{ id: 7, options }],
  "an array": [[]],
  "no JSON": ["{"],
  "words": ["hello"],
  "a message of 64 KiB and more": [{ type: "events", id: 7, options: { ...options, filter: long } }],
  "low priority": [{ type: "time", id: 7, options, lowPriority: true }],
  "a limit that is ignored": [{ type: "time", id: 7, options, maxDroppedWrites: 3 }],
  "the state of nothing": [{ type: "state" }],
  "a call that is not cancelled because it is not there": [{ type: "cancel", options: { call: 999_999 } }, {
    type: "state"
  }],
  "a cancel of nothing": [{ type: "cancel" }, { type: "state" }],
  "a message for an unknown call": [{
    type: "parameters",
    id: 7,
    call: 999_999,
    options: { ...options, processor: "realtime" }
  }],
  "a message for an unknown call of a topic that takes none": [{ type: "time", id: 7, call: 999_999, options }],
  "an unknown option after a topic": [{ type: "time", id: 7, options }, { type: "time", id: 8, options: { bogus: 1 } }]
}

type Transcript = ReadonlyArray<string>

/** What comes back for each, without data and without the numbers of calls. */
export const transcripts = <E, R>(
  withSocket: (run: (socket: Socket.Socket) => Effect.Effect<Transcript>) => Effect.Effect<Transcript, E, R>
): Effect.Effect<Readonly<Record<string, Transcript>>, E, R> =>
  Effect.map(
    Effect.forEach(Object.entries(messages), ([name, messages]) =>
      Effect.map(
        withSocket((socket) => transcript(socket, messages)),
        (transcript) => [name, transcript] as const
      ), { concurrency: 4 }),
    (all) => Object.fromEntries(all)
  )

const transcript = (socket: Socket.Socket, messages: ReadonlyArray<unknown>): Effect.Effect<Transcript> =>
  Effect.gen(function*() {
    const received = yield* Ref.make<Transcript>([])
    const write = yield* socket.writer
    const note = (line: string) => Ref.update(received, (lines) => [...lines, line])
    const running = yield* Effect.fork(Effect.matchEffect(socket.runRaw((data) => note(normal(String(data)))), {
      onFailure: (error) => note(String(error)),
      onSuccess: () => note("the end")
    }))
    yield* Effect.forEach(messages, (message) =>
      // whatever comes after the end of the connection is not sent
      Effect.ignore(
        Effect.timeout(write(typeof message === "string" ? message : JSON.stringify(message)), "5 seconds")
      ))
    // the first tick of a clock comes after a second at the latest, and is left out
    yield* Effect.sleep("600 millis")
    yield* Fiber.interrupt(running)
    return (yield* Ref.get(received)).filter((line) => line !== "data")
  }).pipe(Effect.scoped)

const normal = (text: string): string => {
  const message: unknown = JSON.parse(text)
  if (!Predicate.isRecord(message)) return text
  const { call, data, ...others } = message
  return others["type"] === "reply" || others["type"] === "state"
    ? JSON.stringify({ ...others, data, hasCall: call !== undefined })
    : "data"
}
