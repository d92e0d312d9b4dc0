/**
 * Limiters that share the quotas of one account: each holds a share of what the server admits, and keeps to it as if it were
 * alone. They agree through an exchange: memory that they have in common, or Redis (`RedisRateLimiter` of
 * `@effect-auth/redis`).
 *
 * - One request finds out the quota for all of them; nothing more is sent before.
 * - Shares are fair by need: who needs little leaves the rest to the others.
 * - What is sent is never more than the server stated, as long as no limiter is suspended for longer than its lease.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { DurationWithUnit } from "./DurationWithUnit.ts"
import * as Limiter from "./internal/limiter.ts"
import type { WhenAway } from "./internal/membership.ts"
import * as SharedGate from "./internal/sharedGate.ts"
import * as SharedMemory from "./internal/sharedMemory.ts"
import type { RateLimitPolicy } from "./RateLimitPolicy.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type WhenAway
} from "./internal/membership.ts"

/**
 * Where limiters report what they use of a quota, and are told their shares of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Exchange extends SharedGate.Exchange {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly exchange: Exchange
  /**
   * How long a limiter keeps to what it was granted without hearing of the others, and how long what a limiter held that has
   * died is lost to the others, and the length of the quota's window more. Default: 3 seconds; at least half a second and at
   * most an hour. The same for all.
   */
  readonly lease?: DurationWithUnit | undefined
  /**
   * What a limiter does that cannot reach the others when its lease has ended. Default: `share`.
   *
   * - `share`: it takes an equal share of what was stated last. A limiter that has never reached them waits.
   * - `block`: it sends nothing until they can be reached
   * - `local`: it goes on as if it were alone, and learns from blocks
   */
  readonly whenAway?: WhenAway | undefined
}

/**
 * An exchange in memory, for limiters of one process.
 *
 * @example
 * ```ts
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as SharedRateLimiter from "@effect-auth/rate-limit/SharedRateLimiter"
 * import * as Effect from "effect/Effect"
 *
 * const two = Effect.gen(function*() {
 *   const exchange = yield* SharedRateLimiter.memory
 *   const interactive = yield* SharedRateLimiter.make(RateLimitPolicy.default, { exchange })
 *   const batch = yield* SharedRateLimiter.make(RateLimitPolicy.default, { exchange })
 *   return { interactive, batch }
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const memory: Effect.Effect<Exchange> = SharedMemory.make

/**
 * A limiter in the place of one of `RateLimiter`. It takes part in the exchange from the first request of a key on, for as long
 * as requests come, until the Scope ends. Keys stay apart, so the policy has to give one key to what the server counts
 * together.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  policy: RateLimitPolicy,
  { exchange, lease, whenAway }: Options
): Effect.Effect<Limiter.RateLimiter, never, Scope.Scope> =>
  Effect.map(
    SharedGate.make({
      exchange,
      policy,
      lease: Math.min(longestLease, Math.max(leastLease, Math.ceil(Duration.toMillis(lease ?? defaultLease)))),
      whenAway: whenAway ?? "share"
    }),
    (gates) => Limiter.make(policy, gates)
  )

/** In milliseconds. */
const leastLease = 500

/** In milliseconds. What a limiter held that has died comes back. */
const longestLease = 3_600_000

const defaultLease = Duration.seconds(3)
