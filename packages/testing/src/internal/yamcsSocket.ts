/**
 * What a Yamcs server makes of the messages of one WebSocket, as pure functions. The rules are those of
 * `WebSocketFrameHandler` and `TopicContext` of Yamcs 5.13, the texts those of a recorded exchange.
 */
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * A call of a WebSocket: what a client has subscribed to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  readonly call: number
  readonly topic: string
  /** As the client sent them. */
  readonly options: Readonly<Record<string, unknown>>
  /** The number of the last message. */
  readonly seq: number
}

export interface Connection {
  readonly isSuperuser: boolean
  readonly calls: HashMap.HashMap<number, Call>
}

/** `Close`: as for anything that it cannot parse. */
export type Output =
  | { readonly _tag: "Send"; readonly text: string }
  | { readonly _tag: "Close"; readonly code: number; readonly reason: string }

export type Step = readonly [Connection, ReadonlyArray<Output>]

export const initial = (isSuperuser: boolean): Connection => ({ isSuperuser, calls: HashMap.empty() })

/** `nextCall`: a number of the server, which counts the calls of all its connections. */
export const receive = (text: string, nextCall: number, connection: Connection): Step =>
  Either.match(parse(text), {
    onLeft: (close) => [connection, [close]],
    onRight: (message): Step => {
      switch (message.type) {
        case "state":
          return [connection, [send({ type: "state", data: { "@type": "/yamcs.api.State", ...stateOf(connection) } })]]
        case "cancel": {
          const call = message.options["call"]
          return [{ ...connection, calls: HashMap.remove(connection.calls, typeof call === "number" ? call : 0) }, []]
        }
        default:
          return message.call > 0
            ? continued(message, connection)
            : started(message, nextCall, connection)
      }
    }
  })

/** The next message of a call; `sent: false` counts one that is left out because the connection is slow. */
export const publish = (call: number, data: unknown, sent: boolean, connection: Connection): Step =>
  Option.match(HashMap.get(connection.calls, call), {
    onNone: () => [connection, []],
    onSome: (known) => {
      const seq = known.seq + 1
      return [
        { ...connection, calls: HashMap.set(connection.calls, call, { ...known, seq }) },
        sent ? [send({ type: known.topic, call, seq, data })] : []
      ]
    }
  })

export const callsOf = ({ calls }: Connection, topic: string): ReadonlyArray<number> =>
  Array.from(HashMap.values(calls)).filter((call) => call.topic === topic).map(({ call }) => call)

interface Message {
  readonly type: string
  readonly id: number
  readonly call: number
  readonly options: Readonly<Record<string, unknown>>
}

interface Topic {
  /** What its options may be. */
  readonly options: ReadonlyArray<string>
  readonly privilege?: string
  readonly takesUpdates?: boolean
}

const topics: Readonly<Record<string, Topic>> = {
  time: { options: ["instance", "processor"] },
  events: { options: ["instance", "filter"], privilege: "ReadEvents" },
  parameters: {
    options: [
      "instance",
      "processor",
      "id",
      "abortOnInvalid",
      "updateOnExpiration",
      "sendFromCache",
      "maxBytes",
      "action"
    ],
    takesUpdates: true
  }
}

/** The parser knows no field beside these; a number may be text, and text a number, but an id is one. */
const fields = ["type", "id", "options", "lowPriority", "call", "maxDroppedWrites"]

/** In bytes. The real server counts them after compression, of which the fake sees nothing. */
const longestFrame = 65_536

const parse = (text: string): Either.Either<Message, Output> => {
  if (new TextEncoder().encode(text).length > longestFrame) return Either.left(tooLong)
  const parsed = Option.liftThrowable((text: string): unknown => JSON.parse(text))(text)
  if (Option.isNone(parsed) || !Predicate.isReadonlyRecord(parsed.value)) return Either.left(unreadable)
  const { call = 0, id = 0, options = {}, type, ...others } = parsed.value
  const isReadable = typeof type === "string" && typeof id === "number" && typeof call === "number" &&
    Predicate.isReadonlyRecord(options) && Object.keys(others).every((name) => fields.includes(name))
  if (!isReadable) return Either.left(unreadable)
  // the options of a topic that it does not know are not looked at
  const known = type === "cancel" ? ["call"] : topics[type]?.options
  return known === undefined || Object.keys(options).every((name) => known.includes(name))
    ? Either.right({ type, id, call, options })
    : Either.left(unreadable)
}

const unreadable: Output = { _tag: "Close", code: 1000, reason: "Bye" }

const tooLong: Output = { _tag: "Close", code: 1009, reason: `Max frame length of ${longestFrame} has been exceeded.` }

const send = (message: unknown): Output => ({ _tag: "Send", text: JSON.stringify(message, null, 2) })

/** Zeros are left out, as Protocol Buffers do. */
const reply = (
  id: number,
  call: number,
  exception?: { readonly code: number; readonly type: string; readonly msg: string }
) =>
  send({
    type: "reply",
    ...(call === 0 ? undefined : { call }),
    data: {
      "@type": "/yamcs.api.Reply",
      ...(id === 0 ? undefined : { replyTo: id }),
      ...(exception === undefined ? undefined : { exception })
    }
  })

const started = ({ id, options, type }: Message, call: number, connection: Connection): Step => {
  const topic = topics[type]
  const refused = (code: number, type: string, msg: string): Step => [connection, [reply(id, 0, { code, type, msg })]]
  if (topic === undefined) return refused(404, "NotFoundException", `No topic '${type}'`)
  if (options["instance"] !== "simulator") {
    return refused(404, "NotFoundException", `No instance named '${String(options["instance"])}'`)
  }
  if (topic.privilege !== undefined && !connection.isSuperuser) {
    return refused(403, "ForbiddenException", `Missing system privilege '${topic.privilege}'`)
  }
  const opened = { ...connection, calls: HashMap.set(connection.calls, call, { call, topic: type, options, seq: 0 }) }
  return [opened, [reply(id, call)]]
}

/** A success has no reply. */
const continued = ({ call, id, options, type }: Message, connection: Connection): Step =>
  Option.match(Option.filter(HashMap.get(connection.calls, call), () => topics[type]?.takesUpdates === true), {
    onNone: () => [
      connection,
      [reply(id, 0, { code: 400, type: "BadRequestException", msg: "Cannot find matching call" })]
    ],
    onSome: (known) => [
      {
        ...connection,
        calls: HashMap.set(connection.calls, call, { ...known, options: merged(known.options, options) })
      },
      []
    ]
  })

/** `action` of `parameters`: ADD, REMOVE, or REPLACE, which is the default. */
const merged = (
  before: Readonly<Record<string, unknown>>,
  { action = "REPLACE", id: change = [], ...others }: Readonly<Record<string, unknown>>
): Readonly<Record<string, unknown>> => {
  const now = namesOf(before["id"])
  const named = namesOf(change)
  const names = action === "ADD"
    ? Arr.union(now, named)
    : action === "REMOVE"
    ? Arr.difference(now, named)
    : named
  return { ...before, ...others, id: names.map((name) => ({ name })) }
}

const namesOf = (ids: unknown): ReadonlyArray<string> =>
  Array.isArray(ids) ? ids.map((id: unknown) => Predicate.hasProperty(id, "name") ? String(id.name) : "") : []

const stateOf = ({ calls }: Connection) =>
  HashMap.isEmpty(calls) ? {} : {
    calls: Array.from(HashMap.values(calls)).map(({ call, options, topic }) => ({ call, type: topic, options }))
  }
