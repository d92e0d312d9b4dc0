/**
 * Rate limits that an HttpClient learns from responses and respects.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as DurationWithUnit from "./DurationWithUnit.ts"
/** @since 0.1.0 */
export * as RateLimiter from "./RateLimiter.ts"
/** @since 0.1.0 */
export * as RateLimitError from "./RateLimitError.ts"
/** @since 0.1.0 */
export * as RateLimitEvent from "./RateLimitEvent.ts"
/** @since 0.1.0 */
export * as RateLimitHeaders from "./RateLimitHeaders.ts"
/** @since 0.1.0 */
export * as RateLimitPolicy from "./RateLimitPolicy.ts"
/** @since 0.1.0 */
export * as RateLimitStatus from "./RateLimitStatus.ts"
/** @since 0.1.0 */
export * as ReplayPolicy from "./ReplayPolicy.ts"
/** @since 0.1.0 */
export * as ResponseBody from "./ResponseBody.ts"
/** @since 0.1.0 */
export * as SharedRateLimiter from "./SharedRateLimiter.ts"
