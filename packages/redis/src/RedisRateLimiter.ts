/**
 * Rate limiters that keep the machines of a service within the quotas of one account, through Redis. Each process holds a share
 * of what the server admits and keeps to it as if it were alone; about every ten requests it reports what it has used, and is
 * told its share of the next.
 *
 * - One request finds out the quota for all processes; nothing more is sent before.
 * - Shares are fair by need: who needs little leaves the rest to the others.
 * - A lower limit that the server states is known to all of them at once.
 * - Nothing more is sent than the server admits while processes are killed, and Redis is away, or comes back empty: unless a
 *   process is suspended for longer than the lease.
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as System from "@effect-auth/core/System"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import { CurrentRateLimiter, type RateLimiter } from "@effect-auth/rate-limit/RateLimiter"
import type { RateLimitPolicy } from "@effect-auth/rate-limit/RateLimitPolicy"
import * as SharedRateLimiter from "@effect-auth/rate-limit/SharedRateLimiter"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as QuotaExchange from "./internal/quotaExchange.ts"
import { RedisClient } from "./RedisClient.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Names the account whose quotas are shared, the same in every process. Without braces, which name the slot of a cluster. */
  readonly key: string
  /** What every key begins with. Default: `effect-auth`. */
  readonly prefix?: string | undefined
  /**
   * How long a process keeps to what it was granted without reaching Redis, and how long the share of a process that died is
   * lost to the others, besides the length of the quota's window. Default: 3 seconds; at least half a second. The same in
   * every process, and longer than a process may be suspended.
   */
  readonly lease?: DurationWithUnit | undefined
  /**
   * What a process does that cannot reach Redis when its lease has ended. Default: `share`.
   *
   * - `share`: it takes an equal share of what the server stated last. A process that has never reached Redis waits.
   * - `block`: it sends nothing until Redis is back
   * - `local`: it goes on as if it were alone, and learns from blocks
   */
  readonly whenAway?: SharedRateLimiter.WhenAway | undefined
}

/**
 * A limiter in the place of one of `RateLimiter`. It takes part from the first request of a key on, for as long as requests
 * come, until the Scope ends. The policy has to give one key to what the server counts together, and to be the same in every
 * process.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as RedisRateLimiter from "@effect-auth/redis/RedisRateLimiter"
 *
 * const limiter = RedisRateLimiter.make(
 *   RateLimitPolicy.default.pipe(RateLimitPolicy.key(RateLimitPolicy.byOrigin)),
 *   { key: "acme" }
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  policy: RateLimitPolicy,
  options: Options
): Effect.Effect<RateLimiter, InvalidSetting, RedisClient | Scope.Scope> =>
  Effect.gen(function*() {
    const lease = Duration.decode(options.lease ?? "3 seconds")
    if (Duration.lessThan(lease, "500 millis") || !Duration.isFinite(lease)) {
      return yield* new InvalidSetting({ setting: "lease", problem: "must be finite and at least half a second" })
    }
    const prefix = yield* named("prefix", options.prefix ?? "effect-auth")
    const key = yield* named("key", options.key)
    return yield* SharedRateLimiter.make(policy, {
      exchange: QuotaExchange.make(yield* RedisClient, `${prefix}:${key}`),
      lease,
      whenAway: options.whenAway
    })
  })

/**
 * Provides a limiter as `CurrentRateLimiter`.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as RedisClient from "@effect-auth/redis/RedisClient"
 * import * as RedisRateLimiter from "@effect-auth/redis/RedisRateLimiter"
 * import * as Config from "effect/Config"
 * import * as Layer from "effect/Layer"
 *
 * const Limited = RedisRateLimiter.layer(RateLimitPolicy.default, { key: "acme" }).pipe(
 *   Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  policy: RateLimitPolicy,
  options: Options
): Layer.Layer<CurrentRateLimiter, InvalidSetting, RedisClient> =>
  Layer.scoped(CurrentRateLimiter, make(policy, options))

/**
 * {@link layer} with its options from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  policy: RateLimitPolicy,
  options: Config.Config.Wrap<Options>
): Layer.Layer<CurrentRateLimiter, InvalidSetting | ConfigError, RedisClient> =>
  System.layerConfig(options, (options: Options) => layer(policy, options))

const named = (setting: string, value: string): Effect.Effect<string, InvalidSetting> =>
  value === ""
    ? new InvalidSetting({ setting, problem: "must not be empty" })
    : /[{}]/u.test(value)
    ? new InvalidSetting({ setting, problem: "must be without braces, which name the slot of a Redis Cluster" })
    : Effect.succeed(value)
