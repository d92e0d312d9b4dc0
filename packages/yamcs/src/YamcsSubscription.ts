/**
 * Subscriptions to what happens in Yamcs, as streams, over one authenticated WebSocket that carries all those of a client.
 *
 * The socket is opened with the first subscription and closed with the last. Its handshake carries the client's proof,
 * whatever that is, and a refusal renews it as it does for requests: one login serves both. When the connection is lost it
 * is opened again on a schedule, and everything is subscribed anew. What the server sends is delivered in order; where
 * something is missing, an element of the stream says so.
 *
 * It needs a connector of `AuthenticatedSocket`: on Node that of `@effect-auth/node/SocketConnector`.
 *
 * @since 0.1.0
 */
import type * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as ParseResult from "effect/ParseResult"
import * as RcMap from "effect/RcMap"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { YamcsClient } from "./internal/client.ts"
import { Element } from "./internal/socket/element.ts"
import * as Inbox from "./internal/socket/inbox.ts"
import type { ConnectionFailure, SubscriptionFailure } from "./internal/socket/link.ts"
import * as Link from "./internal/socket/link.ts"
import * as Message from "./internal/socket/message.ts"

export { ConnectionLost, Element, SlowReader, UnreadableOptions } from "./internal/socket/element.ts"

export type {
  /**
   * Why there is no connection: what a schedule of reconnections is given.
   *
   * @since 0.1.0
   * @category errors
   */
  ConnectionFailure,
  /**
   * What ends a subscription. A `YamcsError` is the server's refusal of this one, and the others go on; so they do after
   * an `InvalidSetting`, with which nothing is sent.
   *
   * @since 0.1.0
   * @category errors
   */
  SubscriptionFailure
} from "./internal/socket/link.ts"

/**
 * One subscription.
 *
 * @since 0.1.0
 * @category models
 */
export interface SubscribeOptions {
  /** What the topic takes, as the server's documentation names it, such as `{ instance: "simulator" }`. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** How many messages may wait for the reader. Default: 1024. */
  readonly buffer?: number | undefined
  /**
   * What happens when the buffer is full: the stream fails with `SlowReader`, or the oldest messages are given up, which a
   * `Lost` tells. Either concerns this subscription only. Default: `fail`.
   */
  readonly onFull?: "fail" | "sliding" | undefined
  /**
   * Whether the server may leave messages out when the connection is slow, instead of ending it; `Lost` tells how many.
   * Default: no.
   */
  readonly lowPriority?: boolean | undefined
  /** Changes of a subscription that takes them, such as `parameters`. */
  readonly updates?: Stream.Stream<Update> | undefined
}

/**
 * A change of a subscription.
 *
 * @since 0.1.0
 * @category models
 */
export interface Update {
  /** What the server is told, such as `{ action: "ADD", id: [{ name: "/YSS/SIMULATOR/Alpha" }] }`. */
  readonly change: Readonly<Record<string, unknown>>
  /** The `options` that stand for the whole subscription from now on: with these it is taken up on another connection. */
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** See {@link subscribe}. */
  readonly subscribe: (
    topic: string,
    options?: SubscribeOptions
  ) => Stream.Stream<Element, SubscriptionFailure>
}

/**
 * The subscriptions of a client.
 *
 * @since 0.1.0
 * @category tags
 */
export class Subscriptions
  extends Context.Tag("@effect-auth/yamcs/YamcsSubscription/Subscriptions")<Subscriptions, Service>()
{}

/**
 * The connection of all subscriptions.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The waits of an outage: the first before the first try. A failure that no other try can heal, such as a refused password,
   * ends all subscriptions at once, and so does the end of the schedule. Default: {@link reconnect}.
   */
  readonly reconnect?: Schedule.Schedule<unknown, ConnectionFailure> | undefined
  /**
   * How long the server may be silent until it is asked for a sign of life; without one for as long again, the connection is
   * lost. At least a second. Default: 30 seconds.
   */
  readonly silence?: DurationWithUnit | undefined
  /**
   * After which a connection is replaced by another. The server lets a connection outlive the session and the user that it
   * was opened for; this ends it. Each replacement is a `Lost` and a `Reconnected`. At least a second.
   * Default: never.
   */
  readonly maxAge?: DurationWithUnit | undefined
  /** How long one opening may take, without the logins before it. At least a second. Default: 10 seconds. */
  readonly openTimeout?: DurationWithUnit | undefined
}

/**
 * Without an end: half a second, then twice as long each time, 30 seconds at the most; jittered, because a server that was
 * restarted sees all its clients at once.
 *
 * @since 0.1.0
 * @category policies
 */
export const reconnect: Schedule.Schedule<unknown, ConnectionFailure> = Schedule.exponential("500 millis").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jitteredWith({ min: 0.5, max: 1.5 })
)

/**
 * Subscribes to a topic. The stream gives the server's messages and tells what is missing among them; it ends when it is no
 * longer run, or fails:
 *
 * - `YamcsError`: the server refuses it (no such topic, no such instance, a missing privilege)
 * - `UnreadableOptions`: the server cannot read its options
 * - `SlowReader`: its buffer is full
 * - `InvalidSetting`: its settings cannot be used
 * - {@link ConnectionFailure}: there is no connection, and another try is useless, or the schedule has ended
 *
 * Elements, not messages, because a display that freezes and one where nothing happens look alike.
 *
 * @example
 * ```ts
 * import * as SocketConnector from "@effect-auth/node/SocketConnector"
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 * import * as Stream from "effect/Stream"
 *
 * const program = Yamcs.subscribe("events", { options: { instance: "simulator" } }).pipe(
 *   Stream.runForEach((element) => {
 *     switch (element._tag) {
 *       case "Data":
 *         return Effect.log(element.data)
 *       case "Lost":
 *         return Effect.logWarning("events are missing from here", element)
 *       case "Reconnected":
 *         return Effect.log("events come again")
 *     }
 *   })
 * )
 *
 * const YamcsLive = Yamcs.layerSubscriptions().pipe(
 *   Layer.provideMerge(Yamcs.layerPassword({
 *     baseUrl: "https://yamcs.example",
 *     credential: { username: "operator", password: Redacted.make("...") }
 *   })),
 *   Layer.provide([NodeHttpClient.layerUndici, SocketConnector.layer()])
 * )
 *
 * const main = Effect.provide(program, YamcsLive)
 * ```
 *
 * @since 0.1.0
 * @category subscriptions
 */
export const subscribe = (
  topic: string,
  options?: SubscribeOptions
): Stream.Stream<Element, SubscriptionFailure, Subscriptions> =>
  Stream.unwrap(Effect.map(Subscriptions, (subscriptions) => subscriptions.subscribe(topic, options)))

/**
 * Decodes the data of a subscription. Notices stay what they are.
 *
 * @since 0.1.0
 * @category combinators
 */
export const decode = <A, I, R>(schema: Schema.Schema<A, I, R>) => {
  const decodeData = Schema.decodeUnknown(schema)
  return <E, R2>(
    self: Stream.Stream<Element, E, R2>
  ): Stream.Stream<Element<A>, E | ParseResult.ParseError, R | R2> =>
    Stream.mapEffect(self, (element): Effect.Effect<Element<A>, ParseResult.ParseError, R> =>
      element._tag === "Data"
        ? Effect.map(decodeData(element.data), (data) => Element.Data({ seq: element.seq, data }))
        : Effect.succeed(element))
}

/**
 * The subscriptions of a client, for programs that have several. `client` is a client of Yamcs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  client: YamcsClient["Type"],
  options: Options = {}
): Effect.Effect<Service, never, AuthenticatedSocket.Connector | Scope.Scope> =>
  Effect.gen(function*() {
    const settings: Link.Settings = {
      client,
      reconnect: options.reconnect ?? reconnect,
      silence: Duration.decode(options.silence ?? "30 seconds"),
      maxAge: Duration.decode(options.maxAge ?? Duration.infinity),
      openTimeout: Duration.decode(options.openTimeout ?? "10 seconds")
    }
    // who comes after the end of a connection gets another, whether or not those of the first have left
    const current = MutableRef.make(0)
    const next = Effect.sync(() => void MutableRef.increment(current))
    const links = yield* RcMap.make({ lookup: (_: number) => Link.make(settings, next) })
    const link = Effect.suspend(() => RcMap.get(links, MutableRef.get(current)))
    const wrong = problemOf(settings)
    return {
      subscribe: (topic, options = {}) =>
        wrong === undefined ? Stream.unwrapScoped(opened(link, topic, options)) : Stream.fail(wrong)
    }
  })

/**
 * The subscriptions of the client of a layer below.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options?: Options
): Layer.Layer<Subscriptions, never, YamcsClient | AuthenticatedSocket.Connector> =>
  Layer.scoped(Subscriptions, Effect.flatMap(YamcsClient, (client) => make(client, options)))

/** A server would be asked for one connection after the other. */
const problemOf = ({ maxAge, openTimeout, silence }: Link.Settings): InvalidSetting | undefined => {
  const wrong = Object.entries({ maxAge, openTimeout, silence })
    .find(([, duration]) => Duration.lessThan(duration, shortest))
  return wrong === undefined
    ? undefined
    : new InvalidSetting({ setting: wrong[0], problem: `must be at least ${Duration.format(shortest)}` })
}

const shortest = Duration.seconds(1)

const opened = (
  link: Effect.Effect<Link.Link, never, Scope.Scope>,
  topic: string,
  { buffer = 1024, lowPriority = false, onFull = "fail", options = {}, updates = Stream.empty }: SubscribeOptions
): Effect.Effect<Stream.Stream<Element, SubscriptionFailure>, InvalidSetting, Scope.Scope> =>
  Effect.gen(function*() {
    const request: Message.Request = { topic, options, lowPriority }
    yield* valid(request)
    if (!Number.isSafeInteger(buffer) || buffer < 1) {
      return yield* new InvalidSetting({ setting: "buffer", problem: "must be a whole number of messages, at least 1" })
    }
    const { add, remove, update } = yield* link
    const inbox = yield* Inbox.make<SubscriptionFailure>(buffer, onFull)
    const id = yield* Effect.acquireRelease(
      Effect.sync(() => add({ request, buffer, inbox })),
      (id) => Effect.sync(() => remove(id))
    )
    const changing = Stream.runForEach(updates, (next) =>
      Effect.zipRight(
        Effect.all([next.change, next.options].map((options) => valid({ ...request, options }))),
        Effect.sync(() => update(id, next.change, next.options))
      ))
    yield* Effect.forkScoped(
      Effect.catchAllCause(changing, (cause) => Effect.sync(() => inbox.end(cause)))
    )
    return Stream.repeatEffectChunkOption(inbox.take)
  })

const valid = (request: Message.Request): Effect.Effect<void, InvalidSetting> =>
  Option.match(Message.problem(request), {
    onNone: () => Effect.void,
    onSome: (problem) => Effect.fail(new InvalidSetting({ setting: `options of ${request.topic}`, problem }))
  })
