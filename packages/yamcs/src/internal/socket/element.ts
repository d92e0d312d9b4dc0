/** What a subscription gives, and what ends it. */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"

/**
 * What a subscription gives. What was lost is told.
 *
 * - `Data`: a message of the server; `seq` counts those of one connection, from 1, in the order in which they came about.
 *   They are given in the order in which they were sent, which may be another for messages of the same moment
 * - `Lost`: something is missing here. `Disconnected`: the connection ended, and until `Reconnected` the server sends
 *   nothing, nor later what happened meanwhile. `Dropped`: the server left out `count` messages, as it does with those of low
 *   priority. `Overflow`: the reader was slower than its buffer allows, and `count` messages were given up for later ones
 * - `Reconnected`: the subscription goes on, on another connection
 *
 * @since 0.1.0
 * @category models
 */
export type Element<A = unknown> =
  | { readonly _tag: "Data"; readonly seq: number; readonly data: A }
  | {
    readonly _tag: "Lost"
    readonly reason: "Disconnected" | "Dropped" | "Overflow"
    /** How many messages, where that is known. */
    readonly count?: number | undefined
    /** Why there is no connection. */
    readonly problem?: string | undefined
  }
  | { readonly _tag: "Reconnected" }

interface ElementDefinition extends Data.TaggedEnum.WithGenerics<1> {
  readonly taggedEnum: Element<this["A"]>
}

/**
 * Makes elements, and matches them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Element = Data.taggedEnum<ElementDefinition>()

/**
 * Raised when the options of a subscription are not of its topic: the server closes the whole connection over an option that
 * it does not know. Only this subscription ends; the others go on, on another connection.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnreadableOptions
  extends Schema.TaggedError<UnreadableOptions>("@effect-auth/yamcs/UnreadableOptions")("UnreadableOptions", {
    topic: Schema.String
  })
{
  override get message(): string {
    return `the server cannot read the options of a subscription to ${this.topic}: is one of them unknown, or of another type?`
  }
}

/**
 * Raised when messages arrive faster than they are read and the buffer of the subscription is full. What was in it has been
 * read before. A larger `buffer` bridges bursts; `sliding` gives up old messages instead.
 *
 * @since 0.1.0
 * @category errors
 */
export class SlowReader extends Schema.TaggedError<SlowReader>("@effect-auth/yamcs/SlowReader")("SlowReader", {
  topic: Schema.String,
  /** In messages. */
  buffer: Schema.Int
}) {
  override get message(): string {
    return `messages of ${this.topic} arrive faster than they are read: the buffer of ${this.buffer} is full`
  }
}

/**
 * Raised when a connection is lost and the schedule of reconnections has come to its end. `Closed`: the other side closed
 * it, or it broke. `Silent`: the server gave no sign of life.
 *
 * @since 0.1.0
 * @category errors
 */
export class ConnectionLost
  extends Schema.TaggedError<ConnectionLost>("@effect-auth/yamcs/ConnectionLost")("ConnectionLost", {
    reason: Schema.Literal("Closed", "Silent"),
    /** RFC 6455 section 7.4; 1006 when the connection broke. */
    code: Schema.optional(Schema.Int),
    /** What the server said. */
    detail: Schema.optional(Schema.String)
  })
{
  override get message(): string {
    return this.reason === "Silent"
      ? "the WebSocket was given up: the server did not answer any more"
      : ["the WebSocket was closed", this.code, this.detail].filter((part) => part !== undefined && part !== "").join(
        ": "
      )
  }
}
