/**
 * What the stores of this package need of Redis: running a script, and being told what others publish. It is provided over
 * the `ioredis` client that a program has already, over one of its own, or by whatever else speaks to Redis.
 *
 * @since 0.1.0
 */
import * as System from "@effect-auth/core/System"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Commands from "./internal/commands.ts"
import * as Subscriptions from "./internal/subscriptions.ts"

/**
 * A Lua script, which Redis runs as one step.
 *
 * @since 0.1.0
 * @category models
 */
export interface Script {
  /** Tells it from the others of this package. */
  readonly name: string
  readonly lua: string
}

/**
 * What a subscription brings.
 *
 * - `Subscribed`: from now on messages arrive. After a connection was lost it is said again, because messages may have been
 *   missed.
 * - `Message`: what was published
 *
 * @since 0.1.0
 * @category models
 */
export type Signal = { readonly _tag: "Subscribed" } | { readonly _tag: "Message"; readonly text: string }

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Runs a script on the node that has the keys. It may have run although the effect failed, or run later: the scripts of
   * this package may be run again.
   */
  readonly run: (
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>
  ) => Effect.Effect<unknown, RedisError>
  /** Never ends and never fails: it is subscribed anew when Redis is back. */
  readonly subscribe: (channel: string) => Stream.Stream<Signal>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class RedisClient extends Context.Tag("@effect-auth/redis/RedisClient")<RedisClient, Service>() {}

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-auth/redis/RedisError")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * It occurs when Redis does not run a script. What Redis or the client say of it is not shown, because they may quote what
 * they were given; of an answer of Redis its code is.
 *
 * - `Unavailable`: there is no connection or no answer, or Redis cannot do it now; trying again may help
 * - `Refused`: Redis does not do it for this user, or not at all
 *
 * @since 0.1.0
 * @category errors
 */
export class RedisError extends Schema.TaggedError<RedisError>("@effect-auth/redis/RedisError")("RedisError", {
  reason: Schema.Literal("Unavailable", "Refused"),
  detail: Schema.String
}) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `Redis: ${this.detail}`
  }
}

/**
 * The part of `ioredis` that is used: its `Redis` and its `Cluster` have it, of versions 5 and 6.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ioredis {
  readonly evalsha: (sha1: string, numkeys: number, ...args: Array<string>) => Promise<unknown>
  readonly eval: (script: string, numkeys: number, ...args: Array<string>) => Promise<unknown>
  /** A second connection, for subscriptions. */
  readonly duplicate: () => IoredisSubscriber
}

/**
 * @since 0.1.0
 * @category models
 */
export interface IoredisSubscriber {
  readonly subscribe: (...channels: Array<string>) => Promise<unknown>
  readonly unsubscribe: (...channels: Array<string>) => Promise<unknown>
  readonly on: (event: string, listener: (...args: Array<string>) => void) => unknown
  readonly disconnect: () => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How long a script may take, the wait for a connection included. Default: 2 seconds. What does not fit is tried again
   * where that helps.
   */
  readonly timeout?: DurationWithUnit | undefined
}

/**
 * Uses an `ioredis` client that the program has: a single server, Sentinel or a Cluster. The client stays the program's:
 * it is not closed. Subscriptions need a connection of their own, which is made when the first one is.
 *
 * @example
 * ```ts
 * import * as RedisClient from "@effect-auth/redis/RedisClient"
 * import * as Layer from "effect/Layer"
 * import { Redis } from "ioredis"
 *
 * const redis = new Redis("redis://localhost:6379")
 *
 * const Client = Layer.scoped(RedisClient.RedisClient, RedisClient.fromIoredis(redis))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromIoredis = (client: Ioredis, options?: Options): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.map(Subscriptions.make(() => client.duplicate()), (subscribe) => ({
    run: Commands.make(client, options?.timeout ?? "2 seconds", (reason, detail) => new RedisError({ reason, detail })),
    subscribe
  }))

/**
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions extends Options {
  /** Such as `redis://user:password@localhost:6379/0`, `rediss:` for TLS, or the path of a socket. */
  readonly url: Redacted.Redacted
}

/**
 * Connects to one server with a client of its own, by `ioredis`, which has to be installed. For Sentinel, a Cluster or
 * options, make the client and use {@link fromIoredis}. The layer does not wait for the connection.
 *
 * @example
 * ```ts
 * import * as RedisClient from "@effect-auth/redis/RedisClient"
 * import * as Redacted from "effect/Redacted"
 *
 * const Client = RedisClient.layerIoredis({ url: Redacted.make("redis://localhost:6379") })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerIoredis = ({ url, ...options }: LayerOptions): Layer.Layer<RedisClient, RedisError> =>
  Layer.scoped(
    RedisClient,
    Effect.gen(function*() {
      const { Redis } = yield* Effect.tryPromise({
        try: () => import("ioredis"),
        catch: () =>
          new RedisError({ reason: "Refused", detail: "install ioredis, version 5 or 6, to connect with it" })
      })
      const address = Redacted.value(url).trim()
      // ioredis takes anything else for the name of a host, and never gets through
      if (!/^(?:rediss?:\/\/|\/)/iu.test(address)) {
        return yield* new RedisError({
          reason: "Refused",
          detail: "the url must begin with redis:// or rediss://, or be the path of a socket"
        })
      }
      const client = yield* Effect.acquireRelease(
        Effect.try({
          try: () => new Redis(address, { maxRetriesPerRequest: null, retryStrategy: Commands.reconnectAfter }),
          catch: () => new RedisError({ reason: "Refused", detail: "the url is none that ioredis can connect to" })
        }),
        (client) => Effect.sync(() => client.disconnect())
      )
      // a lost connection shows in what does not get through; without a listener ioredis prints it
      client.on("error", () => {})
      return yield* fromIoredis(client, options)
    })
  )

/**
 * {@link layerIoredis} with its options from Config.
 *
 * @example
 * ```ts
 * import * as RedisClient from "@effect-auth/redis/RedisClient"
 * import * as Config from "effect/Config"
 *
 * const Client = RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<LayerOptions>
): Layer.Layer<RedisClient, RedisError | ConfigError> => System.layerConfig(options, layerIoredis)
