/**
 * Sessions and quotas shared by machines through Redis.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as RedisClient from "./RedisClient.ts"

/** @since 0.1.0 */
export * as RedisRateLimiter from "./RedisRateLimiter.ts"

/** @since 0.1.0 */
export * as RedisTokenStore from "./RedisTokenStore.ts"
