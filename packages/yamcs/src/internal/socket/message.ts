/** The messages of Yamcs' WebSocket API in JSON (`api.proto`, `WebSocketFrameHandler`). Pure. */
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { YamcsError } from "../../YamcsError.ts"

/** What is asked for: a topic, with its options. */
export interface Request {
  readonly topic: string
  readonly options: Readonly<Record<string, unknown>>
  readonly lowPriority: boolean
}

/**
 * - `Reply`: what became of the message with this id; without a refusal, the call that its data will have
 * - `Data`: the next of a call
 * - `State`: the answer to {@link state}
 * - `Other`: what this client does not know
 */
export type Received =
  | {
    readonly _tag: "Reply"
    readonly id: number
    readonly call: number
    readonly refusal: Option.Option<YamcsError>
  }
  | { readonly _tag: "Data"; readonly call: number; readonly seq: number; readonly data: unknown }
  | { readonly _tag: "State" }
  | { readonly _tag: "Other" }

export const subscribe = (id: number, { lowPriority, options, topic }: Request): string =>
  JSON.stringify({ type: topic, id, options, ...(lowPriority ? { lowPriority } : undefined) })

/** One more message for a call. Its success has no reply. */
export const update = (id: number, call: number, { options, topic }: Request): string =>
  JSON.stringify({ type: topic, id, call, options })

/** It has no reply. */
export const cancel = (call: number): string => JSON.stringify({ type: "cancel", options: { call } })

/** Asks for what is subscribed. The answer says that the server is there, and has read all that was sent before. */
export const state: string = JSON.stringify({ type: "state" })

/** What keeps a message from being sent: each of these would end the connection, and with it all other subscriptions. */
export const problem = (request: Request): Option.Option<string> =>
  Either.match(Either.try(() => subscribe(Number.MAX_SAFE_INTEGER, request)), {
    onLeft: () => Option.some("cannot be written as JSON"),
    onRight: (text) =>
      new TextEncoder().encode(text).length > longestMessage
        ? Option.some(`are longer than the ${longestMessage} bytes that the server takes`)
        : Option.none()
  })

/** In bytes (Netty's limit of a frame, which the server leaves as it is). */
const longestMessage = 65_536

export const parse = (text: string): Received =>
  Option.getOrElse(
    Option.map(decode(text), ({ call = 0, data, seq = 0, type }): Received => {
      switch (type) {
        case "reply":
          return Option.match(decodeReply(data), {
            onNone: () => other,
            onSome: ({ exception, reply_to, replyTo }) => ({
              _tag: "Reply",
              id: replyTo ?? reply_to ?? 0,
              call,
              refusal: Option.map(Option.fromNullable(exception), refusalOf)
            })
          })
        case "state":
          return { _tag: "State" }
        default:
          return { _tag: "Data", call, seq, data }
      }
    }),
    () => other
  )

const other: Received = { _tag: "Other" }

const refusalOf = ({ code, msg, type }: typeof Exception.Type): YamcsError => {
  const said = ServerMessage.make({ code: type, detail: msg })
  return new YamcsError({
    status: code,
    msg: said.detail ?? "",
    ...(said.code === undefined ? undefined : { type: said.code })
  })
}

const Exception = Schema.Struct({
  code: Schema.optionalWith(Schema.Int, { default: () => 500 }),
  type: Schema.optional(Schema.String),
  msg: Schema.optional(Schema.String)
})

/** Zeros are left out. The documentation has another spelling of `replyTo` than the server. */
const decodeReply = Schema.decodeUnknownOption(
  Schema.Struct({
    replyTo: Schema.optional(Schema.Number),
    reply_to: Schema.optional(Schema.Number),
    exception: Schema.optional(Exception)
  })
)

const decode = Schema.decodeOption(
  Schema.parseJson(
    Schema.Struct({
      type: Schema.String,
      call: Schema.optional(Schema.Number),
      seq: Schema.optional(Schema.Number),
      data: Schema.optional(Schema.Unknown)
    })
  )
)
